"""Power laws of learning: how the error falls with the number of training examples.

Hestness et al. (2017), "Deep Learning Scaling is Predictable, Empirically": error = floor + scale ·
n^-exponent. A law fitted on few sizes says little beyond twice the largest; a floor is a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from models.errors import XiaobaoError

_STEEPEST = 2.0  # no curve of learning falls faster than the square


class PowerLawError(XiaobaoError):
    """Too few measurements for a law."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Errors (0 to 1) measured at training sizes; one size may stand several times."""

    name: str
    sizes: tuple[int, ...]
    errors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """error(n) = floor + scale · n^-exponent."""

    floor: float
    scale: float
    exponent: float

    def error(self, sizes: "NDArray[np.float64] | float") -> "NDArray[np.float64] | float":
        """The error expected at these training sizes, of the same shape."""
        return self.floor + self.scale * sizes**-self.exponent

    def doubling(self, size: int) -> float:
        """How much less the error would be with twice as many examples."""
        return float(self.error(float(size)) - self.error(2.0 * size))

    def __str__(self) -> str:
        return f"{self.floor:.2f} + {self.scale:.2f} n^-{self.exponent:.2f}"


def fit_law(sizes: Sequence[int], errors: Sequence[float]) -> PowerLaw:
    """The law of least squares; the floor lies between 0 and the lowest mean error of a size.

    Raises PowerLawError for fewer than three different sizes: three numbers are fitted.
    """
    counts, found = np.array(sizes, dtype=float), np.array(errors, dtype=float)
    different = np.unique(counts)
    if len(different) < 3:
        raise PowerLawError(f"sizes: {len(different)} different found, at least 3 wanted")
    most = counts.max()
    lowest = min(float(found[counts == size].mean()) for size in different)

    def gaps(law: NDArray[np.float64]) -> NDArray[np.float64]:
        floor, last, exponent = law  # ``last``: what lies above the floor at the largest size
        gap: NDArray[np.float64] = floor + last * (counts / most) ** -exponent - found
        return gap

    bounds = ([0.0, 0.0, 0.0], [max(lowest, 1e-6), 1.0, _STEEPEST])
    start = [lowest / 3, max(lowest / 2, 1e-6), 0.3]
    floor, last, exponent = least_squares(gaps, start, bounds=bounds).x
    return PowerLaw(float(floor), float(last * most**exponent), float(exponent))
