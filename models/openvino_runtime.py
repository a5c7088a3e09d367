"""OpenVINO on the processor, from the same ``network.onnx``. Needs the extra ``openvino``.

Imported only where it is asked for. Multiplies in bf16 where the processor can, else in fp32.
"""

import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.ngram_slots import slots_of
from models.runtimes import Logits, available_cores

ROWS = "ngrams.rows"  # the table in network.onnx that is read by slots
SLOTS = "ngram_slots"
_CPUINFO = Path("/proc/cpuinfo")
_BF16 = {"amx_bf16", "avx512_bf16"}  # half the processor time of fp32, measured on both


class OpenVinoRuntime:
    """OpenVINO; several threads may ask, each with a request of its own.

    Its processor plugin turns 64-bit integers into 32-bit ones, in which the hash of the n-gram
    table overflows: the slots are computed here and given to the network as a third input.
    """

    def __init__(self, network: Path, *, precision: str, threads: int | None = None) -> None:
        ov = import_openvino()
        self.precision = precision
        self.name = f"openvino-cpu-{precision}"
        core = ov.Core()
        model = core.read_model(str(network))
        self._slots = _take_slots(ov, model)
        self._compiled = core.compile_model(
            model, "CPU", _settings(ov, precision, threads or available_cores())
        )
        self._names = [output.any_name for output in self._compiled.outputs]
        self._own = threading.local()

    def infer(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Logits:
        """See models.runtimes.Runtime."""
        inputs: dict[str, NDArray[np.integer]] = {"input_ids": ids, "attention_mask": mask}
        if self._slots:
            inputs[SLOTS] = slots_of(ids, slots=self._slots)[:, :, None]
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        values = self._own.request.infer(inputs)  # copies: the next call leaves them alone
        return {name: values[name] for name in self._names}


def import_openvino() -> ModuleType:
    """OpenVINO without its reports: its package tells its maker of every import, over the internet.

    It takes a stub for ``openvino_telemetry`` where that cannot be imported.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # refused
    import openvino

    module: ModuleType = openvino
    return module


def fastest_precision() -> str:
    """bf16 where the processor multiplies in it, else fp32; fp32 too where the system is silent.

    Without such instructions bf16 would lose digits and gain nothing.
    """
    flags = set(_CPUINFO.read_text("utf-8").split()) if _CPUINFO.is_file() else set()
    return "bf16" if flags & _BF16 else "fp32"


def _settings(ov: ModuleType, precision: str, threads: int) -> dict[str, object]:
    types = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}
    return {
        # Said and not left to the plugin: it takes bf16 where it can.
        "INFERENCE_PRECISION_HINT": types[precision],
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        "PERFORMANCE_HINT": ov.properties.hint.PerformanceMode.LATENCY,
        "PERFORMANCE_HINT_NUM_REQUESTS": 1,
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,  # two processes would be pinned to the same cores
    }


def _take_slots(ov: ModuleType, model: Any) -> int:
    """Makes the slots an input, (batch, 2 * tokens, 1); gives the table's size, 0 for no table."""
    tables = [node for node in model.get_ops() if node.get_friendly_name() == ROWS]
    if not tables:
        return 0
    (table,) = tables
    (use,) = table.output(0).get_target_inputs()
    slots = ov.opset13.parameter(ov.PartialShape([-1, -1, 1]), ov.Type.i32, name=SLOTS)
    slots.output(0).set_names({SLOTS})
    use.get_node().input(1).replace_source_output(slots.output(0))
    model.add_parameters([slots])
    model.validate_nodes_and_infer_types()
    return int(table.output(0).get_shape()[0])
