"""A network in int8: the encoder's large products, with scales fixed on calibration texts.

Scales are fixed and not taken from each batch (dynamic quantization): an answer would depend on who
else is in the batch. Writes ``network.onnx`` of another bundle; measures nothing.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from models.windows import Window, pack, pad

PRECISION = "int8"
ENCODER = "encoder."  # heads are small and what they say is shown: they stay as they are
_BATCH_TOKENS = 1024


def quantize_network(network: Path, to: Path, windows: Sequence[Window]) -> int:
    """Writes ``network`` to ``to`` with the encoder's products in int8; gives how many there are.

    windows: what activations are calibrated on, real texts of all kinds.
    """
    model = onnx.load(str(network))
    chosen = [node for node in model.graph.node if _is_quantized(model, node)]
    for node in chosen:
        _fold_weight(model, node)
    with _quiet():
        quantize_static(
            model,
            to,
            _Calibration(windows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=[node.name for node in chosen],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    return len(chosen)


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    """Batches of windows, one padded length each, as the library asks for them."""

    def __init__(self, windows: Sequence[Window]) -> None:
        batches = pack(windows, batch_tokens=_BATCH_TOKENS)
        self._batches = iter([pad([windows[i] for i in batch]) for batch in batches])

    def get_next(self) -> dict[str, NDArray[np.int64]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"input_ids": batch[0], "attention_mask": batch[1]}


def _is_quantized(model: onnx.ModelProto, node: NodeProto) -> bool:
    """A product of the encoder with a stored weight that does not narrow what it reads.

    What narrows stands behind the gate of a feed-forward layer, where few numbers are very large:
    one scale for all of them left the primary cause another in 16 of 1,000 texts, against 5.
    """
    if node.op_type != "MatMul":
        return False
    chain = _weight_chain(model, node)
    if not chain or not chain[-1].input[0].startswith(ENCODER):
        return False
    rows, columns = _weight(model, chain).shape
    return bool(rows <= columns)


def _weight_chain(model: onnx.ModelProto, node: NodeProto) -> list[NodeProto]:
    """The casts and transposes between a product's second input and its stored weight, if any."""
    makers = {output: made for made in model.graph.node for output in made.output}
    stored = {tensor.name for tensor in model.graph.initializer}
    chain: list[NodeProto] = []
    name = node.input[1]
    while name not in stored:
        maker = makers.get(name)
        if maker is None or maker.op_type not in ("Cast", "Transpose"):
            return []
        chain.append(maker)
        name = maker.input[0]
    return chain


def _weight(model: onnx.ModelProto, chain: Sequence[NodeProto]) -> NDArray[np.float32]:
    """The weight as the product reads it, (inputs, outputs), fp32."""
    name = chain[-1].input[0]
    (stored,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    array = numpy_helper.to_array(stored).astype(np.float32)
    for node in reversed(chain):
        if node.op_type == "Transpose":
            array = array.transpose(_permutation(node))
    return np.ascontiguousarray(array)


def _permutation(node: NodeProto) -> list[int]:
    (order,) = (attribute.ints for attribute in node.attribute if attribute.name == "perm")
    return list(order)


def _fold_weight(model: onnx.ModelProto, node: NodeProto) -> None:
    """Stores the weight as the product reads it, and drops what made it so."""
    chain = _weight_chain(model, node)
    graph, name = model.graph, chain[-1].input[0]
    weight = numpy_helper.from_array(_weight(model, chain), node.input[1])
    for made in chain:
        graph.node.remove(made)
    (place,) = (at for at, tensor in enumerate(graph.initializer) if tensor.name == name)
    graph.initializer[place].CopyFrom(weight)


@contextmanager
def _quiet() -> Iterator[None]:
    """The library tells of every node, and recommends steps that the exporter has taken."""
    before: Any = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
