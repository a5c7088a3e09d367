from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.register.register import Register
from tests.support.one_group import OneGroup
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

DAYS = {"T-1": "2026-03-02T08:00:00+08:00", "T-2": "2026年3月2日", "T-3": None}


@pytest.fixture
def grouping(tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a service whose register holds three cases in one group."""
    url = f"sqlite:///{tmp_path / 'register.db'}"
    opened = Register.open(url, key_file=tmp_path / "k", index=lambda _: OneGroup())
    with opened as register, run_server(KeywordAnalyzer(), register=register) as (client, _):
        for case_id, day in DAYS.items():
            body = {"case_id": case_id, "text": "理赔太慢", "received_at": day}
            assert client.post("/v1/assess", json=body).status_code == 200
        yield client


def test_an_answer_says_what_the_case_is_linked_to_and_why(grouping):
    body = {"case_id": "T-4", "text": "理赔太慢"}
    related = grouping.post("/v1/assess", json=body).json()["related"]
    assert (related["group_id"], related["size"]) == ("G1", 4)
    assert related["links"][0] == {
        "case_id": "T-1",
        "kind": "phone",
        "score": 1.0,
        "why": "联系电话相同",
    }


def test_the_level_is_the_one_that_the_company_gives_and_says_why(grouping):
    agent = grouping.post("/v1/assess", json={"case_id": "T-4", "text": "理赔太慢"}).json()["agent"]
    assert (agent["level"], agent["reasons"]) == ("REVIEW", ["三人共用一个电话"])
    assert [sign["id"] for sign in agent["signs"]] == ["PS_SHARED_PHONE"]


def test_a_case_read_later_shows_what_joined_it_since(grouping):
    assert grouping.get("/v1/cases/T-1").json()["assessment"]["related"]["size"] == 3


def test_a_case_sent_again_shows_its_links_of_now(grouping):
    body = {"case_id": "T-1", "text": "理赔太慢", "received_at": DAYS["T-1"]}
    assert grouping.post("/v1/assess", json=body).json()["related"]["size"] == 3


def test_groups_are_listed_with_what_joins_them(grouping):
    (group,) = grouping.get("/v1/groups").json()["groups"]
    assert (group["id"], group["size"], group["why"]) == ("G1", 3, ["联系电话相同 3 对"])


@pytest.mark.parametrize("query", ["kind=household", "offset=1"])
def test_groups_can_be_narrowed(grouping, query):
    assert grouping.get(f"/v1/groups?{query}").json()["groups"] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "offset=-1", f"offset={10**19}"])
def test_a_senseless_part_of_the_list_is_422(grouping, query):
    assert grouping.get(f"/v1/groups?{query}").status_code == 422


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(grouping):
    answer = grouping.get("/v1/groups?kind=foo")
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "kind")
    assert "ring, " in error["reason"]
    assert "household" in error["reason"]
    assert "foo" not in answer.text


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("limit=500", "at most 200"),
        ("limit=0", "at least 1"),
        ("limit=ten", "an integer"),
        (f"offset={'9' * 5000}", "an integer"),
    ],
)
def test_a_wrong_number_is_told_what_is_wanted(grouping, query, wanted):
    (error,) = grouping.get(f"/v1/groups?{query}").json()["errors"]
    assert wanted in error["reason"]


def test_a_group_has_members_links_days_and_what_to_verify(grouping):
    group = grouping.get("/v1/groups/G1").json()
    assert [member["case_id"] for member in group["members"]] == ["T-1", "T-2", "T-3"]
    assert [member["day"] for member in group["members"][:2]] == ["2026-03-02"] * 2
    assert group["links"][0]["case_ids"] == ["T-1", "T-2"]
    assert group["timeline"][0] == {"day": "2026-03-02", "cases": 2}
    assert group["verify"] == ["核对来电登记"]
    assert "仅供核验" in group["notice"]


def test_a_group_that_is_not_there_is_404(grouping):
    assert grouping.get("/v1/groups/G9").status_code == 404


def test_without_a_register_there_are_no_groups(client):
    assert client.get("/v1/groups").status_code == 404
