"""Calibration: the one way from a logit to a probability, and its place in the bundle."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import (
    Calibration,
    CalibrationColumns,
    CalibrationError,
    LabelCalibration,
    sigmoid,
    softmax,
)

LOGITS = st.floats(-1e6, 1e6)


def stored(**changes: Any) -> dict[str, Any]:
    entry = {"scale": 1.5, "bias": -0.5, "threshold": 0.4, "positives": 7}
    plain: dict[str, Any] = {
        "labels": {"CLAIM.CLAIM_DELAY": entry},
        "demand": {"full_refund": entry},
        "agent": entry,
        "primary_temperature": 1.2,
        "evidence": {"causes": 0.3, "signs": 0.4, "marks": 0.5},
        "review": 0.5,
    }
    return {**plain, **changes}


def test_what_is_written_is_read_back() -> None:
    calibration = Calibration.from_json(stored())
    assert Calibration.from_json(json.loads(json.dumps(calibration.as_json()))) == calibration


@pytest.mark.parametrize("part", list(stored()))
def test_a_calibration_without_one_of_its_parts_is_refused(part: str) -> None:
    lacking = {name: value for name, value in stored().items() if name != part}
    with pytest.raises(CalibrationError, match=part):
        Calibration.from_json(lacking)


@pytest.mark.parametrize(
    "changes",
    [
        {"agent": {"scale": "weit", "bias": 0.0, "threshold": 0.5, "positives": 1}},
        {"agent": {"scale": 1.0, "bias": 0.0, "threshold": 0.5}},
        {"agent": 0.5},
        {"labels": ["CLAIM.CLAIM_DELAY"]},
        {"evidence": {"causes": 0.3}},
        {"review": None},
    ],
)
def test_a_part_of_another_kind_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CalibrationError, match=r"calibration\.json"):
        Calibration.from_json(stored(**changes))


def test_columns_stand_in_the_order_asked_for() -> None:
    each = {name: LabelCalibration(1.0, bias, 0.5, 0) for name, bias in (("甲", 1.0), ("乙", 2.0))}
    assert CalibrationColumns.of(each, ("乙", "甲")).bias.tolist() == [2.0, 1.0]


def test_a_label_without_calibration_is_named() -> None:
    with pytest.raises(CalibrationError, match="no entry for PS_FEE_SHARE"):
        CalibrationColumns.of({}, ("PS_FEE_SHARE",))


def test_a_probability_is_the_sigmoid_of_the_scaled_logit() -> None:
    columns = CalibrationColumns(np.array([2.0, 1.0]), np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    wanted = [1 / (1 + np.exp(-7.0)), 0.5]
    assert columns.probabilities(np.array([3.0, 0.0])) == pytest.approx(wanted)


@given(LOGITS)
def test_a_sigmoid_never_leaves_its_bounds(logit: float) -> None:
    assert 0.0 <= float(sigmoid(np.float64(logit))) <= 1.0


@given(st.floats(-30, 30))
def test_a_sigmoid_is_the_logistic_function(logit: float) -> None:
    assert float(sigmoid(np.float64(logit))) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-12)


@given(st.lists(LOGITS, min_size=1, max_size=8), st.floats(0.1, 10))
def test_a_softmax_sums_to_one(logits: list[float], temperature: float) -> None:
    assert softmax(np.array(logits), temperature=temperature).sum() == pytest.approx(1.0)


def test_a_high_temperature_makes_less_sure() -> None:
    logits = np.array([2.0, 0.0])
    assert softmax(logits, temperature=4.0)[0] < softmax(logits, temperature=1.0)[0]
