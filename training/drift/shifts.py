"""Shifts: how far a distribution has moved between two sets of complaints, and whether by chance.

Size and chance are kept apart: of ten thousand complaints the smallest shift is beyond chance, of
thirty a large one may not be. Size is the population stability index (Siddiqi 2006, Credit Risk
Scorecards: below 0.1 little, from 0.25 much); chance is the two-sample Kolmogorov-Smirnov test for
numbers and the chi-squared test for names, corrected for asking many questions at once (Benjamini
& Hochberg 1995). Takes complaints as independent: fifty of one outage look surer than they are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, false_discovery_control, ks_2samp

LITTLE, MUCH = 0.1, 0.25
CHANCE = 0.05
_BINS = 10
_RARE = 5.0  # expected complaints below which a name is counted among the others


@dataclass(frozen=True, slots=True)
class Shift:
    """One thing that was asked of both sets.

    ``before`` and ``after``: medians of a number, or the most frequent name with its share.
    ``index``: population stability index; ``chance``: how often chance alone would move it so far,
    corrected.
    """

    name: str
    before: str
    after: str
    index: float
    chance: float

    @property
    def size(self) -> str:
        """``none`` within chance, else ``little``, ``some`` or ``much`` by the index."""
        if self.chance >= CHANCE:
            return "none"
        return "little" if self.index < LITTLE else "some" if self.index < MUCH else "much"


def shift_of_numbers(name: str, before: Sequence[float], after: Sequence[float]) -> Shift:
    """How a number has moved; bins of the index hold a tenth of ``before`` each."""
    one, two = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    edges = np.unique(np.quantile(one, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1) for x in (one, two)]
    chance = float(ks_2samp(one, two).pvalue)
    first, second = (f"{np.median(x):.4g}" for x in (one, two))
    return Shift(name, first, second, stability_index(*counts), chance)


def shift_of_names(name: str, before: Sequence[str], after: Sequence[str]) -> Shift:
    """How the shares of names have moved."""
    one, two = Counter(before), Counter(after)
    table = _without_rare(one, two)
    chance = float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0
    return Shift(name, _mode(one), _mode(two), stability_index(*table), chance)


def stability_index(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Population stability index of counts in the same bins; half a complaint more in each."""
    used = before + after > 0
    shares = [(x + 0.5) / (x + 0.5).sum() for x in (before[used], after[used])]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def corrected(shifts: Sequence[Shift]) -> tuple[Shift, ...]:
    """The shifts with their chances corrected for being so many; the largest first."""
    if not shifts:
        return ()
    chances = false_discovery_control([one.chance for one in shifts])
    told = (replace(one, chance=float(p)) for one, p in zip(shifts, chances, strict=True))
    return tuple(sorted(told, key=lambda one: (one.chance >= CHANCE, -one.index)))


def _without_rare(one: Counter[str], two: Counter[str]) -> NDArray[np.int64]:
    """Counts (2, names); names of which chance expects too few in either are one."""
    names = sorted(one.keys() | two.keys())
    table = np.array([[counts[name] for name in names] for counts in (one, two)])
    expected = table.sum(axis=0) * (table.sum(axis=1).min() / max(1, table.sum()))
    rare = expected < _RARE
    merged = table[:, rare].sum(axis=1, keepdims=True)
    found: NDArray[np.int64] = np.hstack([table[:, ~rare], merged] if merged.any() else [table])
    return found


def _mode(counts: Counter[str]) -> str:
    (name, count), *_ = counts.most_common(1)
    return f"{name} {count / counts.total():.0%}"
