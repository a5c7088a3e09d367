from collections.abc import Iterator
from pathlib import Path

import pytest

from models.record import Record
from serving.console.filters import Asked, read_query
from serving.register.asked import CaseFilter
from serving.register.register import Register
from serving.register.reviews import Review
from serving.register.worklist import (
    excerpt_of,
    find_cases,
    group_levels,
    standing_labels_of,
    versions_of,
)
from serving.vocabulary import default_vocabulary
from tests.support.consoles import LEVELS, PHONE, found, keep_routed, open_joining, send
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_joining(tmp_path) as register:
        yield register


@pytest.fixture
def several(console, register) -> Register:
    """Three cases: T-1 watched, T-2 unclear and older, T-3 late and newer."""
    send(console, case_id="T-2", text="请问怎么办", received_at="2026/03/02 08:00")
    send(console, case_id="T-3", text="理赔太慢,100%不满意", received_at="2099-01-01T08:00")
    return register


@pytest.mark.parametrize(
    ("wanted", "cases"),
    [
        ({}, ["T-3", "T-2", "T-1"]),
        ({"level": "WATCH"}, ["T-1"]),
        ({"causes": ("CLAIM.CLAIM_DELAY", "CLAIM.CLAIM_DENY")}, ["T-3", "T-1"]),
        ({"causes": ("OTHER.UNCLEAR",)}, ["T-2"]),
        ({"review": "waiting"}, ["T-2"]),
        ({"review": "reviewed"}, []),
        ({"until": "2026-03-02"}, ["T-2"]),
        ({"since": "2090-01-01"}, ["T-3"]),
        ({"words": "资料 全额"}, ["T-1"]),
        ({"words": "0%不"}, ["T-3"]),
        ({"words": "1%9"}, []),
        ({"words": PHONE}, []),
        ({"order": "received"}, ["T-3", "T-1", "T-2"]),
        ({"order": "level"}, ["T-1", "T-3", "T-2"]),
    ],
)
def test_the_worklist_finds_what_is_asked_for(several, wanted, cases):
    assert found(several, **wanted) == cases


def test_the_worklist_counts_all_that_is_asked_for_not_only_its_page(several):
    page = find_cases(several, CaseFilter(), levels=LEVELS, limit=1, offset=1)
    assert [case.case_id for case in page.cases] == ["T-2"]
    assert (page.total, page.waiting, page.levels) == (3, 1, {"NONE": 2, "WATCH": 1})


@pytest.fixture
def routed(several) -> Register:
    """Beside the three of `several` two who need help, and one by a codebook that is gone."""
    for case_id, route in (("S-1", "safety"), ("V-1", "victim_help"), ("O-1", "old")):
        keep_routed(several, case_id, route)
    return several


@pytest.mark.parametrize(
    ("wanted", "cases"),
    [
        ({"route": "safety"}, ["S-1"]),
        ({"route": "safety", "level": "NONE"}, []),
        ({"level": "NONE"}, ["T-3", "T-2"]),
        ({"order": "newest"}, ["O-1", "V-1", "S-1", "T-3", "T-2", "T-1"]),
        ({"order": "level"}, ["S-1", "V-1", "O-1", "T-1", "T-3", "T-2"]),
    ],
)
def test_who_needs_help_has_no_level_and_is_looked_at_before_any(routed, wanted, cases):
    assert found(routed, **wanted) == cases


def test_who_needs_help_counts_among_the_routes_alone(routed):
    page = find_cases(routed, CaseFilter(), levels=LEVELS, limit=9)
    assert (page.total, page.levels) == (6, {"NONE": 2, "WATCH": 1})
    assert page.routes == {"safety": 1, "victim_help": 1, "old": 1}


def test_without_routes_in_the_codebook_levels_alone_order(several):
    page = find_cases(several, CaseFilter(), levels=LEVELS, order="level", limit=9)
    assert [case.case_id for case in page.cases] == ["T-1", "T-3", "T-2"]


