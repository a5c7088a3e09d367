"""Export: a network as ONNX, with dynamic batch and length, weights in half precision on disk.

Half-precision weights are cast back when a session loads, so that the arithmetic stays fp32 and
answers stay those of the torch network within 1e-3.
"""

import copy
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxscript.optimizer
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.errors import XiaobaoError
from models.network import OUTPUT_NAMES, Network
from models.runtimes import OnnxRuntime
from models.weights import HALF

HALVED_FROM = 256  # elements: smaller tensors are left alone
TOLERANCE = 1e-3


class NetworkExportError(XiaobaoError):
    """An exported network that does not give the torch network's answers."""


def export_onnx(network: Network, path: Path) -> None:
    """Writes ``network`` to ``path`` and compares the two on windows of several lengths.

    Raises NetworkExportError where a probability differs by more than ``TOLERANCE``.
    """
    plain = halved(network).eval()  # dropout in a reference would hide every other difference
    program = _traced(plain)
    if program is None:
        raise NetworkExportError(f"{path}: the exporter gave no program")
    onnxscript.optimizer.optimize_ir(program.model, should_fold=_holds_no_weight)
    onnx.save_model(half_weights(program.model_proto), path)
    _compare(plain, path)


def halved(network: Network) -> Network:
    """A copy whose large weights went through half precision: what the file will hold."""
    copied = copy.deepcopy(network).float().cpu()
    for tensor in (*copied.parameters(), *copied.buffers()):
        if tensor.is_floating_point() and tensor.numel() >= HALVED_FROM:
            tensor.data = tensor.data.half().float()
    return copied


def half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with large fp32 initialisers stored as fp16, each behind a cast to fp32."""
    graph = model.graph
    casts = []
    for i, tensor in enumerate(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < HALVED_FROM:
            continue
        stored = f"{tensor.name}{HALF}"
        half = numpy_helper.to_array(tensor).astype(np.float16)
        casts.append(helper.make_node("Cast", [stored], [tensor.name], to=TensorProto.FLOAT))
        graph.initializer[i].CopyFrom(numpy_helper.from_array(half, stored))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _traced(network: nn.Module) -> Any:
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    ids = torch.arange(5, 5 + 2 * 32, dtype=torch.int64).reshape(2, 32)
    shape = {0: batch, 1: tokens}
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with torch.no_grad(), warnings.catch_warnings():
        # The exporter's own: inputs that share axes, and what it uses of torch and is to be gone.
        warnings.simplefilter("ignore")
        return torch.onnx.export(
            network,
            (ids, torch.ones_like(ids)),
            input_names=["input_ids", "attention_mask"],
            output_names=list(OUTPUT_NAMES),
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
            dynamo=True,
            optimize=False,
            verbose=False,
        )


def _holds_no_weight(node: Any) -> bool | None:
    """Folded weights would lose their names, by which ``models.weights`` reads them back."""
    reads_weight = any(value is not None and value.is_initializer() for value in node.inputs)
    return False if reads_weight else None


def _compare(network: nn.Module, path: Path) -> None:
    runtime = OnnxRuntime(path)
    generator = torch.Generator().manual_seed(0)
    for rows, length in ((1, 16), (3, 48), (2, 160)):
        ids = torch.randint(5, 1000, (rows, length), generator=generator)
        mask = torch.ones_like(ids)
        mask[0, length - 5 :] = 0
        found = runtime.infer(ids.numpy(), mask.numpy())
        with torch.inference_mode():
            wanted = dict(zip(OUTPUT_NAMES, network(ids, mask), strict=True))
        for name in OUTPUT_NAMES:
            _check(name, wanted[name], torch.from_numpy(found[name]), path)


def _check(name: str, wanted: Tensor, found: Tensor, path: Path) -> None:
    off = float((torch.sigmoid(wanted) - torch.sigmoid(found)).abs().max())
    if not off <= TOLERANCE:  # NaN is off too
        raise NetworkExportError(f"{path}: {name} is off by {off:.2g}, at most {TOLERANCE} wanted")
