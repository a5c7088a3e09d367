"""Wording: how rare each pair of characters is among complaints. Comes with the package.

A pair of characters is a number of 32 bits, the same for ever: fingerprints are kept for years.
"""

import math
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

# A word counts by how much rarer it is than one in `_STOCK` of complaints.
_STOCK = math.e
_HAN_FIRST = 0x4E00
_BITS = 15  # of a Han character's place
_MIX = 0x9E3779B1  # odd, so that no two pairs of Han characters have one number
_MASK = 0xFFFFFFFF
_GRAIN = 2.0**32
RESERVED = 2
"""Numbers below are no pair of characters."""


@dataclass(frozen=True)
class Wording:
    """Squared weights of character pairs by number; ``unseen`` is that of all others.

    0 for a stock phrase, rising with rarity. Multiples of one small grain: their sum is exact, the
    same in every order.
    """

    squared: dict[int, float] = field(repr=False)
    unseen: float

    def weights_of(self, grams: NDArray[np.uint32]) -> NDArray[np.float64]:
        """The squared weight of each of these pairs, quickest where they rise."""
        known, weights = self._table
        place = np.searchsorted(known, grams)
        np.minimum(place, len(known) - 1, out=place)
        return np.where(known[place] == grams, weights[place], self.unseen)

    @cached_property
    def _table(self) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
        known = np.fromiter(self.squared, dtype=np.uint32, count=len(self.squared))
        weights = np.fromiter(self.squared.values(), dtype=np.float64, count=len(self.squared))
        order = np.argsort(known)
        return known[order], weights[order]


def numbers_of(run: str) -> list[int]:
    """The numbers of the pairs of Han characters in a run of them."""
    places = [ord(char) - _HAN_FIRST for char in run]
    mixed = [(one << _BITS | two) * _MIX & _MASK for one, two in pairwise(places)]
    return mixed if min(mixed, default=RESERVED) >= RESERVED else [max(RESERVED, n) for n in mixed]


@cache
def read_wording() -> Wording:
    """The background counts that come with the package: character pairs of single complaints."""
    lines = files("models.links").joinpath("wording.tsv").read_text("utf-8").splitlines()
    total = int(lines[0])
    pairs = (line.split("\t") for line in lines[1:])
    return Wording(
        {numbers_of(word)[0]: _squared(total, int(count)) for word, count in pairs},
        unseen=_squared(total, 0),
    )


def _squared(total: int, seen: int) -> float:
    squared = max(0.0, math.log((total + 1) / (seen + 1) / _STOCK)) ** 2
    return round(squared * _GRAIN) / _GRAIN
