"""A service whose machine fails it: what it says stays right, and what it acknowledged stays."""

import asyncio

import pytest

from benchmarks.faulty_clients import difference
from benchmarks.random_faults import LASTING, Fault, House, check_stored, draw_faults, hurt
from models.assessment import as_json
from models.record import Record
from tests.support.readers import KeywordAnalyzer

TEXTS = [f"理赔资料交了{days}天没有结果,现要求全额退保。" for days in range(40)]


def answers() -> dict:
    records = [Record(text) for text in TEXTS]
    return dict(zip(TEXTS, map(as_json, KeywordAnalyzer().assess(records)), strict=True))


def test_no_answer_is_wrong_and_no_acknowledged_case_is_lost(tmp_path):
    wanted, house = answers(), House(tmp_path, with_bundle=False)
    faults = [Fault(0.5, kind, 0.5) for kind in ("pause", "lock", "full disk", "kill", "lock")]
    try:
        seen = asyncio.run(hurt(house, faults, wanted=wanted, clients=4, seed=7))
    finally:
        house.stop()
    outcome = check_stored(house, seen, wanted=wanted, folder=tmp_path)
    assert seen.acknowledged
    assert (seen.wrong, outcome.missing, outcome.faults) == ([], set(), [])


def test_a_seed_draws_the_same_faults_of_every_kind():
    faults = draw_faults(seconds=300, seed=3)
    assert faults == draw_faults(seconds=300, seed=3)
    assert {fault.kind for fault in faults} == set(LASTING)
    assert faults != draw_faults(seconds=300, seed=4)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({}, None),
        ({"case_id": "F-2"}, "case_id"),
        ({"facets": {}}, "facets"),
        ({"related": {"group_id": None, "size": 1}}, None),
    ],
)
def test_an_answer_is_compared_part_by_part_without_its_links(change, part):
    wanted = answers()[TEXTS[0]]
    given = {**wanted, "case_id": "F-1", **change}
    assert difference(given, wanted, case_id="F-1") == part


def test_in_a_group_the_level_may_differ_and_what_the_text_alone_gave_may_not():
    wanted = answers()[TEXTS[0]]
    grouped = {"group_id": "G1", "size": 2, "links": []}
    raised = {**wanted["agent"], "level": "REVIEW"}
    raised["signs"] = [*raised["signs"], {"id": "PS_SHARED_PHONE"}]
    given = {**wanted, "case_id": "F-1", "related": grouped, "agent": raised}
    assert difference(given, wanted, case_id="F-1") is None
    assert difference(given | {"agent": raised | {"signs": []}}, wanted, case_id="F-1") == "agent"
    assert difference(given | {"related": wanted["related"]}, wanted, case_id="F-1") == "agent"
