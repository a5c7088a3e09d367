"""Fitting: the loop that tunes a network on targets. Resumes where it was interrupted.

Deterministic by seed on one machine: every epoch draws from its own generator, so that a run
that was interrupted and resumed is the run that was not.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.network import Network, Outputs
from training.pretraining.encoders import autocast
from training.tuning.batches import Batch, Target, batched, collate
from training.tuning.excerpts import Excerpts
from training.tuning.losses import total_loss
from training.tuning.run_state import Epoch, FitSettings, RunState

__all__ = [
    "Epoch",
    "FitSettings",
    "Report",
    "Score",
    "fingerprint",
    "fit",
    "infer",
    "parameter_groups",
]

Score = Callable[[Network], float]
Report = Callable[[str, int, int, float], None]  # stage, step, steps in all, running loss


def fit(
    network: Network,
    targets: Sequence[Target],
    *,
    score: Score,
    settings: FitSettings,
    device: torch.device,
    checkpoint: Path | None = None,
    mask_id: int = 0,
    ends: Collection[int] = (),
    report: Report = lambda *_: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> list[Epoch]:
    """Tunes ``network`` in place and leaves it with its best averaged weights.

    score: what a network is worth on the development split; called after each epoch with the
    averaged weights. checkpoint: directory for the state after each epoch; an existing state of
    the same settings, targets and shape of network is taken up again. ends: ids of the tokens that
    end a clause.
    """
    network.to(device)
    excerpts = Excerpts(targets, causes=network.shape.causes, ends=ends)
    run = _start(network, targets, excerpts, settings)
    run.resume(checkpoint)
    while run.goes_on():
        loss = _one_epoch(run, excerpts, device=device, mask_id=mask_id, report=report)
        with run.averaged():
            run.note(loss, score(network))
        run.save(checkpoint)
        on_epoch(run.history[-1])
    network.load_state_dict(run.best)
    return run.history


def _start(
    network: Network, targets: Sequence[Target], excerpts: Excerpts, settings: FitSettings
) -> RunState:
    """The state before the first step; epochs differ a little in length, the first is counted."""
    an_epoch = _read(excerpts, settings, np.random.default_rng((settings.seed, 0)))
    optimizer = torch.optim.AdamW(
        parameter_groups(network, settings), lr=settings.learning_rate, betas=(0.9, 0.98)
    )
    steps = settings.epochs * len(an_epoch)
    start = fingerprint(targets, network)
    return RunState(network, optimizer, settings, steps=steps, start=start)


def fingerprint(targets: Sequence[Target], network: Network) -> str:
    """sha256 over the targets, in order, and the weights: the same only for the same training."""
    digest = hashlib.sha256()
    for weight in network.state_dict().values():
        digest.update(weight.detach().cpu().numpy().tobytes())
    for target in targets:
        for array in (target.window.ids, target.labels, target.proof, target.demand):
            digest.update(array.tobytes())
        rest = (target.primary, target.agent, target.record_type, target.role, target.genre)
        digest.update(repr(rest).encode())
    return digest.hexdigest()


def _read(
    excerpts: Excerpts, settings: FitSettings, generator: np.random.Generator
) -> list[list[Target]]:
    """The batches of one epoch."""
    drawn = excerpts.drawn(clips=settings.clips, abridged=settings.abridged, generator=generator)
    return list(batched(drawn, batch_tokens=settings.batch_tokens, generator=generator))


def _one_epoch(
    run: RunState, excerpts: Excerpts, *, device: torch.device, mask_id: int, report: Report
) -> float:
    number = len(run.history)
    generator = np.random.default_rng((run.settings.seed, number))
    torch.manual_seed(run.settings.seed * 1000 + number)
    run.network.train()
    losses = []
    for group in _read(excerpts, run.settings, generator):
        batch = collate(group).to(device)
        losses.append(_one_step(run, _masked(batch, run.settings.token_mask, mask_id)))
        mean = float(np.mean(losses[-20:]))
        report(f"epoch {number + 1}/{run.settings.epochs}", run.step, run.steps, mean)
    return float(np.mean(losses))


def _one_step(run: RunState, batch: Batch) -> float:
    for group in run.optimizer.param_groups:
        group["lr"] = group["peak"] * run.rate()
    with autocast(batch.input_ids.device):
        outputs = Outputs(*run.network(batch.input_ids, batch.attention_mask))
        loss = total_loss(outputs, batch, weights=run.settings.loss)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.network.parameters(), run.settings.clip)
    run.optimizer.step()
    run.step += 1
    run.follow()
    return float(loss.detach())


def _masked(batch: Batch, share: float, mask_id: int) -> Batch:
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


def parameter_groups(network: Network, settings: FitSettings) -> list[dict[str, object]]:
    """One optimizer group a parameter: lower layers learn more slowly, vectors do not decay."""
    depth = _depth(network.encoder)
    groups: list[dict[str, object]] = []
    for name, parameter in network.named_parameters():
        rate = settings.head_learning_rate
        if name.startswith("encoder."):
            rate = settings.learning_rate * settings.layer_decay ** (depth - _layer(name, depth))
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.append({"params": [parameter], "peak": rate, "lr": rate, "weight_decay": decay})
    return groups


def _layer(name: str, depth: int) -> int:
    """0 for embeddings, 1 to ``depth`` for layers, ``depth`` for what follows them."""
    numbers = [int(part) for part in name.split(".") if part.isdigit()]
    if numbers:
        return numbers[0] + 1
    return 0 if "embeddings" in name else depth


def _depth(encoder: nn.Module) -> int:
    names = (name for name, _ in encoder.named_parameters())
    return max((int(p) + 1 for name in names for p in name.split(".") if p.isdigit()), default=1)


def infer(
    network: Network, targets: Sequence[Target], *, device: torch.device, batch_tokens: int = 8192
) -> Iterator[tuple[list[Target], Outputs]]:
    """Logits of all targets in full precision, batch by batch; leaves the network in eval mode."""
    network.eval()
    with torch.inference_mode():
        for group in batched(targets, batch_tokens=batch_tokens):
            batch = collate(group).to(device)
            yield group, Outputs(*network(batch.input_ids, batch.attention_mask))
