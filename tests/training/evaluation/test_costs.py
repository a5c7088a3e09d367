"""Thresholds and what they cost."""

import numpy as np
import pytest

from training.evaluation.costs import CostError, Prices, cheapest, cost_curve

SHARES = np.array([0.9, 0.6, 0.4, 0.1])
TRUTH = np.array([1.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("threshold", "missed", "false"),
    [(0.05, 0, 2), (0.4, 0, 1), (0.5, 1, 1), (0.7, 1, 0), (1.0, 2, 0)],
)
def test_a_threshold_shows_what_lies_at_it_or_above(threshold, missed, false):
    (point,) = cost_curve(SHARES, TRUTH, Prices(missed=3, false=1), thresholds=[threshold])
    assert (point.missed, point.false, point.cost) == (missed, false, 3 * missed + false)


def test_the_dearer_a_miss_the_lower_the_best_threshold():
    best = [
        cheapest(cost_curve(SHARES, TRUTH, Prices(missed, false))).threshold
        for missed, false in ((5, 1), (1, 5))
    ]
    assert best == [0.4, 0.9]


def test_of_equal_costs_the_threshold_that_shows_least_is_taken():
    curve = cost_curve(SHARES, np.zeros(4), Prices(missed=1, false=1))
    assert cheapest(curve).threshold == curve[-1].threshold


@pytest.mark.parametrize(
    ("shares", "prices", "said"),
    [
        (SHARES, Prices(-1, 1), "prices: found -1, wanted 0 or more"),
        (SHARES[:2], Prices(1, 1), "found 2 probabilities and 4 truths"),
    ],
)
def test_what_has_no_cost_is_refused(shares, prices, said):
    with pytest.raises(CostError, match=said):
        cost_curve(shares, TRUTH, prices)
