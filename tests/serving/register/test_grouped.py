"""Groups as the register shows them: one day, one line."""

from serving.register.grouped import GroupDetail, GroupMember, GroupSummary

SUMMARY = GroupSummary("G1", "ring", "疑似", "含义", 4, "2026-03-02", "2026-03-03", ())
STORED = "2026-03-02T01:00:00.000000Z"


def timeline(*days: str) -> tuple[tuple[str, int], ...]:
    members = (
        GroupMember("T-1", STORED, None, day, "NONE", None, "CLAIM.CLAIM_DELAY") for day in days
    )
    return GroupDetail(SUMMARY, tuple(members), (), ()).timeline


def test_a_day_is_one_line_and_days_are_told_first_to_last():
    days = timeline("2026-03-05", "2026-02-28", "2026-03-05")
    assert days == (("2026-02-28", 1), ("2026-03-05", 2))
