"""Weights back from a bundle: the ONNX file is the only place where they stand.

The exporter keeps their names, so that a bundle can be read by torch, tuned further, compared or
audited. Imports torch and transformers; nothing that serves by default may import this module.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from transformers import AutoConfig, AutoModel

from models.bundle import FULL_PRECISION, Bundle, BundleError
from models.network import Network, NetworkShape

HALF = "_half"  # what the name of a weight in half precision ends in


def load_network(bundle: Bundle) -> Network:
    """The torch network of a bundle, in eval mode, fp32.

    Raises BundleError where network.json does not describe one, where its weights were quantized,
    or where one is missing in the ONNX file.
    """
    if bundle.precision != FULL_PRECISION:
        raise BundleError(
            f"{bundle.directory}: weights in {bundle.precision} found, in {FULL_PRECISION} wanted: "
            "torch reads the bundle that this one was quantized from"
        )
    network = _bare_network(bundle)
    stored = _initialisers(bundle)
    wanted = network.state_dict()
    unread = set() if network.ngrams else {"mixing"}  # the exporter leaves out what is not read
    missing = sorted(set(wanted) - set(stored) - unread)
    if missing:
        raise BundleError(f"{bundle.directory}: network.onnx lacks the weight {missing[0]}")
    known = {name: stored.get(name, weight) for name, weight in wanted.items()}
    network.load_state_dict({n: w.reshape(wanted[n].shape) for n, w in known.items()})
    return network.eval()


def bare_encoder(config: Mapping[str, Any]) -> nn.Module:
    """An encoder of this configuration in fp32, not yet holding its weights."""
    settings = dict(config)
    made = AutoConfig.for_model(settings.pop("model_type"), **settings)
    # The checkpoint may have been stored in half precision, in which processors are slow.
    bare = AutoModel.from_config(made, attn_implementation="eager", dtype=torch.float32)
    return without_pooler(bare)


def without_pooler(module: Any) -> nn.Module:
    """BERT's own pooler is read by nobody here, and checkpoints of pretraining do not hold it."""
    if getattr(module, "pooler", None) is not None:
        module.pooler = None
    bare: nn.Module = module
    return bare


def _bare_network(bundle: Bundle) -> Network:
    lacking = [name for name in ("shape", "encoder") if name not in bundle.network]
    if lacking:
        raise BundleError(f"{bundle.directory}: network.json lacks {lacking[0]!r}")
    shape = NetworkShape(**bundle.network["shape"])
    return Network(bare_encoder(bundle.network["encoder"]), shape)


def _initialisers(bundle: Bundle) -> dict[str, torch.Tensor]:
    graph = onnx.load(str(bundle.file("network.onnx"))).graph
    arrays = {t.name.removesuffix(HALF): numpy_helper.to_array(t) for t in graph.initializer}
    return {
        name: torch.from_numpy(
            array.astype(np.float32) if array.dtype == np.float16 else array.copy()
        )
        for name, array in arrays.items()
    }
