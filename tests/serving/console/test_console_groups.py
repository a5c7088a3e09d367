"""The page of a group."""

import re
from pathlib import Path

import pytest

from models.codebook import default_codebook
from serving.register.grouped import GroupDetail, GroupMember, GroupSummary
from serving.register.link_index import index_with
from serving.register.register import Register
from serving.register.registered import NoLinks
from tests.support.consoles import send
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

STORED = "2026-03-02T01:00:00.000000Z"


class OneGroup(NoLinks):
    """Two cases of one day, of which intake told the day of one; who wrote the other needs help."""

    def __init__(self, size: int = 2) -> None:
        self._size = size

    def group(self, connection, group_id):
        summary = GroupSummary("G1", "ring", "疑似", "含义", self._size, STORED, STORED, ())
        members = tuple(
            GroupMember(id_, STORED, received, "2026-03-02", "NONE", route, "CLAIM.CLAIM_DELAY")
            for id_, received, route in (
                ("T-1", "2026-03-02T09:00:00+08:00", None),
                ("T-2", None, "victim_help"),
            )
        )
        return GroupDetail(summary, members, (), ())


def page_of(tmp_path: Path, size: int) -> str:
    url = f"sqlite:///{tmp_path / 'register.db'}"
    opened = Register.open(url, key_file=tmp_path / "k", index=lambda _: OneGroup(size))
    run = run_server(KeywordAnalyzer(), register=opened, data_dir=tmp_path)
    with opened, run as (client, _):
        return client.get("/console/group", params={"id": "G1"}).text


@pytest.fixture
def group_page(tmp_path: Path) -> str:
    return page_of(tmp_path, 2)


@pytest.mark.parametrize(("size", "told"), [(2, 0), (700, 2)])
def test_what_is_counted_of_the_listed_members_alone_says_so(tmp_path, size, told):
    assert page_of(tmp_path, size).count("按所列 2 件计") == told


def test_a_case_says_what_its_text_alone_gives_and_what_its_links(tmp_path):
    url, codebook = f"sqlite:///{tmp_path / 'register.db'}", default_codebook()
    opened = Register.open(url, key_file=tmp_path / "k", index=index_with(codebook))
    run = run_server(KeywordAnalyzer(), register=opened, data_dir=tmp_path)
    people = [
        ("T-1", "周平", "理赔太慢"),
        ("T-2", "沈月华", "请问怎么改地址"),
        ("T-3", "罗定", "登不上去"),
    ]
    with opened, run as (client, _):
        for id_, name, text in people:
            send(client, text=text, case_id=id_, policyholder=name, phone="19900001111")
        page = client.get("/console/case", params={"id": "T-1"}).text
    assert "文本本身:无提示;结合关联案件:建议核验" in page


def test_a_day_is_one_line_of_the_timeline_wherever_it_is_known_from(group_page):
    assert re.findall(r"<tr><td>([\d-]+)</td>", group_page) == ["2026-03-02"]


def test_a_member_who_needs_help_is_not_shown_as_one_without_advice(group_page):
    (row,) = (row for row in re.findall(r"<tr>.*?</tr>", group_page) if "T-2</a>" in row)
    assert "受害帮扶" in row
    assert "无提示" not in row
    chips = re.findall(r'class="chip">.*?</span>([^<]+)</span> <b>(\d+)</b>', group_page)
    assert chips == [("受害帮扶", "1"), ("无提示", "1")]
