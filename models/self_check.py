"""The self-check: golden inputs, and what the bundle answered to them when it was exported.

A network that was fine where it was trained may be wrong where it serves: another processor,
another runtime, another version. Compared at every load, before the first complaint.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from models.bundle import Bundle, BundleError
from models.decoding import Reading

# By what the arithmetic is done in: how far a probability may be from where it was exported. bf16
# holds eight bits of a number; of int8 another machine rounds some activations the other way.
TOLERANCES = {"fp32": 1e-3, "bf16": 0.03, "int8": 0.03}

Readings = Callable[[Sequence[str]], Sequence[Reading]]


def golden_outputs(texts: Sequence[str], readings: Readings) -> list[dict[str, Any]]:
    """All probabilities of each text, as ``manifest.json`` holds them under ``golden``."""
    return [
        {
            "text": text,
            "labels": [round(float(share), 5) for share in reading.labels],
            "primary": [round(float(share), 5) for share in reading.primary],
            "agent": round(reading.agent, 5),
        }
        for text, reading in zip(texts, readings(texts), strict=True)
    ]


def tolerance_of(bundle: Bundle, precision: str) -> float:
    """How far a probability may be off on a runtime of this precision.

    Raises BundleError for a bundle of a precision that is not known.
    """
    if bundle.precision not in TOLERANCES:
        raise BundleError(
            f"{bundle.directory}: precision {bundle.precision!r} found, one of "
            f"{', '.join(TOLERANCES)} wanted"
        )
    return max(TOLERANCES[bundle.precision], TOLERANCES[precision])


def check_golden(bundle: Bundle, readings: Readings, *, precision: str) -> None:
    """Raises BundleError where a probability is off by more than its tolerance, or none is told.

    precision: of the runtime that gave the readings.
    """
    tolerance = tolerance_of(bundle, precision)
    stored = _stored(bundle)
    found = golden_outputs([entry["text"] for entry in stored], readings)
    for number, (wanted, got) in enumerate(zip(stored, found, strict=True)):
        for name in ("labels", "primary", "agent"):
            off = _distance(wanted.get(name), got[name])
            if not off <= tolerance:  # NaN is off too
                raise BundleError(
                    f"{bundle.directory}: self-check failed: {name} of golden input {number} "
                    f"are off by {off:.4f} on this machine, at most {tolerance} wanted"
                )


def _stored(bundle: Bundle) -> Sequence[Mapping[str, Any]]:
    stored = bundle.manifest.get("golden")
    whole = isinstance(stored, list) and all(
        isinstance(entry, dict) and isinstance(entry.get("text"), str) for entry in stored
    )
    if not stored or not whole:
        raise BundleError(
            f"{bundle.directory}: no golden inputs found, at least 1 with text wanted"
        )
    return list(stored)


def _distance(wanted: Any, got: Any) -> float:
    """The largest difference; NaN where the two are not numbers of one shape."""
    try:
        numbers = np.asarray(wanted, dtype=float)
    except (TypeError, ValueError):
        return float("nan")
    same = numbers.shape == np.shape(got)
    return float(np.max(np.abs(numbers - got))) if same else float("nan")
