"""Runtimes: from token ids to logits. ONNX Runtime is the default; others answer as it does.

How near another runtime comes is a matter of its precision (``models.self_check.TOLERANCES``).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Logits = Mapping[str, NDArray[np.float32]]


class Runtime(Protocol):
    """What the analyzer asks of a network; ``precision``: fp32 or bf16, what it multiplies in."""

    name: str
    precision: str

    def infer(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Logits:
        """Logits by output name (``models.network.Outputs``); ids, mask: (batch, tokens)."""
        ...


class OnnxRuntime:
    """ONNX Runtime on the processor: the default, everywhere."""

    name = "onnxruntime-cpu"
    precision = "fp32"

    def __init__(self, network: Path, *, threads: int | None = None) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        options.inter_op_num_threads = 1
        # An idle service must not spin; a busy one loses nothing measurable.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            str(network), options, providers=["CPUExecutionProvider"]
        )
        self._names = [output.name for output in self._session.get_outputs()]

    def infer(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Logits:
        """See Runtime."""
        values = self._session.run(self._names, {"input_ids": ids, "attention_mask": mask})
        return dict(zip(self._names, values, strict=True))


def available_cores() -> int:
    """Cores this process may use: affinity, where the system tells, else all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
