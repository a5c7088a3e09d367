"""Heads kept from another bundle: what it knows of a label is taken over where the label is known.

Rows go by the names of the labels, not by place: a taxonomy with other causes keeps the signs, one
with a new cause keeps the rest. They stand beside the encoder's checkpoint in a file of their own.
"""

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.labels import LabelSpace
from models.network import Network

FILE = "heads.safetensors"
_WHOLE = ("attention.weight", "attention.bias", "agent.bias")  # they speak of no label


def write_heads(network: Network, labels: LabelSpace, directory: Path) -> None:
    """Keeps the heads of a network with these labels in ``directory``."""
    named = {*_rows(labels, width=network.shape.width), *_WHOLE}
    heads = {name: w.contiguous() for name, w in network.state_dict().items() if name in named}
    save_file(heads, directory / FILE, metadata={"labels": json.dumps(labels.as_json())})


def take_heads(network: Network, labels: LabelSpace, directory: Path) -> None:
    """Gives the network what the heads kept in ``directory`` know of its labels, if any are kept.

    The encoder must be as wide as theirs.
    """
    if not (directory / FILE).is_file():
        return
    width, own = network.shape.width, network.state_dict()
    with safe_open(directory / FILE, framework="pt") as stored:
        theirs = LabelSpace.from_json(json.loads(stored.metadata()["labels"]))
        kept = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    before = _rows(theirs, width=width)
    for name in _WHOLE:
        own[name].copy_(kept[name])
    for name, rows in _rows(labels, width=width).items():
        _take_rows(_by_label(name, own[name]), rows, _by_label(name, kept[name]), before[name])


def _take_rows(own: Tensor, rows: list[str], kept: Tensor, before: list[str]) -> None:
    place = {name: number for number, name in enumerate(before)}
    for number, name in enumerate(rows):
        if name in place:
            own[number] = kept[place[name]]


def _by_label(name: str, weight: Tensor) -> Tensor:
    """The weight with a row a label: ``agent`` has one output, and reads the labels as columns."""
    return weight.T if name == "agent.weight" else weight


def _rows(labels: LabelSpace, *, width: int) -> dict[str, list[str]]:
    """What each row of a weight stands for, by the weight's name in the network."""
    evidence, causes = list(labels.evidence), list(labels.causes)
    document = [f"document {number}" for number in range(2 * width)]
    facets = [
        f"{facet} {value}"
        for facet in ("demand", "record_type", "role", "genre")
        for value in getattr(labels, facet)
    ]
    return {
        "evidence.weight": evidence,
        "evidence.bias": evidence,
        "labels.weight": evidence,
        "labels.bias": evidence,
        "labels_pool": evidence,
        "primary.weight": causes,
        "primary.bias": causes,
        "primary_pool": causes,
        "facets.weight": facets,
        "facets.bias": facets,
        "agent.weight": [*document, *labels.signs, *labels.marks],
    }
