"""A calibration that changes no number, but for what a test changes about it."""

from typing import Any

from models.calibration import Calibration, LabelCalibration
from models.labels import LabelSpace


def calibration_of(space: LabelSpace, **changes: Any) -> Calibration:
    plain = LabelCalibration(scale=1.0, bias=0.0, threshold=0.5, positives=1)
    parts: dict[str, Any] = {
        "labels": dict.fromkeys(space.evidence, plain),
        "demand": dict.fromkeys(space.demand, plain),
        "agent": plain,
        "primary_temperature": 1.0,
        "evidence": {"causes": 0.5, "signs": 0.5, "marks": 0.5},
        "review": 0.5,
    }
    return Calibration(**{**parts, **changes})
