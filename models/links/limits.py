"""Limits: how near two texts must be, by how many cases there are: more cases, more chance.

They rise in steps, at each doubling, and stand from about twenty thousand cases on: between two
steps a group depends on its own cases only, so it need not be decided again when strangers arrive.
"""

import math
from dataclasses import dataclass

# Measured on 1,500 single complaints: about ten pairs of strangers with one cause stand above
# `Limits.near` in a file of any size, and one above `Limits.alike` (benchmarks/linking.py).
ALIKE = 0.13
NEAR = 0.05
HINT = 0.03  # with the same seller, or the same trouble in the same days
_TOLD_AT_ALL, _TOLD_RISE = 0.005, 1.75
_WEAK_HELP = 4  # the last step on which pairs weaker than a hint, many together, still find a ring
_RISE, _NEAREST = 0.065, 0.32
_RISE_ALIKE, _MOST_ALIKE = 0.06, 0.4
_SMALL = 170  # the first step; each further one is at about twice as many cases
LAST_STEP = 7


@dataclass(frozen=True, slots=True)
class Limits:
    """``alike`` joins by itself, ``near`` within one cause; below ``kept`` a pair says nothing.

    ``words``: fewer rare words in common than so many cannot make a pair that counts.
    """

    alike: float
    near: float
    kept: float
    words: int

    @property
    def ratio(self) -> float:
        """How much higher than in a small file."""
        return self.near / NEAR


def step_of(size: int) -> int:
    """Which step the limits are on, from 0 to `LAST_STEP`, for so many cases."""
    return min(LAST_STEP, round(math.log2(max(size, _SMALL) / _SMALL)))


def near_at_hub(step: int) -> float:
    """How near two texts must be that share a hub or a building, by the step of its cases."""
    return min(_NEAREST, NEAR + _RISE * math.log(2) * step)


def limits_at(step: int) -> Limits:
    """The limits of a step; a copy stays above them on every one."""
    alike = min(_MOST_ALIKE, ALIKE + _RISE_ALIKE * math.log(2) * step)
    near = near_at_hub(step)
    ratio = near / NEAR
    kept = _TOLD_AT_ALL * ratio**_TOLD_RISE if step <= _WEAK_HELP else HINT * ratio
    return Limits(alike, near, kept, words=2 + step // 2)
