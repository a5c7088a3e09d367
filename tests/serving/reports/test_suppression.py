"""Small counts of a table are hidden, and with them what would give them away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.reports.suppression import SMALL, SMALLEST, WITHHELD, Cell, Hidden, hide_small


def test_small_counts_are_hidden_zero_too():
    assert hide_small([[9, 4], [0, 3]])[1] == [SMALL, SMALL]


def test_a_hidden_count_cannot_be_taken_from_the_total_of_its_row():
    assert hide_small([[20, 1, 30], [20, 20, 30]]) == [
        [WITHHELD, SMALL, 30],
        [WITHHELD, WITHHELD, 30],
    ]


@pytest.mark.parametrize(
    "counts",
    [
        [[20, 1, 30], [20, 20, 30], [40, 40, 40]],
        [[5, 6, 7], [8, 2, 9], [6, 7, 30]],
        [[100, 0], [6, 50]],
    ],
)
def test_no_row_or_column_hides_a_single_count(counts):
    shown = hide_small(counts)
    for line in [*shown, *zip(*shown, strict=True)]:
        assert sum(isinstance(cell, Hidden) for cell in line) != 1


def determined(shown: list[list[Cell]]) -> list[tuple[int, int]]:
    """The hidden cells that the told ones and all totals leave a single value.

    Every line gives an equation over the hidden cells; one is told if and only if its unit vector
    lies in the space of the equations.
    """
    hidden = [
        (row, column)
        for row, line in enumerate(shown)
        for column, cell in enumerate(line)
        if isinstance(cell, Hidden)
    ]
    lines = [[place[axis] == n for place in hidden] for axis in (0, 1) for n in range(9)]
    equations = np.array(lines, dtype=float)
    units = np.eye(len(hidden))
    rest = units - np.linalg.pinv(equations) @ (equations @ units)
    return [place for place, one in zip(hidden, rest.T, strict=True) if np.allclose(one, 0)]


def test_a_hidden_count_cannot_be_taken_from_the_totals_of_several_lines():
    counts = [[3, 3, 50, 60], [3, 4, 2, 70], [80, 90, 4, 3], [55, 66, 3, 4]]
    shown = hide_small(counts)
    assert determined([[SMALL if n < SMALLEST else n for n in row] for row in counts]) == [(1, 2)]
    assert determined(shown) == []
    assert sum(row.count(WITHHELD) for row in shown) == 1


@given(
    st.integers(2, 7).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(0, 30) | st.integers(5, 900), min_size=columns, max_size=columns),
            min_size=2,
            max_size=7,
        )
    )
)
def test_no_hidden_count_is_determined_by_what_is_told(counts):
    shown = hide_small(counts)
    assert determined(shown) == []
    for row, line in zip(counts, shown, strict=True):
        for count, cell in zip(row, line, strict=True):
            assert cell in ((SMALL,) if count < SMALLEST else (count, WITHHELD))


def test_where_only_one_line_crosses_the_totals_themselves_are_told():
    assert hide_small([[9, 4, 3]]) == [[9, SMALL, SMALL]]


def test_counts_that_are_large_enough_are_told():
    assert hide_small([[5, 6], [7, 8]]) == [[5, 6], [7, 8]]
