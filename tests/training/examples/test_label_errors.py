"""Confident learning on arrays small enough to count by hand."""

import numpy as np
import pytest

from models.record import LabelledRecord, Record
from training.examples.label_errors import Given, LabelDoubt, doubts

DELAY, HOTLINE = "CLAIM.CLAIM_DELAY", "SERVICE.HOTLINE"
FEE = "PS_FEE_SHARE"


def record(primary: str, *others: str, signs: tuple[str, ...] = ()) -> LabelledRecord:
    return LabelledRecord(Record("等了两个月"), primary, (primary, *others), signs=signs)


def judged(records, *, primary, labels=None, known=True) -> list[LabelDoubt]:
    """Doubts with given probabilities; those of the labels are, unless told, as annotated."""
    given = Given.of(records)
    sure = np.where(given.held, 0.9, 0.05) if labels is None else np.array(labels, dtype=float)
    columns = len(given.ids) + len(given.causes)
    return doubts(given, labels=sure, primary=np.array(primary), known=np.full(columns, known))


FOUR = [record(DELAY), record(DELAY), record(HOTLINE), record(HOTLINE)]
SURE = [[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]]


def test_labels_of_each_kind_stand_together_in_order():
    given = Given.of([record(HOTLINE, DELAY, signs=(FEE,)), record(DELAY)])
    assert given.ids == (DELAY, HOTLINE, FEE)
    assert given.kinds == ("cause", "cause", "sign")
    assert given.held.tolist() == [[True, True, True], [True, False, False]]
    assert given.primary_held.tolist() == [[False, True], [True, False]]


def test_a_model_that_agrees_doubts_nothing():
    assert judged(FOUR, primary=SURE) == []


def test_a_primary_as_unlikely_as_another_is_usual_is_doubted():
    found = judged([*FOUR, record(DELAY)], primary=[*SURE, [0.05, 0.95]])
    assert found == [LabelDoubt(4, "primary", DELAY, HOTLINE, pytest.approx(0.05))]


def test_another_cause_less_likely_than_usual_is_no_ground_for_doubt():
    # Usual of the hotline is (0.8 + 0.9) / 2: 0.6 is the model's guess, not its confidence.
    assert judged([*FOUR, record(DELAY)], primary=[*SURE, [0.4, 0.6]]) == []


@pytest.mark.parametrize(("share", "doubted"), [(0.01, True), (0.3, False), (0.9, False)])
def test_a_sign_is_likely_wrong_where_it_is_as_absent_as_usual(share, doubted):
    records = [record(DELAY), record(DELAY), record(DELAY, signs=(FEE,))]
    found = judged(records, primary=[[1.0]] * 3, labels=[[0.9, 0.1], [0.9, 0.1], [0.9, share]])
    wanted = [LabelDoubt(2, "sign", FEE, None, pytest.approx(share))] if doubted else []
    assert found == wanted


@pytest.mark.parametrize(("share", "doubted"), [(0.95, True), (0.7, False), (0.1, False)])
def test_a_sign_is_likely_missing_where_it_is_as_likely_as_usual(share, doubted):
    records = [record(DELAY, signs=(FEE,)), record(DELAY), record(DELAY)]
    found = judged(records, primary=[[1.0]] * 3, labels=[[0.9, 0.8], [0.9, 0.1], [0.9, share]])
    wanted = [LabelDoubt(2, "sign", None, FEE, pytest.approx(1 - share))] if doubted else []
    assert found == wanted


def test_the_primary_is_judged_once_and_not_as_one_of_the_causes():
    records = [*FOUR, record(DELAY)]
    labels = [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.01, 0.6]]
    found = judged(records, primary=[*SURE, [0.05, 0.95]], labels=labels)
    assert [(doubt.at, doubt.kind) for doubt in found] == [(4, "primary")]


def test_a_cause_suggested_as_primary_is_not_also_missing():
    records = [*FOUR, record(DELAY)]
    labels = [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.5, 0.95]]
    found = judged(records, primary=[*SURE, [0.05, 0.95]], labels=labels)
    assert [(doubt.at, doubt.kind) for doubt in found] == [(4, "primary")]


def test_what_could_not_be_learned_is_not_judged():
    assert judged([*FOUR, record(DELAY)], primary=[*SURE, [0.05, 0.95]], known=False) == []


def test_the_least_likely_label_comes_first():
    records = [*FOUR, record(DELAY), record(DELAY)]
    found = judged(records, primary=[*SURE, [0.1, 0.9], [0.02, 0.98]])
    assert [doubt.at for doubt in found] == [5, 4]
