"""The page of a group."""

import re
from pathlib import Path

from serving.register.grouped import GroupDetail, GroupMember, GroupSummary
from serving.register.register import Register
from serving.register.registered import NoLinks
from tests.readers import KeywordAnalyzer
from tests.served import run_server

STORED = "2026-03-02T01:00:00.000000Z"


class OneGroup(NoLinks):
    """Two cases of one day, of which intake told the day of one."""

    def group(self, connection, group_id):
        summary = GroupSummary("G1", "ring", "疑似", "含义", 2, STORED, STORED, ())
        members = tuple(
            GroupMember(id_, STORED, received, "NONE", "CLAIM.CLAIM_DELAY")
            for id_, received in (("T-1", "2026-03-02T09:00:00+08:00"), ("T-2", None))
        )
        return GroupDetail(summary, members, (), ())


def test_a_day_is_one_line_of_the_timeline_wherever_it_is_known_from(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'register.db'}"
    opened = Register.open(url, key_file=tmp_path / "k", index=lambda _: OneGroup())
    run = run_server(KeywordAnalyzer(), register=opened, data_dir=tmp_path)
    with opened, run as (client, _):
        page = client.get("/console/group", params={"id": "G1"}).text
    assert re.findall(r"<tr><td>([\d-]+)</td>", page) == ["2026-03-02"]
