"""Trends: changes of counts, and whether they are beyond chance."""

from math import inf

import pytest

from training.evaluation.trends import TrendError, change_of


def test_a_doubling_of_few_may_be_chance_and_a_doubling_of_many_is_not():
    few, many = change_of(5, 10), change_of(50, 100)
    assert few.ratio == many.ratio == 2
    assert not few.beyond_chance
    assert many.beyond_chance


def test_the_interval_is_the_exact_one_given_the_sum():
    # Clopper-Pearson of 10 in 15 is [0.3838, 0.8818]; as odds:
    change = change_of(5, 10)
    assert (change.low, change.high) == pytest.approx((0.6228, 7.458), rel=1e-3)


def test_a_fall_is_told_as_well():
    assert change_of(100, 50).high < 1


def test_counts_are_held_against_what_they_are_among():
    change = change_of(50, 100, among=(1000, 2000))
    assert change.ratio == 1
    assert not change.beyond_chance


def test_from_nothing_there_is_no_ratio_but_a_lower_end():
    change = change_of(0, 12)
    assert (change.ratio, change.high) == (None, inf)
    assert change.low > 1


def test_nothing_and_nothing_may_be_anything():
    change = change_of(0, 0)
    assert (change.ratio, change.low, change.high) == (None, 0, inf)
    assert not change.beyond_chance


@pytest.mark.parametrize("given", [(-1, 2, (1, 1)), (1, 2, (0, 1))])
def test_counts_that_cannot_be_compared_are_refused(given):
    before, after, among = given
    with pytest.raises(TrendError, match="wanted counts of 0 or more among 1 or more"):
        change_of(before, after, among=among)