def test_the_worklist_has_the_newest_version_only(console, register):
    send(console, text="请问怎么办")
    (case,) = find_cases(register, CaseFilter(), levels=LEVELS, limit=9).cases
    assert (case.version, case.primary_cause) == (2, "OTHER.UNCLEAR")
    assert [one.version for one in versions_of(register, "T-1")] == [2, 1]


def test_a_forgotten_case_is_in_no_list(console, register):
    register.forget("T-1", actor="tests")
    assert found(register) == []


def test_words_are_not_looked_for_in_a_ciphertext(tmp_path):
    url = f"sqlite:///{tmp_path / 'sealed.db'}"
    opened = Register.open(url, key_file=tmp_path / "k2", text_form="encrypted")
    with opened as register, run_server(KeywordAnalyzer(), register=register) as (client, _):
        send(client)
        assert found(register, words="gAAAA") == []
        (case,) = find_cases(register, CaseFilter(), levels=LEVELS, limit=9).cases
        assert (case.excerpt or "").startswith("理赔资料")


def test_both_kinds_of_database_find_and_count_alike(database_url, tmp_path):
    with Register.open(database_url, key_file=tmp_path / "k3") as register:
        for number, text in enumerate(("理赔太慢", "理赔太慢,全额退保", "请问怎么办")):
            record = Record(text, case_id=f"T-{number}", received_at=f"2026-11-0{3 - number}")
            (assessment,) = KeywordAnalyzer().assess([record])
            register.accept(record, assessment)
        register.submit_review("T-2", Review("accept", "复核一组")).result()
        assert found(register, order="level") == ["T-1", "T-0", "T-2"]
        assert found(register, order="received", words="理赔", until="2026-11-02") == ["T-1"]
        assert found(
            register, causes=("OTHER.UNCLEAR",), review="reviewed", since="2026-11-01"
        ) == ["T-2"]
        page = find_cases(
            register, CaseFilter(causes=("CLAIM.CLAIM_DELAY",)), levels=LEVELS, limit=1
        )
        assert (page.total, page.waiting, page.levels) == (2, 0, {"NONE": 1, "WATCH": 1})
        assert [one.reviews for one in versions_of(register, "T-2")] == [1]
        assert standing_labels_of(register, "T-2")["primary"] == "OTHER.UNCLEAR"
        assert group_levels(register, ["G000001", "X"]) == {}


def test_what_no_database_keeps_is_looked_for_as_it_was_kept(database_url, tmp_path):
    with Register.open(database_url, key_file=tmp_path / "k4") as register:
        record = Record("理赔\x00太慢", case_id="长" * 300)
        register.accept(record, *KeywordAnalyzer().assess([record]))
        (kept,) = found(register, words="赔\x00太")
        assert found(register, words="\x00\x00") == []
        for id_ in (kept, record.case_id):
            assert [one.version for one in versions_of(register, id_)] == [1]
            assert standing_labels_of(register, id_)["primary"] == "CLAIM.CLAIM_DELAY"
        assert versions_of(register, "\x00") == ()


def test_a_query_that_cannot_be_meant_is_passed_over():
    query = {
        "level": "GUILTY",
        "route": "X",
        "cause": "X",
        "since": "昨天",
        "page": "-3",
        "order": "worst",
    }
    assert read_query(query, default_vocabulary()) == Asked(CaseFilter())


def test_an_excerpt_shows_the_words_looked_for():
    assert "回访" in excerpt_of("长" * 500 + "回访" + "长" * 500, "回访")


def test_a_branch_means_its_leaves_and_a_link_keeps_it():
    vocabulary = default_vocabulary()
    asked = read_query({"cause": "CLAIM"}, vocabulary)
    leaves = {cause.id for cause in vocabulary.taxonomy.causes if cause.parent == "CLAIM"}
    assert set(asked.wanted.causes) == leaves
    query = {name: value for name, value in asked.query().items() if value is not None}
    assert read_query(query, vocabulary) == asked
    assert read_query({"cause": "nothing"}, vocabulary) == Asked(CaseFilter())
