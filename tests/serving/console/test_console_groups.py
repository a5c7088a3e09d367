"""The page of a group."""

import re
from pathlib import Path

import pytest

from serving.register.grouped import GroupDetail, GroupMember, GroupSummary
from serving.register.register import Register
from serving.register.registered import NoLinks
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

STORED = "2026-03-02T01:00:00.000000Z"


class OneGroup(NoLinks):
    """Two cases of one day, of which intake told the day of one; who wrote the other needs help."""

    def group(self, connection, group_id):
        summary = GroupSummary("G1", "ring", "疑似", "含义", 2, STORED, STORED, ())
        members = tuple(
            GroupMember(id_, STORED, received, "2026-03-02", "NONE", route, "CLAIM.CLAIM_DELAY")
            for id_, received, route in (
                ("T-1", "2026-03-02T09:00:00+08:00", None),
                ("T-2", None, "victim_help"),
            )
        )
        return GroupDetail(summary, members, (), ())


@pytest.fixture
def group_page(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'register.db'}"
    opened = Register.open(url, key_file=tmp_path / "k", index=lambda _: OneGroup())
    run = run_server(KeywordAnalyzer(), register=opened, data_dir=tmp_path)
    with opened, run as (client, _):
        return client.get("/console/group", params={"id": "G1"}).text


def test_a_day_is_one_line_of_the_timeline_wherever_it_is_known_from(group_page):
    assert re.findall(r"<tr><td>([\d-]+)</td>", group_page) == ["2026-03-02"]


def test_a_member_who_needs_help_is_not_shown_as_one_without_advice(group_page):
    (row,) = (row for row in re.findall(r"<tr>.*?</tr>", group_page) if "T-2</a>" in row)
    assert "受害帮扶" in row
    assert "无提示" not in row
    chips = re.findall(r'class="chip">.*?</span>([^<]+)</span> <b>(\d+)</b>', group_page)
    assert chips == [("受害帮扶", "1"), ("无提示", "1")]
