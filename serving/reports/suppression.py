"""Suppression: in tables that cross two properties, small counts that could point at a person.

A count below the limit is shown as ``<5``. Where the totals would give it away, other counts are
withheld as ``…``. Rows and columns are the nodes of a graph, hidden counts its edges: what is told
and all totals determine a hidden count if and only if its edge is a bridge (D. Gusfield, A graph
theoretic approach to statistical data security, SIAM Journal on Computing 17(3), 1988). So each
small count is laid on a cycle of hidden ones. That is exact about equations, not about ranges:
hidden counts that sum up to nothing are all nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

SMALLEST = 5


@dataclass(frozen=True, slots=True)
class Hidden:
    """A count that is not told, and the sign that stands for it."""

    sign: str


SMALL = Hidden(f"<{SMALLEST}")
WITHHELD = Hidden("…")

Cell = int | Hidden
Place = tuple[int, int]


def hide_small(counts: Sequence[Sequence[int]]) -> list[list[Cell]]:
    """The table with small counts hidden; zero is small too, for it excludes a whole row.

    Totals of rows and columns may stand beside it. A single row or column is its own total: there
    small counts are marked, and nothing can be withheld for them.
    """
    shown: list[list[Cell]] = [[SMALL if n < SMALLEST else n for n in row] for row in counts]
    small = [(i, k) for i, row in enumerate(shown) for k, n in enumerate(row) if n is SMALL]
    for place in small:
        # What is withheld lies on the cycle it closes, and no later cell opens one again.
        for row, column in _to_close_a_cycle(shown, place):
            shown[row][column] = WITHHELD
    return shown


def _to_close_a_cycle(shown: Sequence[Sequence[Cell]], edge: Place) -> tuple[Place, ...]:
    """The fewest told counts, of these the smallest, that with hidden ones lead around an edge.

    The shortest way from its row to its column without it (Dijkstra): hidden counts cost nothing.
    None of them where it lies on a cycle, or where no cycle is possible.
    """
    start, goal = (0, edge[0]), (1, edge[1])
    # Of each way: how many counts it withholds, their sum, where it has come to, and the counts.
    waiting: list[tuple[int, int, Place, tuple[Place, ...]]] = [(0, 0, start, ())]
    seen: set[Place] = set()
    while waiting:
        number, total, node, withheld = heappop(waiting)
        if node == goal:
            return withheld
        if node in seen:
            continue
        seen.add(node)
        for place, next_node in _edges_of(shown, node):
            cell = shown[place[0]][place[1]]
            if place == edge or next_node in seen:
                continue
            if isinstance(cell, int):
                heappush(waiting, (number + 1, total + cell, next_node, (*withheld, place)))
            elif next_node == goal:  # at no cost: no other way can be shorter
                return withheld
            else:
                heappush(waiting, (number, total, next_node, withheld))
    return ()


def _edges_of(shown: Sequence[Sequence[Cell]], node: Place) -> list[tuple[Place, Place]]:
    """The cells of a row (0, n) or column (1, n), each with the line that crosses there."""
    axis, n = node
    if axis == 0:
        return [((n, column), (1, column)) for column in range(len(shown[n]))]
    return [((row, n), (0, row)) for row in range(len(shown))]
