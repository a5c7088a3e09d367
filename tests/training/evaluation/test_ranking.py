"""Probabilities: ranking, calibration and coverage, counted by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.evaluation.intervals import Array, Figure
from training.evaluation.ranking import (
    CoveragePoint,
    coverage_curve,
    ranking,
    reliability,
    risk_area,
)


def ones(records: int) -> Array:
    return np.ones((1, records))


def test_ties_share_one_bin() -> None:
    figures = reliability(np.full(4, 0.9), np.array([1.0, 1, 1, 0]), ones(4))
    assert figures.error.value == pytest.approx(0.15)


def test_with_few_records_each_has_a_bin_of_its_own() -> None:
    figures = reliability(np.array([0.2, 0.9]), np.array([1.0, 1.0]), ones(2))
    assert figures.error.value == pytest.approx((0.8 + 0.1) / 2)


def test_bins_hold_equal_mass() -> None:
    figures = reliability(np.linspace(0.01, 0.3, 30) ** 2, np.zeros(30), ones(30))
    assert [bin_.right.total for bin_ in figures.bins] == [2] * 15


def test_a_block_of_ties_goes_whole_into_the_bin_of_its_middle() -> None:
    scores = np.array([0.1, 0.2, 0.2, 0.2, *np.linspace(0.3, 0.9, 26)])
    figures = reliability(scores, np.zeros(30), ones(30))
    assert [bin_.right.total for bin_ in figures.bins] == [1, 3, *[2] * 13]


def test_recall_at_the_limit_stops_before_too_many_false_alarms() -> None:
    # 200 genuine: 2 may be flagged. The third-ranked positive stands below 3 of them.
    scores = np.array([0.99, 0.9, 0.5, 0.95, 0.8, 0.7, *np.linspace(0, 0.4, 197)])
    positive = np.array([1.0] * 3 + [0.0] * 200)
    figures = ranking(scores, positive, ones(203))
    assert figures.recall_at_limit.value == pytest.approx(2 / 3)


@pytest.mark.parametrize("positive", [0.0, 1.0])
def test_one_class_alone_cannot_be_ranked(positive: float) -> None:
    figures = ranking(np.array([0.1, 0.9]), np.full(2, positive), ones(2))
    assert (figures.auroc, figures.average_precision) == (Figure(None), Figure(None))


def test_risk_is_the_share_wrong_of_the_surest() -> None:
    curve = coverage_curve(np.array([0.9, 0.8, 0.6, 0.6]), np.array([1.0, 0, 1, 1]))
    points = [(point.coverage, point.risk) for point in curve]
    assert points == [(0.25, 0.0), (0.5, 0.5), (1.0, 0.25)]


def test_the_area_is_the_mean_risk_over_coverages() -> None:
    curve = [CoveragePoint(0.25, 0.0), CoveragePoint(0.5, 0.5), CoveragePoint(1.0, 0.25)]
    assert risk_area(curve).area == pytest.approx(0.25 * 0.25 + 0.5 * 0.375)


def test_the_best_order_has_next_to_no_excess_and_the_worst_has_much() -> None:
    sure, right = np.linspace(0, 1, 1000), np.arange(1000) >= 300.0
    best, worst = (coverage_curve(s, right.astype(float), points=1000) for s in (sure, -sure))
    assert risk_area(best).excess == pytest.approx(0, abs=1e-3)
    assert risk_area(worst).excess > 0.4


@pytest.mark.parametrize(("right", "area"), [(0.0, 1.0), (1.0, 0.0)])
def test_all_right_or_all_wrong_leaves_nothing_to_order(right: float, area: float) -> None:
    found = risk_area(coverage_curve(np.array([0.9, 0.5]), np.full(2, right)))
    assert (found.area, found.excess) == (area, 0.0)


SCORED = st.lists(
    st.tuples(st.sampled_from([0.1, 0.2, 0.35, 0.5, 0.8]), st.integers(1, 3), st.booleans()),
    min_size=2,
    max_size=12,
).filter(lambda rows: len({positive for _, _, positive in rows}) == 2)


@settings(deadline=None, max_examples=50)
@given(SCORED)
def test_ranking_agrees_with_scikit_learn_under_weights(rows: list) -> None:
    scores, weights, positive = (
        np.array(column, dtype=float) for column in zip(*rows, strict=True)
    )
    ours = ranking(
        np.repeat(scores, weights.astype(int)),
        np.repeat(positive, weights.astype(int)),
        ones(int(weights.sum())),
    )
    theirs = roc_auc_score(positive, scores, sample_weight=weights)
    assert ours.auroc.value == pytest.approx(theirs)
    average = average_precision_score(positive, scores, sample_weight=weights)
    assert ours.average_precision.value == pytest.approx(average)


@settings(deadline=None, max_examples=50)
@given(SCORED)
def test_a_weight_of_two_is_the_record_twice(rows: list) -> None:
    scores, weights, positive = (
        np.array(column, dtype=float) for column in zip(*rows, strict=True)
    )
    times = weights.astype(int)
    weighted = reliability(scores, positive, weights[None, :])
    repeated = reliability(np.repeat(scores, times), np.repeat(positive, times), ones(times.sum()))
    assert weighted.error.draws[0] == pytest.approx(repeated.error.value)
    ranked = ranking(scores, positive, weights[None, :])
    again = ranking(np.repeat(scores, times), np.repeat(positive, times), ones(times.sum()))
    assert ranked.auroc.draws[0] == pytest.approx(again.auroc.value)
