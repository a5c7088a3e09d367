"""Trends: whether one period's count differs from another's by more than chance.

Counts of rare things are compared given their sum (Przyborowski & Wilenski 1940), so the interval
is exact however few they are. Takes complaints as independent: an outage that brings fifty on one
day is one event, and looks surer than it is. Many rows compared together find one by chance.
"""

from dataclasses import dataclass

from scipy.stats import binomtest

from models.errors import XiaobaoError
from training.evaluation.intervals import CONFIDENCE


class TrendError(XiaobaoError):
    """Counts that cannot be compared."""


@dataclass(frozen=True, slots=True)
class Growth:
    """``ratio``: how many times as many as before, with its 95 % interval; None from 0 on."""

    before: int
    after: int
    ratio: float | None
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves out 1."""
        return self.low > 1 or self.high < 1


def change_of(before: int, after: int, *, among: tuple[int, int] = (1, 1)) -> Growth:
    """The change from one count to another.

    among: what each count is to be held against (all complaints, days, policies in force). Raises
    TrendError for a negative count, or where nothing is held against.
    """
    if min(before, after) < 0 or min(among) <= 0:
        found = f"counts {before}, {after} among {among[0]}, {among[1]}"
        raise TrendError(f"change: found {found}, wanted counts of 0 or more among 1 or more")
    scale = among[0] / among[1]
    ratio = after / before * scale if before else None
    if before + after == 0:
        return Growth(0, 0, None, 0.0, float("inf"))
    exact = binomtest(after, before + after).proportion_ci(CONFIDENCE, method="exact")
    low, high = (_odds(float(share)) * scale for share in (exact.low, exact.high))
    return Growth(before, after, ratio, low, high)


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else float("inf")
