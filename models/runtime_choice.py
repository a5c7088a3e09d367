"""Which runtime reads: the one asked for, or of those installed the fastest in a short trial.

Knows which extra brings a runtime; imports a runtime only to open it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import FULL_PRECISION, Bundle
from models.errors import XiaobaoError
from models.runtimes import OnnxRuntime, Runtime

ONNX, OPENVINO, TORCH, AUTO = "onnx", "openvino", "torch", "auto"
EXTRAS = {OPENVINO: "openvino", TORCH: "training"}  # by the module that each imports
PRECISIONS = (AUTO, FULL_PRECISION)
# Windows of a trial, rows and tokens: a short complaint in company, a usual one, a long one.
SHAPES = ((4, 32), (2, 128), (1, 512))
TRIAL_S = 0.5

Batch = tuple[NDArray[np.int64], NDArray[np.int64]]
Clock = Callable[[], float]


class RuntimeChoiceError(XiaobaoError):
    """A runtime that is not known, not installed or cannot be had for a bundle."""


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """The runtime in use, and why: seconds of the trial by name, and what each other one lacked.

    ``kind`` is what ``--runtime`` calls it. Without a trial ``seconds`` is empty.
    """

    kind: str
    runtime: Runtime
    reason: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What a log line says of it: names, seconds and reasons, no text."""
        return {
            "runtime": self.runtime.name,
            "reason": self.reason,
            "seconds": {name: round(spent, 4) for name, spent in self.seconds.items()},
            "refused": dict(self.refused),
        }


@dataclass(frozen=True, slots=True)
class RuntimeRequest:
    """What was asked for: a runtime or auto; ``precision``: auto, or fp32 and nothing less."""

    runtime: str = ONNX
    precision: str = AUTO


DEFAULT = RuntimeRequest()


def wanted_of(runtime: str | None, precision: str | None) -> RuntimeRequest:
    """What options say, each with its default where it was not given."""
    return RuntimeRequest(runtime or DEFAULT.runtime, precision or DEFAULT.precision)


def choose_runtime(
    bundle: Bundle,
    wanted: RuntimeRequest,
    *,
    check: Callable[[Runtime], None],
    threads: int | None = None,
) -> RuntimeChoice:
    """Opens the runtime that is wanted for a bundle.

    check: called with each runtime before it may read; raises a XiaobaoError where it answers
    otherwise than the bundle says. With ``auto`` such a runtime is left out, and one that cannot
    be opened too; with a name its error is the caller's.
    """
    _check_known(wanted)
    if wanted.runtime != AUTO:
        runtime = open_runtime(bundle, wanted.runtime, precision=wanted.precision, threads=threads)
        check(runtime)
        return RuntimeChoice(wanted.runtime, runtime, "asked for")

    def checked(kind: str) -> Runtime:
        runtime = open_runtime(bundle, kind, precision=wanted.precision, threads=threads)
        check(runtime)
        return runtime

    candidates, refused = _candidates(checked)
    return fastest(candidates, trial_batches(bundle.network["window"]), refused=refused)


def open_runtime(
    bundle: Bundle, kind: str, *, precision: str = AUTO, threads: int | None = None
) -> Runtime:
    """A runtime of one kind for a bundle. Raises RuntimeChoiceError where it is not installed."""
    if kind in EXTRAS and find_spec(kind) is None:
        raise RuntimeChoiceError(
            f"runtime {kind}: not installed; wanted: pip install '.[{EXTRAS[kind]}]'"
        )
    network = bundle.file("network.onnx")
    if kind == OPENVINO:
        from models.openvino_runtime import OpenVinoRuntime, fastest_precision

        full = precision == FULL_PRECISION or bundle.precision != FULL_PRECISION
        taken = FULL_PRECISION if full else fastest_precision()
        return OpenVinoRuntime(network, precision=taken, threads=threads)
    if kind == TORCH:
        from models.torch_runtime import TorchRuntime

        return TorchRuntime(bundle, threads=threads)
    return OnnxRuntime(network, threads=threads)


