"""Figures and their intervals, and the agreement of label sets that rests on them."""

import numpy as np
import pytest

from training.evaluation.agreement import agreement
from training.evaluation.intervals import Figure, Rate, difference, figure_of, mean_over, resampled

ONCE = np.ones((1, 1))


def test_records_of_one_group_are_drawn_together() -> None:
    weights = resampled(["甲", "乙", "甲"], seed=0, resamples=50)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] + weights[:, 1] == 2).all()


def test_the_order_of_the_units_does_not_change_the_draw() -> None:
    forth = resampled(["甲", "乙", "丙"], seed=3, resamples=20)
    back = resampled(["丙", "乙", "甲"], seed=3, resamples=20)
    assert (forth == back[:, ::-1]).all()


def test_the_interval_of_a_mean_is_near_its_normal_approximation() -> None:
    weights = resampled([str(n) for n in range(400)], seed=0, resamples=2000)
    figure = figure_of(mean_over(np.arange(400) % 2.0), weights)
    assert (figure.low, figure.high) == (
        pytest.approx(0.451, abs=6e-3),
        pytest.approx(0.549, abs=6e-3),
    )


def test_groups_widen_the_interval() -> None:
    values = np.repeat(np.arange(40) % 2.0, 10)
    lone = figure_of(
        mean_over(values), resampled(list(map(str, range(400))), seed=0, resamples=500)
    )
    joint = resampled([str(n // 10) for n in range(400)], seed=0, resamples=500)
    grouped = figure_of(mean_over(values), joint)
    assert grouped.high - grouped.low > 2 * (lone.high - lone.low)


def test_the_interval_of_a_count_is_exact() -> None:
    figure = Rate(0, 100).figure
    assert (figure.value, figure.low, figure.high) == (
        0.0,
        0.0,
        pytest.approx(0.0362, abs=1e-4),
    )


def test_a_rate_of_nothing_is_undefined() -> None:
    assert Rate(0, 0).figure == Figure(None)


def test_a_difference_is_taken_draw_by_draw() -> None:
    # Ours is right exactly where theirs is, and once more: never behind in any draw.
    weights = resampled([str(n) for n in range(50)], seed=0, resamples=300)
    theirs, ours = np.arange(50) % 2.0, np.arange(50) % 2.0
    ours[0] = 1.0
    lead = difference(figure_of(mean_over(ours), weights), figure_of(mean_over(theirs), weights))
    assert (lead.value, lead.low) == (pytest.approx(0.02), 0.0)


def test_a_difference_with_something_undefined_is_undefined() -> None:
    assert difference(Figure(0.5), Figure(None)) == Figure(None)


CARRIED = [{"甲"}, {"甲"}, {"甲"}, {"乙"}, set()]
GIVEN = [{"甲"}, {"甲"}, set(), {"甲"}, set()]
COUNTED = agreement(CARRIED, GIVEN, ids="甲乙丙", name_of=str, weights=np.ones((1, 5)))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("micro", 4 / 7),  # 2 hits, 3 predicted, 4 gold
        ("macro", 1 / 3),  # 甲: 2 of 3 and 2 of 3; 乙: 0
        ("samples", 2 / 4),  # the record without any label has no say
    ],
)
def test_f1_is_what_a_hand_counts(name: str, wanted: float) -> None:
    assert getattr(COUNTED, name).value == pytest.approx(wanted)


def test_a_row_counts_support_and_predictions() -> None:
    row = COUNTED.rows[0]
    assert (row.support, row.predicted, row.precision, row.recall) == (3, 3, 2 / 3, 2 / 3)


def test_a_label_that_never_occurs_has_no_row() -> None:
    assert [row.id for row in COUNTED.rows] == ["甲", "乙"]


def test_a_label_without_gold_has_no_f1() -> None:
    row = agreement([set()], [{"甲"}], ids="甲", name_of=str, weights=ONCE).rows[0]
    assert (row.precision, row.recall, row.f1.value) == (0.0, None, None)


def test_no_label_at_all_leaves_f1_undefined() -> None:
    figures = agreement([set()], [set()], ids="甲", name_of=str, weights=ONCE)
    assert (figures.micro, figures.macro, figures.samples) == (Figure(None),) * 3
