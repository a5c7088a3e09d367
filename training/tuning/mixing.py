"""Mixing: how much the encoder's and the n-grams' logits count, learned on unseen texts.

Both were fitted on the same texts and both are too sure of them; only the development split
tells what each is worth. Two numbers a head, so that nothing can be memorised.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.network import Network
from training.tuning.batches import Target
from training.tuning.fitting import infer

Array = NDArray[np.float64]


def mix(network: Network, development: Sequence[Target], *, device: torch.device) -> None:
    """Sets ``network.mixing`` to the weights of least cross-entropy on the development split."""
    encoder, ngrams, targets = _apart(network, development, device=device)
    shape, rows = network.shape, network.mixing.clone()
    start = 0
    for size in (shape.causes, shape.signs, shape.marks):
        columns = slice(start, start + size)
        gold = np.array([t.labels for t in targets])[:, columns]
        rows[columns] = _fit_sigmoid(encoder[:, columns], ngrams[:, columns], gold)
        start += size
    primary = slice(shape.evidence, shape.evidence + shape.causes)
    right = np.array([t.primary for t in targets])
    rows[shape.evidence] = _fit_softmax(encoder[:, primary], ngrams[:, primary], right)
    agent = np.array([[t.agent] for t in targets])
    rows[shape.evidence + 1] = _fit_sigmoid(encoder[:, -1:], ngrams[:, -1:], agent)
    network.mixing.copy_(rows)


def _apart(
    network: Network, targets: Sequence[Target], *, device: torch.device
) -> tuple[Array, Array, list[Target]]:
    """Logits of the two readers, columns as in ``Network.ngram_outputs``, and their targets."""
    only_encoder = torch.tensor([[1.0, 0.0]]).to(network.mixing)
    kept: list[Array] = []
    found: list[Target] = []
    for weights in (only_encoder, only_encoder.flip(1)):
        network.mixing.copy_(weights.expand_as(network.mixing))
        rows: list[Array] = []
        found = []
        for group, outputs in infer(network, targets, device=device):
            parts = (outputs.labels, outputs.primary, outputs.agent.unsqueeze(1))
            rows.append(torch.cat(parts, dim=1).cpu().numpy().astype(np.float64))
            found += group
        kept.append(np.concatenate(rows))
    return kept[0], kept[1], found


def _fit_sigmoid(encoder: Array, ngrams: Array, gold: Array) -> torch.Tensor:
    """Weights of the two and one shared bias, which calibration learns again by label."""

    def loss(parameters: Array) -> float:
        logits = parameters[0] * encoder + parameters[1] * ngrams + parameters[2]
        return float((np.logaddexp(0.0, logits) - gold * logits).mean())

    return _weights(minimize(loss, [0.7, 1.0, 0.0], method="L-BFGS-B", bounds=_bounds(3)).x)


def _fit_softmax(encoder: Array, ngrams: Array, right: NDArray[np.int64]) -> torch.Tensor:
    def loss(parameters: Array) -> float:
        logits = parameters[0] * encoder + parameters[1] * ngrams
        shifted = logits - logits.max(axis=1, keepdims=True)
        every = np.log(np.exp(shifted).sum(axis=1))
        return float((every - shifted[np.arange(len(right)), right]).mean())

    return _weights(minimize(loss, [0.7, 3.0], method="L-BFGS-B", bounds=_bounds(2)).x)


def _bounds(size: int) -> list[tuple[float, float]]:
    """Neither reader may count against itself."""
    return [(0.0, 20.0), (0.0, 20.0), (-20.0, 20.0)][:size]


def _weights(found: Array) -> torch.Tensor:
    return torch.tensor(found[:2], dtype=torch.float32)