def fastest(
    candidates: Mapping[str, Runtime],
    batches: Sequence[Batch],
    *,
    refused: Mapping[str, str] | None = None,
    clock: Clock = time.perf_counter,
) -> RuntimeChoice:
    """The candidate, by kind, that reads the batches in the least time; the first of equals.

    Raises RuntimeChoiceError where there is none.
    """
    refused = refused or {}
    if not candidates:
        why = "; ".join(f"{kind}: {reason}" for kind, reason in refused.items())
        raise RuntimeChoiceError(f"runtime auto: no runtime can be used ({why})")
    if len(candidates) == 1:
        ((kind, runtime),) = candidates.items()
        return RuntimeChoice(kind, runtime, "the only one", refused=refused)
    spent = trial(candidates, batches, clock=clock)
    kind = min(spent, key=lambda name: spent[name])
    seconds = {candidates[name].name: time_ for name, time_ in spent.items()}
    return RuntimeChoice(kind, candidates[kind], "fastest in the trial", seconds, refused)


def trial(
    candidates: Mapping[str, Runtime],
    batches: Sequence[Batch],
    *,
    seconds: float = TRIAL_S,
    clock: Clock = time.perf_counter,
) -> dict[str, float]:
    """Seconds that each candidate needs for the batches that all have read: its best of each.

    Rounds go on while there is time, and the candidates take turns, as the machine may be busy.
    After ``seconds`` nothing new begins, except that each reads the first batch, twice: the first
    time warms up.
    """
    end = clock() + seconds
    best: dict[str, list[float]] = {kind: [] for kind in candidates}
    for at, batch in enumerate(batches):
        if at and clock() >= end:
            break
        for kind, runtime in candidates.items():
            runtime.infer(*batch)
            best[kind].append(_timed(runtime, batch, clock))
    known = min(map(len, best.values()))
    while clock() < end:
        for at, batch in enumerate(batches[:known]):
            for kind, runtime in candidates.items():
                best[kind][at] = min(best[kind][at], _timed(runtime, batch, clock))
    return {kind: sum(times[:known]) for kind, times in best.items()}


def trial_batches(window: int) -> list[Batch]:
    """Token ids and masks of several lengths, the short ones first; what they say is no matter."""
    lengths = dict.fromkeys((rows, min(tokens, window)) for rows, tokens in SHAPES)
    return [
        (np.full(shape, 5, dtype=np.int64), np.ones(shape, dtype=np.int64)) for shape in lengths
    ]


def _candidates(
    checked: Callable[[str], Runtime],
) -> tuple[dict[str, Runtime], dict[str, str]]:
    """The runtimes that can be had, by kind, the default first; and why others cannot."""
    found: dict[str, Runtime] = {}
    refused: dict[str, str] = {}
    for kind in (ONNX, OPENVINO, TORCH):
        if kind in EXTRAS and find_spec(kind) is None:
            refused[kind] = "not installed"
        elif kind == TORCH and not has_cuda():
            refused[kind] = "no graphics processor"
        else:
            try:
                found[kind] = checked(kind)
            except Exception as error:  # whatever a foreign library raises, the others can read
                refused[kind] = _why(error)
    return found, refused


def has_cuda() -> bool:
    """Whether torch has a graphics processor; one built for processors alone is not imported."""
    try:
        if version("torch").endswith("+cpu"):
            return False
    except PackageNotFoundError:
        return False
    import torch

    return torch.cuda.is_available()


def _why(error: Exception) -> str:
    """Our own errors in full; of others the type, as what they say may be long."""
    return str(error) if isinstance(error, XiaobaoError) else type(error).__name__


def _timed(runtime: Runtime, batch: Batch, clock: Clock) -> float:
    start = clock()
    runtime.infer(*batch)
    return clock() - start


def _check_known(wanted: RuntimeRequest) -> None:
    kinds = (AUTO, ONNX, OPENVINO, TORCH)
    if wanted.runtime not in kinds:
        raise RuntimeChoiceError(
            f"runtime: {wanted.runtime!r} found, one of {', '.join(kinds)} wanted"
        )
    if wanted.precision not in PRECISIONS:
        raise RuntimeChoiceError(
            f"precision: {wanted.precision!r} found, one of {', '.join(PRECISIONS)} wanted"
        )
