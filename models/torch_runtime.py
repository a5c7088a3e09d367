"""Torch, on CUDA where there is a graphics processor. Needs the extra ``training``.

Imports torch, hence only where it is asked for. The weights are those of ``network.onnx``.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from models.bundle import Bundle
from models.network import OUTPUT_NAMES
from models.runtimes import Logits
from models.weights import load_network


class TorchRuntime:
    """The network in torch, fp32; an answer may move with its batch, by far less than 1e-3."""

    precision = "fp32"

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.name = f"torch-{self._device.type}"
        if threads is not None and self._device.type == "cpu":
            torch.set_num_threads(threads)
        self._network = load_network(bundle).to(self._device)

    def infer(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Logits:
        """See models.runtimes.Runtime."""
        with torch.inference_mode():
            given = (torch.from_numpy(x).to(self._device) for x in (ids, mask))
            values = self._network(*given)
        return {n: value.cpu().numpy() for n, value in zip(OUTPUT_NAMES, values, strict=True)}
