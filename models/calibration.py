"""From logits to probabilities and decisions: what the development split taught, as data.

Per label a scale and a bias (Platt 1999) and a threshold; one temperature for the primary cause
(Guo et al. 2017). Everything here is numpy; fitting stands in ``training.tuning.calibrating``.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import XiaobaoError
from models.labels import KINDS

Array = NDArray[np.float64]


class CalibrationError(XiaobaoError):
    """A calibration that does not fit its label space."""


@dataclass(frozen=True, slots=True)
class LabelCalibration:
    """One label: probability = sigmoid(scale * logit + bias), shown from ``threshold`` on.

    ``positives`` counts the development records that hold the label: 0 says that scale, bias
    and threshold are those of its kind.
    """

    scale: float
    bias: float
    threshold: float
    positives: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that turns a network's logits into an assessment's probabilities.

    ``evidence``: share of the best clause's score from which a clause is shown too, by kind
    (causes, signs, marks). ``review``: a primary cause below this probability goes to a person:
    at 0.5 it is more likely wrong than right.
    """

    labels: Mapping[str, LabelCalibration]
    demand: Mapping[str, LabelCalibration]
    agent: LabelCalibration
    primary_temperature: float
    evidence: Mapping[str, float]
    review: float

    def as_json(self) -> dict[str, Any]:
        """The object that ``calibration.json`` holds."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Calibration":
        """The calibration that ``as_json`` wrote; raises CalibrationError on a missing part."""
        try:
            return cls(
                labels={id_: _label(entry) for id_, entry in stored["labels"].items()},
                demand={id_: _label(entry) for id_, entry in stored["demand"].items()},
                agent=_label(stored["agent"]),
                primary_temperature=float(stored["primary_temperature"]),
                evidence={kind: float(stored["evidence"][kind]) for kind in KINDS},
                review=float(stored["review"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CalibrationError(f"calibration.json: {error!r} is missing or wrong") from error


def _label(stored: Mapping[str, Any]) -> LabelCalibration:
    scale, bias, threshold = (float(stored[name]) for name in ("scale", "bias", "threshold"))
    return LabelCalibration(scale, bias, threshold, int(stored["positives"]))


def sigmoid(logits: Array) -> Array:
    """The one function from a logit to a probability: training, export, API; any shape."""
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def softmax(logits: Array, *, temperature: float) -> Array:
    """Probabilities over the last axis."""
    scaled = logits / temperature
    weights = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class CalibrationColumns:
    """Calibration of many labels as columns, for whole batches at once; each (labels,)."""

    scale: Array
    bias: Array
    threshold: Array

    @classmethod
    def of(
        cls, calibrations: Mapping[str, LabelCalibration], ids: tuple[str, ...]
    ) -> "CalibrationColumns":
        """Columns in the order of ``ids``; raises CalibrationError where an id is missing."""
        missing = [id_ for id_ in ids if id_ not in calibrations]
        if missing:
            raise CalibrationError(f"calibration.json: no entry for {', '.join(missing)}")
        rows = [calibrations[id_] for id_ in ids]
        return cls(
            np.array([row.scale for row in rows]),
            np.array([row.bias for row in rows]),
            np.array([row.threshold for row in rows]),
        )

    def probabilities(self, logits: Array) -> Array:
        """Calibrated probabilities, same shape as ``logits`` (…, labels)."""
        return sigmoid(self.scale * logits + self.bias)
