"""States of interrupted runs on disk: tensors in safetensors, the rest as JSON. No pickle."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.errors import XiaobaoError

FILE = "state.safetensors"


class StateError(XiaobaoError):
    """A state that cannot be read."""


@dataclass(frozen=True, slots=True)
class State:
    """``tensors`` by part and name; ``about``: what the run noted beside them."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    about: Mapping[str, Any]

    def into(self, optimizer: torch.optim.Optimizer) -> None:
        """Gives the optimizer its moments back."""
        stored: dict[int, dict[str, Tensor]] = {}
        for key, value in self.tensors.get("optimizer", {}).items():
            number, name = key.split("/")
            stored.setdefault(int(number), {})[name] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": stored, "param_groups": groups})


def write_state(
    directory: Path,
    parts: Mapping[str, Mapping[str, Tensor]],
    optimizer: torch.optim.Optimizer,
    about: Mapping[str, Any],
) -> None:
    """Writes the state beside the old one, then over it: an interruption spoils neither."""
    directory.mkdir(parents=True, exist_ok=True)
    moments = {
        f"{number}/{name}": value
        for number, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
    }
    flat = {
        f"{part}|{name}": value.detach().cpu().contiguous().clone()
        for part, tensors in {**parts, "optimizer": moments}.items()
        for name, value in tensors.items()
    }
    fresh = directory / f"{FILE}.new"
    save_file(flat, fresh, metadata={"about": json.dumps(about)})
    fresh.replace(directory / FILE)


def read_state(directory: Path | None) -> State | None:
    """The state in a directory, None where there is none.

    Raises StateError naming a file that is no state.
    """
    if directory is None or not (directory / FILE).is_file():
        return None
    path = directory / FILE
    try:
        return _read(path)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        raise StateError(
            f"{path}: {type(error).__name__} found, the state of a run wanted; "
            "delete it to begin anew"
        ) from error


def _read(path: Path) -> State:
    with safe_open(path, framework="pt") as stored:
        about = json.loads(stored.metadata()["about"])
    tensors: dict[str, dict[str, Tensor]] = {}
    for key, value in load_file(path).items():
        part, name = key.split("|", 1)
        tensors.setdefault(part, {})[name] = value
    return State(tensors, about)
