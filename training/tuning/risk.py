"""Risk control: thresholds whose error rate is bounded with a stated confidence.

After "Learn then Test" (Angelopoulos et al. 2022), by MAPIE: each candidate threshold is a
hypothesis that the risk is too high, tested on the development split, corrected for their number.
The bound holds for texts drawn like that split, to which the probabilities were also fitted.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from mapie.risk_control import BinaryClassificationController
from numpy.typing import NDArray

from models.calibration import Array

CONFIDENCE = 0.9
ACCURACY = 0.8  # of the primary causes that are not sent to a person
FALSE_FLAGS = 0.02  # of the records that no agent is behind, at REVIEW or above
REVIEWS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FLAGS = (0.5, 0.6, 0.7, 0.8, 0.9)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Controlled:
    """A threshold and what it was tested for.

    ``proven``: the bound held at ``confidence``. Else, on too few records to prove it, the
    threshold is the lowest at which the bound was met, or the strictest; ``found`` says what it
    came to. ``records``: how many the risk was counted on.
    """

    threshold: float
    bound: float
    found: float
    confidence: float
    records: int
    proven: bool

    def as_json(self) -> dict[str, float | int | bool]:
        """The object that the manifest holds."""
        return asdict(self)


def control_review(
    probability: Array, right: Mask, *, accuracy: float = ACCURACY, confidence: float = CONFIDENCE
) -> Controlled:
    """The lowest probability from which primary causes are right often enough.

    probability, right: (records,), of the primary cause given. Below the threshold a person looks
    first; ``bound`` and ``found`` are accuracies above it.
    """
    above = probability[:, None] >= np.array(REVIEWS)
    valid = _valid(above, right, risk="precision", target=accuracy, confidence=confidence)
    shares = [float(right[column].mean()) if column.any() else 1.0 for column in above.T]
    place = _lowest(valid, [share >= accuracy for share in shares])
    return Controlled(
        threshold=REVIEWS[place],
        bound=accuracy,
        found=shares[place],
        confidence=confidence,
        records=int(above[:, place].sum()),
        proven=place in valid,
    )


def control_flags(
    flagged: Mapping[float, Mask],
    agent_run: Mask,
    *,
    rate: float = FALSE_FLAGS,
    confidence: float = CONFIDENCE,
) -> Controlled:
    """The lowest of some thresholds at which few records without an agent are flagged.

    flagged: by threshold, (records,): who would be at REVIEW or above; agent_run: (records,).
    ``bound`` and ``found`` are rates of false flags.
    """
    tried = sorted(flagged)
    table = np.stack([flagged[threshold] for threshold in tried], axis=1)
    valid = _valid(table, agent_run, risk="fpr", target=rate, confidence=confidence)
    genuine = table[~agent_run]
    rates = genuine.mean(axis=0) if len(genuine) else np.zeros(len(tried))
    place = _lowest(valid, [bool(found <= rate) for found in rates])
    return Controlled(
        threshold=tried[place],
        bound=rate,
        found=float(rates[place]),
        confidence=confidence,
        records=len(genuine),
        proven=place in valid,
    )


def _valid(
    table: Mask, gold: Mask, *, risk: str, target: float, confidence: float
) -> frozenset[int]:
    """The columns of ``table``, (records, thresholds), that keep the risk with confidence."""
    if not len(gold):
        return frozenset()
    controller = BinaryClassificationController(
        lambda given, place: given[:, int(place)].astype(int),
        risk,
        target,
        confidence,
        list_predict_params=np.arange(table.shape[1])[:, None],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where nothing is valid: ``proven`` says so
        controller.calibrate(table, gold.astype(int))
    return frozenset(int(place) for place in np.ravel(controller.valid_predict_params))


def _lowest(valid: frozenset[int], met: Sequence[bool]) -> int:
    if valid:
        return min(valid)
    return next((place for place, holds in enumerate(met) if holds), len(met) - 1)
