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

from models.network import Network, Outputs, outputs_of
from training.processes import ALONE, Processes
from training.tuning.batches import Target, batched, collate
from training.tuning.division import shared_dropout
from training.tuning.excerpts import Excerpts
from training.tuning.run_state import Epoch, RunState
from training.tuning.settings import FitSettings
from training.tuning.stepping import Steps

__all__ = [
    "Epoch",
    "Report",
    "Score",
    "fit",
    "infer",
    "parameter_groups",
    "training_digest",
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
    processes: Processes = ALONE,
    report: Report = lambda *_: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> list[Epoch]:
    """Tunes ``network`` in place and leaves it with its best averaged weights.

    Several processes share every batch and come to the same weights; the leader alone scores, keeps
    the state and tells how far it is.

    score: what a network is worth on the development split; called after each epoch with the
    averaged weights. checkpoint: directory for the state after each epoch; an existing state of
    the same settings, targets and shape of network is taken up again. ends: ids of the tokens that
    end a clause.
    """
    network.to(device)
    excerpts = Excerpts(targets, causes=network.shape.causes, ends=ends)
    run = _start(network, targets, excerpts, settings)
    run.resume(checkpoint)
    processes.agree(f"{run.start} at step {run.step}", on="training texts and state")
    steps = Steps(run, processes.joined(network, device), processes, mask_id=mask_id)
    while run.goes_on():
        loss = _one_epoch(steps, excerpts, device=device, report=report)
        with run.averaged():
            run.note(loss, _shared_score(score, network, processes))
        if processes.leads:
            run.save(checkpoint)
            on_epoch(run.history[-1])
    network.load_state_dict(run.best)
    return run.history


def _shared_score(score: Score, network: Network, processes: Processes) -> float:
    if not processes.leads:
        return float(processes.hear())
    found = score(network)
    processes.tell(found)
    return found


def _start(
    network: Network, targets: Sequence[Target], excerpts: Excerpts, settings: FitSettings
) -> RunState:
    """The state before the first step; epochs differ a little in length, the first is counted."""
    an_epoch = _read(excerpts, settings, np.random.default_rng((settings.seed, 0)))
    optimizer = torch.optim.AdamW(
        parameter_groups(network, settings), lr=settings.learning_rate, betas=(0.9, 0.98)
    )
    steps = settings.epochs * len(an_epoch)
    start = training_digest(targets, network)
    return RunState(network, optimizer, settings, steps=steps, start=start)


def training_digest(targets: Sequence[Target], network: Network) -> str:
    """sha256 over the targets, in order, and the weights: the same only for the same training."""
    digest = hashlib.sha256()
    for weight in network.state_dict().values():
        digest.update(weight.detach().cpu().numpy().tobytes())
    for target in targets:
        learned = (target.window.ids, target.labels, target.proof, target.demand, target.taught)
        for array in learned:
            digest.update(array.tobytes())
        rest = (target.primary, target.agent, target.record_type, target.role, target.genre)
        digest.update(repr(rest).encode())
    return digest.hexdigest()


def _read(
    excerpts: Excerpts, settings: FitSettings, generator: np.random.Generator
) -> list[list[Target]]:
    """The batches of one epoch."""
    drawn = excerpts.drawn(clips=settings.clips, abridged=settings.abridged, generator=generator)
    tokens = settings.batch_tokens * settings.accumulate
    return list(batched(drawn, batch_tokens=tokens, generator=generator))


def _one_epoch(steps: Steps, excerpts: Excerpts, *, device: torch.device, report: Report) -> float:
    run, number = steps.run, len(steps.run.history)
    generator = np.random.default_rng((run.settings.seed, number))
    torch.manual_seed(run.settings.seed * 1000 + number)
    run.network.train()
    losses = []
    with shared_dropout(run.network) as dropout:
        for group in _read(excerpts, run.settings, generator):
            losses.append(steps.take(collate(group).to(device), dropout))
            mean = float(np.mean(losses[-20:]))
            report(f"epoch {number + 1}/{run.settings.epochs}", run.step, run.steps, mean)
    return float(np.mean(losses))


def parameter_groups(network: Network, settings: FitSettings) -> list[dict[str, object]]:
    """One optimizer group a parameter: lower layers learn more slowly, vectors do not decay."""
    depth = _depth(network.encoder)
    groups: list[dict[str, object]] = []
    for name, parameter in network.named_parameters():
        rate = settings.learning_rate * settings.head_factor
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
            yield group, outputs_of(network, batch.input_ids, batch.attention_mask)
