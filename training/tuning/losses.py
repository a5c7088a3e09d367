"""The loss: one number from the network's logits and a batch's targets.

Each head's part is on the scale of the others, so that none starves: sums over labels, means
over texts or tokens.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as torch_functions
from torch import Tensor

from models.network import Outputs
from training.tuning.batches import IGNORED, Batch


@dataclass(frozen=True, slots=True)
class LossWeights:
    """How much each part counts, and how targets are softened.

    ``unproved`` weighs tokens outside the spans of a label that the text does hold: annotators
    mark three spans at most, so other words may prove it too.
    ``taught`` weighs what a teacher says.
    """

    labels: float = 1.0
    primary: float = 1.0
    tokens: float = 3.0
    agent: float = 1.0
    facets: float = 0.3
    unproved: float = 0.3
    smoothing: float = 0.1
    taught: float = 1.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Over how many texts of a batch each part of the loss is a mean; ``tokens``: over tokens.

    All are numbers in tensors, at least 1.
    """

    texts: Tensor
    tokens: Tensor
    primary: Tensor
    agent: Tensor
    record_type: Tensor
    role: Tensor
    genre: Tensor
    taught: Tensor

    @classmethod
    def of(cls, batch: Batch) -> "Counts":
        """Those that can speak of it, for each part."""
        said = ("primary", "agent", "record_type", "role", "genre")
        known = {name: (getattr(batch, name) != IGNORED).sum().clamp(min=1) for name in said}
        return cls(
            texts=batch.attention_mask.new_tensor(len(batch.input_ids)),
            tokens=batch.attention_mask.sum(),
            taught=(~batch.taught.isnan()).any(dim=1).sum().clamp(min=1),
            **known,
        )


def total_loss(
    outputs: Outputs, batch: Batch, *, weights: LossWeights, counts: Counts | None = None
) -> Tensor:
    """The weighted sum of all parts, each over the texts that can speak of it: a scalar.

    counts: of the whole batch, where this is a part of one; the losses of its parts then add up
    to that of the whole.
    """
    counts = counts or Counts.of(batch)
    return (
        weights.labels * _multi_label(outputs.labels, batch.labels).sum() / counts.texts
        + weights.primary
        * _cross_entropy(outputs.primary, batch.primary, smoothing=weights.smoothing)
        / counts.primary
        + weights.tokens
        * _token_loss(outputs.tokens, batch, unproved=weights.unproved)
        / counts.tokens
        + weights.agent * _agent_loss(outputs.agent, batch.agent) / counts.agent
        + weights.facets * _facet_loss(outputs, batch, counts)
        + weights.taught * _taught_loss(outputs, batch) / counts.taught
    )


def _cross_entropy(logits: Tensor, places: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Summed over the texts whose place is known."""
    return torch_functions.cross_entropy(
        logits.float(), places, label_smoothing=smoothing, ignore_index=IGNORED, reduction="sum"
    )


def _multi_label(logits: Tensor, targets: Tensor) -> Tensor:
    """(batch,): summed over the labels."""
    each = torch_functions.binary_cross_entropy_with_logits(
        logits.float(), targets, reduction="none"
    )
    return each.sum(dim=-1)


def _agent_loss(logits: Tensor, agent: Tensor) -> Tensor:
    """Summed over the texts of which it is known."""
    known = agent != IGNORED
    each = torch_functions.binary_cross_entropy_with_logits(
        logits.float(), agent.clamp(min=0), reduction="none"
    )
    return (each * known).sum()


def _token_loss(logits: Tensor, batch: Batch, *, unproved: float) -> Tensor:
    """Summed over tokens and labels."""
    each = torch_functions.binary_cross_entropy_with_logits(
        logits.float(), batch.proof, reduction="none"
    )
    maybe = (batch.labels.unsqueeze(1) > 0) & (batch.proof == 0)
    read = batch.attention_mask.float()
    summed = (each * torch.where(maybe, unproved, 1.0)).sum(dim=-1)
    return (summed * read).sum()


def _facet_loss(outputs: Outputs, batch: Batch, counts: Counts) -> Tensor:
    """The mean of each facet over the texts that have one, added up."""
    known = batch.record_type != IGNORED
    loss = (_multi_label(outputs.demand, batch.demand) * known).sum() / counts.record_type
    for facet in ("record_type", "role", "genre"):
        summed = _cross_entropy(getattr(outputs, facet), getattr(batch, facet))
        loss = loss + summed / getattr(counts, facet)
    return loss


def _taught_loss(outputs: Outputs, batch: Batch) -> Tensor:
    """Cross-entropy with a teacher's probabilities, summed over what it says of the texts."""
    if not batch.taught.shape[1]:
        return outputs.labels.new_zeros(())
    said = ~batch.taught.isnan()
    wanted = batch.taught.nan_to_num()
    sizes = [outputs.labels.shape[1], outputs.primary.shape[1], 1]
    labels, primary, agent = torch.split(wanted, sizes, dim=1)
    each = torch.cat(
        [
            _soft_yes(outputs.labels, labels),
            -primary * torch.log_softmax(outputs.primary.float(), dim=1),
            _soft_yes(outputs.agent.unsqueeze(1), agent),
        ],
        dim=1,
    )
    return (each * said).sum()


def _soft_yes(logits: Tensor, shares: Tensor) -> Tensor:
    return torch_functions.binary_cross_entropy_with_logits(
        logits.float(), shares, reduction="none"
    )
