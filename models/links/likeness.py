"""Likeness: how alike two texts are by their fingerprints, copied or retold. Exact and symmetric.

It depends on the two texts alone, so it is measured once and kept.
"""

from dataclasses import dataclass

import numpy as np

from models.links.fingerprints import Fingerprint
from models.links.wording import Wording, read_wording

_SAME_CLAUSE = 0.6
_SHORT = 20  # shingles: below, a text is too short to be called a copy of another
_WORTH_READING = 0.03  # clause by clause, which is slow


@dataclass(frozen=True, slots=True)
class Likeness:
    """``copied``: share of the smaller text found in the larger; ``retold``: rare words shared."""

    copied: float
    retold: float
    clauses: int


def measure(
    one: Fingerprint,
    two: Fingerprint,
    *,
    least: float = _WORTH_READING,
    wording: Wording | None = None,
) -> Likeness:
    """The likeness of two texts, both numbers 0-1; nearer than ``least`` clause by clause too."""
    both = (wording or read_wording()).squares(one.words & two.words)
    retold = both / (one.size * two.size)
    if retold < least:
        return Likeness(0.0, retold, 0)
    small, large = sorted((one, two), key=lambda print_: (len(print_.shingles), print_.grams))
    common = np.intersect1d(small.shingles, large.shingles, assume_unique=True)
    held = len(common) / max(1, len(small.shingles))
    same = [clause for clause in small.clauses if _is_held(clause, large)]
    covered = sum(map(len, same)) / max(1, sum(map(len, small.clauses)))
    copied = max(held, covered) if len(small.shingles) >= _SHORT else held * retold
    return Likeness(copied, retold, len(same))


def _is_held(clause: frozenset[int], other: Fingerprint) -> bool:
    least = _SAME_CLAUSE * len(clause)
    return any(len(held) >= least and len(clause & held) >= least for held in other.clauses)
