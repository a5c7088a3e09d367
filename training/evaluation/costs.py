"""Thresholds and what they cost: false and missed labels at every threshold, in the user's prices.

The product's own thresholds follow F-scores (``training.tuning.calibrating``); this is for a
discussion of what they would be if one miss cost so many false alarms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import XiaobaoError
from training.evaluation.intervals import Array

GRID = tuple(round(float(share), 2) for share in np.linspace(0.02, 0.98, 49))


class CostError(XiaobaoError):
    """Prices or probabilities that no cost can be computed from."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What one missed and one false label cost, in any one unit, such as minutes of review."""

    missed: float
    false: float


@dataclass(frozen=True, slots=True)
class CostPoint:
    """Counts at a threshold, and what they cost together."""

    threshold: float
    missed: int
    false: int
    cost: float


def cost_curve(
    probabilities: Array, positive: Array, prices: Prices, *, thresholds: Sequence[float] = GRID
) -> tuple[CostPoint, ...]:
    """The cost at each threshold; both arrays are (records,), ``positive`` 0 or 1.

    Raises CostError for a negative price, or without a record.
    """
    if min(prices.missed, prices.false) < 0:
        raise CostError(f"prices: found {min(prices.missed, prices.false):g}, wanted 0 or more")
    if len(probabilities) == 0 or len(probabilities) != len(positive):
        found = f"{len(probabilities)} probabilities and {len(positive)} truths"
        raise CostError(f"records: found {found}, wanted one of each a record")
    return tuple(
        _point(threshold, np.asarray(probabilities) >= threshold, np.asarray(positive) > 0, prices)
        for threshold in thresholds
    )


def cheapest(curve: Sequence[CostPoint]) -> CostPoint:
    """The point of least cost; of equals the highest threshold, which shows least."""
    return min(curve, key=lambda point: (point.cost, -point.threshold))


def _point(
    threshold: float, shown: NDArray[np.bool_], held: NDArray[np.bool_], prices: Prices
) -> CostPoint:
    missed, false = int((held & ~shown).sum()), int((shown & ~held).sum())
    return CostPoint(threshold, missed, false, missed * prices.missed + false * prices.false)
