"""The state of a fit: weights, their running average, the best so far, the history.

Knows how a run goes on, stops, is kept on disk and taken up again; nothing about losses or
batches.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.network import Network
from training.pretraining.states import State, read_state, write_state
from training.tuning.settings import FitSettings


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch came to: mean training loss, development score (higher is better)."""

    number: int
    loss: float
    score: float


class RunState:
    """One fit on its way: what a checkpoint holds.

    ``steps``: optimizer steps of all epochs; ``start``: fingerprint of the targets and the first
    weights, so that a checkpoint of other texts or another base is not taken for this run's.
    """

    def __init__(
        self,
        network: Network,
        optimizer: torch.optim.AdamW,
        settings: FitSettings,
        *,
        steps: int,
        start: str,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.settings = settings
        self.steps = steps
        self.start = start
        self.step = 0
        self.history: list[Epoch] = []
        self.average = {name: p.detach().clone() for name, p in network.named_parameters()}
        self.best: Mapping[str, Tensor] = copied_weights(network)

    def goes_on(self) -> bool:
        """Whether another epoch is due: some are left, and the last better one is not long ago."""
        if len(self.history) >= self.settings.epochs:
            return False
        if not self.history:
            return True
        best = max(self.history, key=lambda epoch: epoch.score)  # the first of equals
        return len(self.history) - best.number < self.settings.patience

    def rate(self) -> float:
        """The factor on every rate at this step."""
        warm = max(1, int(self.steps * self.settings.warmup))
        if self.step < warm:
            return (self.step + 1) / warm
        done = min(1.0, (self.step - warm) / max(1, self.steps - warm))
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))

    def follow(self) -> None:
        """Moves the average towards the weights; early on it follows closely."""
        keep = min(self.settings.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                self.average[name].lerp_(parameter, 1 - keep)

    def averaged(self) -> "Swapped":
        """A context in which the network holds the averaged weights."""
        return Swapped(self.network, self.average)

    def note(self, loss: float, score: float) -> None:
        """Keeps the epoch's figures, and the network's weights if they are the best so far."""
        score = -math.inf if math.isnan(score) else score  # NaN would be best, or hide the best
        if score > max((epoch.score for epoch in self.history), default=-math.inf):
            self.best = copied_weights(self.network)
        self.history.append(Epoch(len(self.history) + 1, loss, score))

    def save(self, directory: Path | None) -> None:
        """Keeps the state in ``directory``; nothing where that is None."""
        if directory is None:
            return
        weights = copied_weights(self.network)
        parts = {"network": weights, "average": self.average, "best": self.best}
        about = {
            **self._identity(),
            "step": self.step,
            "history": [asdict(epoch) for epoch in self.history],
        }
        write_state(directory, parts, self.optimizer, about)

    def resume(self, directory: Path | None) -> None:
        """Takes up a state of the same settings, texts and network; else leaves all as it is."""
        state = read_state(directory)
        if state is None or not self._is_own(state):
            return
        self.network.load_state_dict(state.tensors["network"])
        for name, value in state.tensors["average"].items():
            self.average[name].copy_(value)
        self.best = state.tensors["best"]
        state.into(self.optimizer)
        self.step = state.about["step"]
        self.history = [Epoch(**epoch) for epoch in state.about["history"]]

    def _identity(self) -> dict[str, object]:
        return {"settings": asdict(self.settings), "steps": self.steps, "start": self.start}

    def _is_own(self, state: State) -> bool:
        # By way of JSON, as the stored identity went: tuples are lists there.
        own = json.loads(json.dumps(self._identity()))
        weights = self.network.state_dict()
        stored = state.tensors.get("network", {})
        shapes = {name: value.shape for name, value in weights.items()}
        return shapes == {name: value.shape for name, value in stored.items()} and all(
            state.about.get(key) == value for key, value in own.items()
        )


class Swapped:
    """Holds other weights in a network for the time of a ``with`` block."""

    def __init__(self, network: nn.Module, weights: Mapping[str, Tensor]) -> None:
        self._network, self._weights = network, weights

    def __enter__(self) -> None:
        self._own = {n: p.detach().clone() for n, p in self._network.named_parameters()}
        self._set(self._weights)

    def __exit__(self, *_: object) -> None:
        self._set(self._own)

    def _set(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._network.named_parameters():
                parameter.copy_(weights[name])


def copied_weights(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and buffers, on the processor."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
