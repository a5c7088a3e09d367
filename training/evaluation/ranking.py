"""What probabilities are worth: ranking, calibration, and accuracy against coverage.

Every statistic takes record weights, as ``intervals`` has it, and treats records of
equal probability as one block: the order of the records never matters.

Calibration error: Naeini, Cooper & Hauskrecht (2015), "Obtaining Well Calibrated Probabilities
Using Bayesian Binning", with bins of equal mass as in Nixon et al. (2019), "Measuring
Calibration in Deep Learning": 15 bins, the mean over bins of |share correct - mean probability|
weighted by the bin's mass. It is biased upwards where bins hold few records.

Area under the coverage-risk curve: Geifman & El-Yaniv (2017), "Selective Classification for Deep
Neural Networks"; its excess over the best possible order: Geifman, Uziel & El-Yaniv (2019),
"Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.intervals import Array, Figure, Rate, Statistic, figure_of, ratio

BINS = 15
FALSE_POSITIVE_LIMIT = 0.01


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of equal mass: its mean probability, and how many of its records were right."""

    mean_probability: float
    right: Rate


@dataclass(frozen=True, slots=True)
class Reliability:
    """Expected calibration error with the bins behind it, lowest probability first."""

    error: Figure
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well a probability ranks the positives above the rest."""

    auroc: Figure
    average_precision: Figure
    recall_at_limit: Figure


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """Keep the surest ``coverage`` share of the records: ``risk`` is the share wrong of them."""

    coverage: float
    risk: float


@dataclass(frozen=True, slots=True)
class RiskArea:
    """``area``: the mean risk over all coverages (AURC), less is better.

    ``excess`` is what it lies above the area of an order that puts every right answer before
    every wrong one; 0 where the probability ranks as well as any could.
    """

    area: float
    excess: float


def reliability(probabilities: Array, right: Array, weights: Array) -> Reliability:
    """The reliability of ``probabilities`` (records,) against ``right`` (records,), 0 or 1."""
    return Reliability(
        error=figure_of(_calibration_error(probabilities, right), weights),
        bins=_bins(probabilities, right),
    )


def ranking(probabilities: Array, positive: Array, weights: Array) -> Ranking:
    """Ranking figures; None where all records are positive or none is."""
    return Ranking(
        auroc=figure_of(_auroc(probabilities, positive), weights),
        average_precision=figure_of(_average_precision(probabilities, positive), weights),
        recall_at_limit=figure_of(_recall_at_limit(probabilities, positive), weights),
    )


def coverage_curve(
    probabilities: Array, right: Array, *, points: int = 40
) -> tuple[CoveragePoint, ...]:
    """Risk at rising coverage, at most ``points`` points; a block of ties is kept whole."""
    kept, correct = _cumulated(probabilities, [np.ones_like(right), right], _ones(right))
    wanted = np.searchsorted(kept[0], np.linspace(1 / points, 1, points) * len(right) - 1e-9)
    return tuple(
        CoveragePoint(float(kept[0, at] / len(right)), float(1 - correct[0, at] / kept[0, at]))
        for at in np.unique(wanted)
    )


def risk_area(curve: Sequence[CoveragePoint]) -> RiskArea:
    """Areas under a curve of at least one point, the last at coverage 1.

    Straight lines between the points; up to the first point the risk is taken to be its own.
    """
    coverages = np.array([0.0, *(point.coverage for point in curve)])
    risks = np.array([curve[0].risk, *(point.risk for point in curve)])
    area, wrong = float(np.trapezoid(risks, coverages)), curve[-1].risk
    best = wrong + (1 - wrong) * math.log(1 - wrong) if wrong < 1 else 1.0
    return RiskArea(area, area - best)


def _ones(values: Array) -> Array:
    return np.ones((1, len(values)))


def _cumulated(probabilities: Array, columns: list[Array], weights: Array) -> list[Array]:
    """Weighted sums of each column from the highest probability down, at the end of each block."""
    order = np.argsort(-probabilities, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(probabilities[order]) != 0, True))
    return [np.cumsum(weights[:, order] * column[order], axis=1)[:, ends] for column in columns]


def _curve(probabilities: Array, positive: Array, weights: Array) -> tuple[Array, Array]:
    """True and false positives (resamples, blocks + 1), from the empty flag list on."""
    hits, misses = _cumulated(probabilities, [positive, 1 - positive], weights)
    start = np.zeros((len(weights), 1))
    return np.hstack([start, hits]), np.hstack([start, misses])


def _auroc(probabilities: Array, positive: Array) -> Statistic:
    def statistic(weights: Array) -> Array:
        hits, misses = _curve(probabilities, positive, weights)
        area: Array = np.asarray(np.trapezoid(hits, misses, axis=1))
        return ratio(area, hits[:, -1] * misses[:, -1])

    return statistic


def _average_precision(probabilities: Array, positive: Array) -> Statistic:
    def statistic(weights: Array) -> Array:
        hits, misses = _curve(probabilities, positive, weights)
        precision = np.nan_to_num(ratio(hits, hits + misses))[:, 1:]
        average = ratio((np.diff(hits, axis=1) * precision).sum(axis=1), hits[:, -1])
        return np.where(misses[:, -1] > 0, average, np.nan)

    return statistic


def _recall_at_limit(probabilities: Array, positive: Array) -> Statistic:
    def statistic(weights: Array) -> Array:
        hits, misses = _curve(probabilities, positive, weights)
        allowed = misses <= FALSE_POSITIVE_LIMIT * misses[:, -1:]
        recall = ratio((hits * allowed).max(axis=1), hits[:, -1])
        return np.where(misses[:, -1] > 0, recall, np.nan)

    return statistic


def _bin_of(probabilities: Array, weights: Array) -> Array:
    """Bin 0 to 14 (resamples, records) by the mid-rank of the record's block of ties."""
    _, block = np.unique(probabilities, return_inverse=True)
    mass = np.zeros((len(weights), int(block.max()) + 1))
    np.add.at(mass.T, block, weights.T)
    below = np.cumsum(mass, axis=1) - mass / 2
    bins: Array = np.floor(BINS * below / mass.sum(axis=1, keepdims=True))[:, block]
    return np.minimum(bins, BINS - 1)


def _calibration_error(probabilities: Array, right: Array) -> Statistic:
    def statistic(weights: Array) -> Array:
        bins = _bin_of(probabilities, weights)
        gap = weights * (right - probabilities)
        by_bin = [np.abs(np.where(bins == n, gap, 0.0).sum(axis=1)) for n in range(BINS)]
        total: Array = np.sum(by_bin, axis=0)
        return ratio(total, weights.sum(axis=1))

    return statistic


def _bins(probabilities: Array, right: Array) -> tuple[Bin, ...]:
    bins = _bin_of(probabilities, _ones(right))[0]
    members = [bins == n for n in range(BINS) if (bins == n).any()]
    return tuple(
        Bin(float(probabilities[of].mean()), Rate(int(right[of].sum()), int(of.sum())))
        for of in members
    )
