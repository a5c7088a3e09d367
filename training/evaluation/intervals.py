"""Figures with intervals: bootstrap over units, exact intervals for counts, paired differences.

A statistic is a function of record weights: ones give the estimate, each row of resampled
weights gives one draw. So every figure is resampled by matrix arithmetic, without a loop over
resamples. Knows nothing of causes, signs or levels.

Limits: intervals are percentile intervals (Efron & Tibshirani 1993, chapter 13). They cover the
choice of records, not the choice of training seed; they are too narrow where a class has a
handful of records, and for the calibration error, which resampling pushes upwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

CONFIDENCE = 0.95

Array = NDArray[np.float64]
"""Numbers; a statistic maps weights (resamples, records) to draws (resamples,)."""
Statistic = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate with its 95 % interval; None where it is undefined, never a silent zero.

    ``draws`` (resamples,) stay in memory for paired differences; NaN where a resample left the
    figure undefined.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    draws: Array = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``total`` records; the interval is exact (Clopper & Pearson 1934)."""

    count: int
    total: int

    @property
    def figure(self) -> Figure:
        """The share with its interval, which takes the records as independent."""
        if self.total == 0:
            return Figure(None)
        exact = binomtest(self.count, self.total).proportion_ci(CONFIDENCE, method="exact")
        return Figure(self.count / self.total, float(exact.low), float(exact.high))


def resampled(units: Sequence[str], *, seed: int, resamples: int) -> Array:
    """Weights (resamples, records): how often each record was drawn.

    Units are drawn with replacement and whole: records of one unit get one weight. The draw
    depends on the set of units, not on the order of the records.
    """
    names, unit_of = np.unique(np.array(units, dtype=str), return_inverse=True)
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    weights: Array = drawn[:, unit_of].astype(np.float64)
    return weights


def figure_of(statistic: Statistic, weights: Array) -> Figure:
    """The statistic of all records, with the percentile interval over the resamples."""
    value = float(statistic(np.ones((1, weights.shape[1])))[0])
    if np.isnan(value):
        return Figure(None)
    return _with_interval(value, statistic(weights))


def figures_of(statistic: Statistic, weights: Array) -> tuple[Figure, ...]:
    """Figures of a statistic with several columns: draws (resamples, columns)."""
    values = statistic(np.ones((1, weights.shape[1])))[0]
    draws = statistic(weights)
    return tuple(
        Figure(None) if np.isnan(value) else _with_interval(float(value), draws[:, column])
        for column, value in enumerate(values)
    )


def difference(ours: Figure, theirs: Figure) -> Figure:
    """Ours minus theirs, paired: draw by draw over the same resampled records."""
    if ours.value is None or theirs.value is None or ours.draws.shape != theirs.draws.shape:
        return Figure(None)
    return _with_interval(ours.value - theirs.value, ours.draws - theirs.draws)


def ratio(numerator: Array, denominator: Array) -> Array:
    """The quotient, NaN where the denominator is 0: undefined is not zero."""
    defined = denominator > 0
    quotient: Array = np.where(defined, numerator / np.where(defined, denominator, 1.0), np.nan)
    return quotient


def mean_over(values: Array, *, where: Array | None = None) -> Statistic:
    """The weighted mean of ``values`` (records,), over the records where ``where`` is 1."""
    chosen = np.ones_like(values) if where is None else where
    return lambda weights: ratio(weights @ (values * chosen), weights @ chosen)


def _with_interval(value: float, draws: Array) -> Figure:
    defined = draws[~np.isnan(draws)]
    if defined.size == 0:
        return Figure(value, draws=draws)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Figure(value, float(low), float(high), draws)
