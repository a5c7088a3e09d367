"""Suppression: in tables that cross two properties, small counts that could point at a person.

A count below the limit is shown as ``<5``. Where a row or a column would give it away, because
its total is known and it alone is hidden, the smallest other count there is withheld as ``…``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

SMALLEST = 5


@dataclass(frozen=True, slots=True)
class Hidden:
    """A count that is not told, and the sign that stands for it."""

    sign: str


SMALL = Hidden(f"<{SMALLEST}")
WITHHELD = Hidden("…")

Cell = int | Hidden


def hide_small(counts: Sequence[Sequence[int]]) -> list[list[Cell]]:
    """The table with small counts hidden; zero is small too, for it excludes a whole row.

    Totals of rows and columns may stand beside it.
    """
    shown: list[list[Cell]] = [[SMALL if n < SMALLEST else n for n in row] for row in counts]
    lines = _lines(len(counts), len(counts[0]) if counts else 0)
    while any(_withhold_one(shown, line) for line in lines):
        pass
    return shown


def _lines(rows: int, columns: int) -> list[list[tuple[int, int]]]:
    across = [[(row, column) for column in range(columns)] for row in range(rows)]
    down = [[(row, column) for row in range(rows)] for column in range(columns)]
    return across + down


def _withhold_one(shown: list[list[Cell]], line: Sequence[tuple[int, int]]) -> bool:
    """Withhold one more count of a line in which a single one is hidden; whether there was one."""
    told = [(n, row, column) for row, column in line if isinstance(n := shown[row][column], int)]
    if len(line) - len(told) != 1 or not told:
        return False
    _, row, column = min(told)
    shown[row][column] = WITHHELD
    return True
