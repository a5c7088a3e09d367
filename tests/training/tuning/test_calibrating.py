"""Calibrating: what a development split teaches, and how far rare labels may move."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.calibration import Calibration, CalibrationColumns, sigmoid, softmax
from models.codebook import default_codebook
from models.labels import LabelSpace, label_space
from models.record import LabelledRecord, Record
from models.taxonomy import default_taxonomy
from training.tuning.calibrating import (
    SURE,
    DevelopmentLogits,
    calibrate,
    fit_evidence,
    fit_temperature,
)

CODEBOOK = default_codebook()
LABELS = label_space(default_taxonomy(), CODEBOOK)
EVIDENCE = {"causes": 0.3, "signs": 0.4, "marks": 0.5}
COMMON, RARE, NEVER = "CLAIM.CLAIM_DELAY", "CLAIM.CLAIM_DENY", "CLAIM.CLAIM_AMOUNT"
VICTIM = "NX_VICTIM_REPORT"


def records_of(*held: tuple[str, ...], agent: int = 0) -> list[LabelledRecord]:
    """One record for each tuple of labels; the first ``agent`` ones are agent-run."""
    return [
        LabelledRecord(
            Record("理赔拖了半年"),
            primary=COMMON,
            causes=tuple(id_ for id_ in ids if id_ in LABELS.causes) or (COMMON,),
            signs=tuple(id_ for id_ in ids if id_ in LABELS.signs),
            marks=tuple(id_ for id_ in ids if id_ in LABELS.marks),
            agent_run=number < agent,
            demand=("claim_payment",),
        )
        for number, ids in enumerate(held)
    ]


def logits_for(records: list[LabelledRecord], *, sure: float = 4.0) -> DevelopmentLogits:
    """Right on every label: ``sure`` where it is held, minus that elsewhere."""
    held = [{*r.causes, *r.signs, *r.marks} for r in records]
    labels = np.array([[sure if id_ in own else -sure for id_ in LABELS.evidence] for own in held])
    primary = np.array([[sure if c == r.primary else 0.0 for c in LABELS.causes] for r in records])
    demand = np.array([[sure if d in r.demand else -sure for d in LABELS.demand] for r in records])
    agent = np.array([sure if r.agent_run else -sure for r in records])
    return DevelopmentLogits(labels, primary, agent, demand)


RECORDS = records_of(*[(COMMON,)] * 12, *[(RARE, "PS_FEE_SHARE")] * 3, *[(VICTIM,)] * 5, agent=4)


def fitted(logits: DevelopmentLogits | None = None, **options: Any) -> Calibration:
    given = logits_for(RECORDS) if logits is None else logits
    return calibrate(given, RECORDS, labels=LABELS, codebook=CODEBOOK, evidence=EVIDENCE, **options)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fitted()


def test_every_label_and_demand_is_calibrated(calibration: Calibration) -> None:
    assert tuple(calibration.labels) == LABELS.evidence
    assert tuple(calibration.demand) == LABELS.demand


def test_positives_are_counted(calibration: Calibration) -> None:
    counts = [calibration.labels[id_].positives for id_ in (COMMON, RARE, NEVER, VICTIM)]
    assert counts == [17, 3, 0, 5]


def test_right_logits_are_told_apart_by_their_thresholds(calibration: Calibration) -> None:
    logits = logits_for(RECORDS).labels
    columns = CalibrationColumns.of(calibration.labels, LABELS.evidence)
    shown = columns.probabilities(logits) >= columns.threshold
    np.testing.assert_array_equal(shown, logits > 0)


def test_a_surer_network_is_scaled_down(calibration: Calibration) -> None:
    noisy = np.random.default_rng(0).normal(size=logits_for(RECORDS).labels.shape)
    given = logits_for(RECORDS)
    mild = fitted(replace(given, labels=0.2 * given.labels + noisy))
    bold = fitted(replace(given, labels=10 * (0.2 * given.labels + noisy)))
    assert bold.labels[COMMON].scale < mild.labels[COMMON].scale


def test_a_label_without_an_example_takes_after_its_kind(calibration: Calibration) -> None:
    others = [id_ for id_ in LABELS.causes if calibration.labels[id_].positives == 0]
    assert len({calibration.labels[id_].threshold for id_ in others}) == 1
    assert len({calibration.labels[id_].scale for id_ in LABELS.causes}) == 1


def test_the_own_bias_of_a_label_corrects_what_its_kind_gets_wrong() -> None:
    given = logits_for(RECORDS)
    shifted = given.labels.copy()
    column = LABELS.evidence.index(COMMON)
    shifted[:, column] -= 6.0  # the network never believes in it
    noise = np.random.default_rng(1).normal(scale=2.0, size=shifted.shape)
    found = fitted(replace(given, labels=shifted + noise))
    assert found.labels[COMMON].bias > found.labels[NEVER].bias


def test_fitting_lowers_the_cross_entropy() -> None:
    given = logits_for(RECORDS, sure=1.0)
    noise = np.random.default_rng(2).normal(scale=2.0, size=given.labels.shape)
    logits, gold = given.labels + noise, given.labels > 0
    columns = CalibrationColumns.of(fitted(replace(given, labels=logits)).labels, LABELS.evidence)

    def cross_entropy(shares: Any) -> float:
        return float(-np.where(gold, np.log(shares), np.log1p(-shares)).mean())

    assert cross_entropy(columns.probabilities(logits)) < cross_entropy(sigmoid(logits))


def test_a_victim_is_shown_no_later_than_any_other_mark(calibration: Calibration) -> None:
    victim, helper = calibration.labels[VICTIM], calibration.labels["NX_FAMILY_HELPER"]
    assert victim.threshold < helper.threshold


@pytest.fixture(scope="module")
def doubtful() -> Calibration:
    """Of a network that overlooks most of what is there: it pays to show labels early."""
    given = logits_for(RECORDS, sure=1.0)
    noise = np.random.default_rng(3).normal(scale=2.0, size=given.labels.shape)
    return fitted(replace(given, labels=given.labels + noise))


def test_no_strong_sign_is_shown_that_is_more_likely_absent(doubtful: Calibration) -> None:
    strong = [sign.id for sign in CODEBOOK.signs if sign.strength == "strong"]
    assert min(doubtful.labels[id_].threshold for id_ in strong) >= SURE


def test_other_signs_are_shown_where_that_is_best(doubtful: Calibration) -> None:
    others = [sign.id for sign in CODEBOOK.signs if sign.strength != "strong"]
    assert max(doubtful.labels[id_].threshold for id_ in others) < SURE


@pytest.mark.parametrize("mark", [mark.id for mark in CODEBOOK.marks if mark.no_level])
def test_a_mark_that_leaves_no_level_is_seen_before_the_best_f1(
    doubtful: Calibration, mark: str
) -> None:
    others = [other.id for other in CODEBOOK.marks if not other.no_level]
    assert doubtful.labels[mark].threshold < min(doubtful.labels[id_].threshold for id_ in others)


def test_what_is_given_is_kept() -> None:
    found = fitted(review=0.7)
    assert (found.evidence, found.review) == (EVIDENCE, 0.7)


def test_a_codebook_without_marks_is_calibrated() -> None:
    bare = replace(LABELS, marks=())
    given = logits_for(RECORDS)
    few = replace(given, labels=given.labels[:, : len(bare.evidence)])
    records = [replace(record, marks=()) for record in RECORDS]
    codebook = replace(CODEBOOK, marks=())
    found = calibrate(few, records, labels=bare, codebook=codebook, evidence=EVIDENCE)
    assert tuple(found.labels) == bare.evidence


@pytest.mark.parametrize("wanted", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(wanted: float) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2.0, size=(4000, 5))
    shares = softmax(logits, temperature=1.0)
    right = np.array([generator.choice(5, p=row) for row in shares])
    assert fit_temperature(wanted * logits, right) == pytest.approx(wanted, rel=0.1)


def test_a_share_of_the_best_clause_is_found_for_every_kind(
    tiny_analyzer: Any, samples: list[LabelledRecord], tiny_labels: LabelSpace
) -> None:
    scores = list(tiny_analyzer.score([labelled.record for labelled in samples[:20]]))
    found = fit_evidence(scores, samples[:20], labels=tiny_labels)
    assert set(found) == {"causes", "signs", "marks"}
    assert all(0 < share < 1 for share in found.values())
