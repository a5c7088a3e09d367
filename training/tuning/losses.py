"""The loss: one number from the network's logits and a batch's targets.

Each head's part is on the scale of the others, so that none starves: sums over labels, means
over texts or tokens.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as torch_functions
from torch import Tensor

from models.network import Outputs
from training.tuning.batches import UNSAID, Batch


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each part counts, and how targets are softened.

    ``unproved`` weighs tokens outside the spans of a label that the text does hold: annotators
    mark three spans at most, so other words may prove it too.
    """

    labels: float = 1.0
    primary: float = 1.0
    tokens: float = 3.0
    agent: float = 1.0
    facets: float = 0.3
    unproved: float = 0.3
    smoothing: float = 0.1


def total_loss(outputs: Outputs, batch: Batch, *, weights: LossWeights) -> Tensor:
    """The weighted sum of all parts, each over the texts that can speak of it: a scalar."""
    return (
        weights.labels * _multi_label(outputs.labels, batch.labels).mean()
        + weights.primary
        * _cross_entropy(outputs.primary, batch.primary, smoothing=weights.smoothing)
        + weights.tokens * _token_loss(outputs.tokens, batch, unproved=weights.unproved)
        + weights.agent * _agent_loss(outputs.agent, batch.agent)
        + weights.facets * _facet_loss(outputs, batch)
    )


def _cross_entropy(logits: Tensor, places: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Mean over the texts whose place is known; 0 where none is."""
    summed = torch_functions.cross_entropy(
        logits.float(), places, label_smoothing=smoothing, ignore_index=UNSAID, reduction="sum"
    )
    return summed / (places != UNSAID).sum().clamp(min=1)


def _multi_label(logits: Tensor, targets: Tensor) -> Tensor:
    """(batch,): summed over the labels."""
    each = torch_functions.binary_cross_entropy_with_logits(
        logits.float(), targets, reduction="none"
    )
    return each.sum(dim=-1)


def _agent_loss(logits: Tensor, agent: Tensor) -> Tensor:
    known = agent != UNSAID
    each = torch_functions.binary_cross_entropy_with_logits(
        logits.float(), agent.clamp(min=0), reduction="none"
    )
    return (each * known).sum() / known.sum().clamp(min=1)


def _token_loss(logits: Tensor, batch: Batch, *, unproved: float) -> Tensor:
    each = torch_functions.binary_cross_entropy_with_logits(
        logits.float(), batch.proof, reduction="none"
    )
    maybe = (batch.labels.unsqueeze(1) > 0) & (batch.proof == 0)
    read = batch.attention_mask.float()
    summed = (each * torch.where(maybe, unproved, 1.0)).sum(dim=-1)
    return (summed * read).sum() / read.sum()


def _facet_loss(outputs: Outputs, batch: Batch) -> Tensor:
    known = batch.record_type != UNSAID
    demand = _multi_label(outputs.demand, batch.demand)
    loss = (demand * known).sum() / known.sum().clamp(min=1)
    for facet in ("record_type", "role", "genre"):
        loss = loss + _cross_entropy(getattr(outputs, facet), getattr(batch, facet))
    return loss
