"""Likeness: how alike two texts are by their fingerprints, copied or retold. Exact and symmetric.

It depends on the two texts alone, so it is measured once and kept.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np

from models.links.fingerprints import Fingerprint
from models.links.wording import RESERVED, read_wording

Pair = tuple[int, int]
"""Numbers of two cases, the lower first."""

_LEAST_SIZE = 15.0  # two short texts that share one rare word are no pair
_SAME_CLAUSE = 0.6
_SHORT = 20  # shingles: below, a text is too short to be called a copy of another
_WORTH_READING = 0.03  # clause by clause, which is slow


@dataclass(frozen=True, slots=True)
class Likeness:
    """``copied``: share of the smaller text found in the larger; ``retold``: rare words shared."""

    copied: float
    retold: float
    clauses: int


def measure(one: Fingerprint, two: Fingerprint, *, least: float = _WORTH_READING) -> Likeness:
    """The likeness of two texts, both numbers 0-1; nearer than ``least`` clause by clause too."""
    return measure_all({1: one, 2: two}, [(1, 2)], least=least)[1, 2]


def measure_all(
    prints: Mapping[int, Fingerprint], pairs: Collection[Pair], *, least: float = _WORTH_READING
) -> dict[Pair, Likeness]:
    """The likeness of each of these pairs of texts; see `measure`."""
    return {
        pair: Likeness(0.0, much, 0) if much < least else _read(*_ends(prints, pair), much)
        for pair, much in _retold(prints, pairs).items()
    }


def _ends(prints: Mapping[int, Fingerprint], pair: Pair) -> tuple[Fingerprint, Fingerprint]:
    return prints[pair[0]], prints[pair[1]]


def _retold(prints: Mapping[int, Fingerprint], pairs: Collection[Pair]) -> dict[Pair, float]:
    """How much of the rare words two texts share, each later text beside all earlier at once."""
    words = _Words(sorted({number for pair in pairs for number in pair}), prints)
    found: dict[Pair, float] = {}
    for late, beside in groupby(sorted(pairs, key=itemgetter(1, 0)), key=itemgetter(1)):
        early = [pair[0] for pair in beside]
        found |= zip([(one, late) for one in early], words.retold(late, early), strict=True)
    return found


class _Words:
    """The rare words of many texts, one text after the other, each word of a text once."""

    def __init__(self, numbers: Sequence[int], prints: Mapping[int, Fingerprint]) -> None:
        grams = [prints[number].grams for number in numbers]
        flat = np.frombuffer(b"".join(grams), dtype="<u4").astype(np.uint64)
        owner = np.repeat(np.arange(len(grams), dtype=np.uint64), [len(g) // 4 for g in grams])
        both = np.sort((owner << np.uint64(32) | flat)[flat >= RESERVED])
        both = both[np.diff(both, prepend=np.uint64(0)) > 0]
        words, owner = both.astype(np.uint32), (both >> np.uint64(32)).astype(np.int64)
        weights = read_wording().weights_of(words)
        sizes = np.bincount(owner, weights, minlength=len(grams))
        self._sizes = np.maximum(_LEAST_SIZE, np.sqrt(sizes))
        counts = weights > 0
        self._words, self._weights = words[counts], weights[counts]
        self._starts = np.searchsorted(owner[counts], np.arange(len(grams) + 1)).tolist()
        self._place = {number: place for place, number in enumerate(numbers)}

    def retold(self, one: int, others: Sequence[int]) -> list[float]:
        """Of one text beside each of others."""
        begin, end = self._bounds(one)
        mine, weights = self._words[begin:end], self._weights[begin:end]
        if not len(mine):
            return [0.0] * len(others)
        spans = [slice(*self._bounds(other)) for other in others]
        theirs = np.concatenate([self._words[span] for span in spans])
        place = np.minimum(np.searchsorted(mine, theirs), len(mine) - 1)
        shared = np.where(mine[place] == theirs, weights[place], 0.0)
        owner = np.repeat(np.arange(len(spans)), [span.stop - span.start for span in spans])
        both = np.bincount(owner, shared, minlength=len(spans))
        places = [self._place[other] for other in others]
        found: list[float] = (both / (self._sizes[self._place[one]] * self._sizes[places])).tolist()
        return found

    def _bounds(self, number: int) -> tuple[int, int]:
        place = self._place[number]
        return self._starts[place], self._starts[place + 1]


def _read(one: Fingerprint, two: Fingerprint, retold: float) -> Likeness:
    """The likeness of two texts that are retold so much, read clause by clause."""
    small, large = sorted((one, two), key=lambda print_: (len(print_.shingles), print_.grams))
    common = np.intersect1d(small.shingles, large.shingles, assume_unique=True)
    held = len(common) / max(1, len(small.shingles))
    same = [clause for clause in small.clauses if _is_held(clause, large)]
    covered = sum(map(len, same)) / max(1, sum(map(len, small.clauses)))
    copied = max(held, covered) if len(small.shingles) >= _SHORT else held * retold
    return Likeness(copied, retold, len(same))


def _is_held(clause: frozenset[int], other: Fingerprint) -> bool:
    least = math.ceil(_SAME_CLAUSE * len(clause))
    if len(clause & other.words) < least:
        return False
    return any(len(held) >= least and len(clause & held) >= least for held in other.clauses)
