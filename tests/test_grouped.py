"""Groups as the register shows them: one day, one line."""

from serving.register.grouped import GroupDetail, GroupMember, GroupSummary

SUMMARY = GroupSummary("G1", "ring", "疑似", "含义", 4, "2026-03-02", "2026-03-03", ())


def member(*, received: str | None, stored: str = "2026-03-02T01:00:00.000000Z") -> GroupMember:
    return GroupMember("T-1", stored, received, "NONE", None, "CLAIM.CLAIM_DELAY")


def timeline(*members: GroupMember) -> tuple[tuple[str, int], ...]:
    return GroupDetail(SUMMARY, members, (), ()).timeline


def test_a_day_told_by_intake_and_the_same_day_of_storing_are_one():
    said = member(received="2026-03-02T08:00:00+08:00")
    assert timeline(said, member(received=None), said) == (("2026-03-02", 3),)


def test_days_are_told_first_to_last():
    later, earlier = member(received="2026/03/05"), member(received="2026-02-28")
    assert timeline(later, earlier) == (("2026-02-28", 1), ("2026-03-05", 1))


def test_a_moment_that_is_none_counts_on_the_day_of_storing():
    assert member(received="上周一").day == "2026-03-02"
