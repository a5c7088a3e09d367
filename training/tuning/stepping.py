"""Stepping: one optimizer step on one batch, divided over processes and passes.

Knows nothing of epochs, scores or disks.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.network import outputs_of
from training.pretraining.encoders import autocast
from training.processes import Processes, gradients_kept
from training.tuning.batches import Batch
from training.tuning.division import Division, SharedDropout
from training.tuning.losses import Counts, total_loss
from training.tuning.run_state import RunState


@dataclass(frozen=True, slots=True)
class Steps:
    """What takes the steps of a run. ``reader``: its network, joined with the other processes'.

    ``mask_id``: the token that stands for a hidden one.
    """

    run: RunState
    reader: nn.Module
    processes: Processes
    mask_id: int

    def take(self, batch: Batch, dropout: SharedDropout) -> float:
        """One step of the optimizer; the batch's loss, the same in every process."""
        run = self.run
        for group in run.optimizer.param_groups:
            group["lr"] = group["peak"] * run.rate()
        run.optimizer.zero_grad(set_to_none=True)
        hidden = masked(batch, run.settings.token_mask, self.mask_id)
        loss = self.processes.summed(self._gradients(hidden, dropout))
        nn.utils.clip_grad_norm_(run.network.parameters(), run.settings.clip)
        run.optimizer.step()
        run.step += 1
        run.follow()
        return loss

    def _gradients(self, batch: Batch, dropout: SharedDropout) -> Tensor:
        """Leaves the gradients of the whole batch; returns this process's share of its loss.

        A process without a text of its own reads the first, which counts for nothing: the others
        wait for its gradients.
        """
        counts, texts = Counts.of(batch), len(batch.input_ids)
        dropout.draw((*batch.input_ids.shape, self.run.network.shape.width), batch.input_ids.device)
        own = self._division.own(texts)
        weight, parts = float(bool(own)), own or [range(1)]
        summed = torch.zeros((), device=batch.input_ids.device)
        for number, rows in enumerate(parts, start=1):
            dropout.reads(rows)
            with gradients_kept(self.reader, until_last=number < len(parts)):
                loss = weight * self._loss(batch.part(rows), counts)
                # Joined gradients are the mean over the processes; their sum is wanted.
                (loss * self.processes.count).backward()  # type: ignore[no-untyped-call]
            summed += loss.detach()
        return summed

    def _loss(self, batch: Batch, counts: Counts) -> Tensor:
        with autocast(batch.input_ids.device):
            outputs = outputs_of(self.reader, batch.input_ids, batch.attention_mask)
            return total_loss(outputs, batch, weights=self.run.settings.loss, counts=counts)

    @property
    def _division(self) -> Division:
        return Division(self.processes.rank, self.processes.count, self.run.settings.accumulate)


def masked(batch: Batch, share: float, mask_id: int) -> Batch:
    """Hides tokens at random, more in some texts and fewer in others; special tokens stay."""
    if share <= 0:
        return batch
    ids = batch.input_ids
    shares = 2 * share * torch.rand(ids.shape[0], 1, device=ids.device)
    hidden = torch.rand(ids.shape, device=ids.device) < shares
    last = batch.attention_mask.sum(dim=1, keepdim=True) - 1
    places = torch.arange(ids.shape[1], device=ids.device)
    hidden &= (places > 0) & (places < last)
    values = {n: getattr(batch, n) for n in batch.__dataclass_fields__}
    return Batch(**{**values, "input_ids": ids.masked_fill(hidden, mask_id)})
