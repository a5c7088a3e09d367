"""Errors of a bundle: every difference between labels and answers is found, and none beside."""

from dataclasses import replace
from typing import Any

import pytest

from models.record import LabelledRecord
from training.evaluation.errors import (
    CONFUSION,
    FALSE_FLAG,
    FALSE_MARK,
    FALSE_SIGN,
    KINDS,
    LABEL_ERROR,
    MISSED_MARK,
    MISSED_SIGN,
    Errors,
    find_errors,
    learned_among,
)
from training.examples.neighbours import Placed


@pytest.fixture(scope="module")
def golds(samples: list[LabelledRecord]) -> tuple[Placed, ...]:
    return tuple(Placed(f"a.jsonl:{row}", one) for row, one in enumerate(samples, start=1))


@pytest.fixture(scope="module")
def errors(tiny_analyzer: Any, golds: tuple[Placed, ...]) -> Errors:
    return find_errors(tiny_analyzer, golds, part="all", train=golds[:20])


@pytest.fixture(scope="module")
def answers(tiny_analyzer: Any, golds: tuple[Placed, ...]) -> list[Any]:
    return tiny_analyzer.assess([gold.labelled.record for gold in golds])


def triples(errors: Errors, kind: str) -> set[tuple[str, str, str]]:
    return {(errors.cases[m.case].placed.place, m.given, m.answered) for m in errors.of_kind(kind)}


def test_a_confusion_is_an_answer_other_than_the_primary(errors, golds, answers):
    wanted = {
        (gold.place, gold.labelled.primary, answer.root_cause.primary.id)
        for gold, answer in zip(golds, answers, strict=True)
        if gold.labelled.primary != answer.root_cause.primary.id
    }
    assert triples(errors, CONFUSION) == wanted


@pytest.mark.parametrize(
    ("name", "false", "missed"),
    [("signs", FALSE_SIGN, MISSED_SIGN), ("marks", FALSE_MARK, MISSED_MARK)],
)
def test_signs_and_marks_are_false_or_missed(errors, golds, answers, name, false, missed):
    wrong, lacking = set(), set()
    for gold, answer in zip(golds, answers, strict=True):
        given = set(getattr(gold.labelled, name))
        shown = {one.id for one in getattr(answer.agent, name)}
        wrong |= {(gold.place, "", id_) for id_ in shown - given}
        lacking |= {(gold.place, id_, "") for id_ in given - shown}
    assert (triples(errors, false), triples(errors, missed)) == (wrong, lacking)


def test_a_genuine_record_at_review_is_a_false_flag(tiny_analyzer, golds, answers):
    flagged = [
        replace(gold, labelled=replace(gold.labelled, agent_run=False))
        for gold, answer in zip(golds, answers, strict=True)
        if answer.agent.level not in ("NONE", "WATCH")
    ]
    found = find_errors(tiny_analyzer, flagged, part="all")
    assert len(found.of_kind(FALSE_FLAG)) == len(flagged) > 0
    assert found.mistakes[0].kind == FALSE_FLAG


def test_who_is_agent_run_is_no_false_flag(errors):
    flagged = [errors.cases[m.case].placed.labelled for m in errors.of_kind(FALSE_FLAG)]
    assert not any(labelled.agent_run for labelled in flagged)


def test_mistakes_come_by_kind_and_then_the_surest_first(errors):
    keys = [(KINDS.index(m.kind), -m.confidence) for m in errors.mistakes]
    assert keys == sorted(keys)


def test_cases_are_the_records_with_a_mistake(errors):
    assert {m.case for m in errors.mistakes} == set(range(len(errors.cases)))


def test_each_case_has_its_nearest_training_examples(errors, golds):
    places = {gold.place for gold in golds[:20]}
    for case in errors.cases:
        assert len(case.neighbours) == 3
        assert {near.placed.place for near in case.neighbours} <= places - {case.placed.place}


def test_without_training_examples_the_reader_is_told(tiny_analyzer, golds):
    assert any("--train" in note for note in find_errors(tiny_analyzer, golds, part="all").notes)


def test_a_wrong_primary_is_a_likely_label_error(tiny_analyzer, golds):
    """The network knows these texts by heart: what was changed since is what it doubts."""
    at = next(i for i, g in enumerate(golds) if g.labelled.primary == "OTHER.REPORT_CRIME")
    wrong = replace(golds[at].labelled, primary="OTHER.UNCLEAR", causes=("OTHER.UNCLEAR",))
    changed = [*golds[:at], replace(golds[at], labelled=wrong), *golds[at + 1 :]]
    found = find_errors(tiny_analyzer, changed, part="all")
    assert (golds[at].place, "OTHER.UNCLEAR", "OTHER.REPORT_CRIME") in triples(found, LABEL_ERROR)


def test_nothing_is_doubted_of_what_was_learned(golds, tiny_analyzer, monkeypatch):
    from training.examples.provenance import digest

    texts = [digest(gold.labelled.record) for gold in golds]
    manifest = {**tiny_analyzer.bundle.manifest, "training": {"texts": texts}}
    bundle = replace(tiny_analyzer.bundle, manifest=manifest)
    monkeypatch.setattr(tiny_analyzer, "bundle", bundle)
    found = find_errors(tiny_analyzer, golds, part="all")
    assert learned_among(golds, bundle) == golds
    assert found.of_kind(LABEL_ERROR) == ()
    assert any("learned from" in note for note in found.notes)
