"""Weights back from a bundle: the ONNX file is the only place where they stand.

The exporter keeps their names, so that a bundle can be tuned further, compared or audited.
"""

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from models.bundle import Bundle, BundleError
from models.network import Network, NetworkShape
from training.pretraining.encoders import bare_encoder
from training.tuning.exporting import HALF


def load_network(bundle: Bundle) -> Network:
    """The torch network of a bundle, in eval mode, fp32.

    Raises BundleError where network.json does not describe one, or a weight is missing in the
    ONNX file.
    """
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
