"""From labelled records to tensors: windows with targets, batched by length.

Knows the tokenizer and the label space; nothing about networks or losses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.labels import LabelSpace
from models.record import LabelledRecord
from models.spellings import read_spelled
from models.windows import Window, WindowReader

IGNORED = -100  # what torch ignores: a target that a window cannot speak of
POOL = 16  # batches whose windows are sorted by length together, then shuffled


@dataclass(frozen=True, slots=True)
class Target:
    """One window with all it should say.

    ``labels``: (evidence labels,) 0 or 1; ``proof``: (pairs, 2), token and label position of
    each token inside an evidence span; ``primary``, ``record_type``, ``role``, ``genre``: the
    position of the right value; ``demand``: (demands,) 0 or 1. An excerpt holds ``IGNORED`` for
    what it cannot say; one whose ``record_type`` is ``IGNORED`` has no facet at all. ``taught``:
    what a teacher makes of the window, probabilities of labels, primary causes and agent, NaN
    where it cannot say; (0,) where nobody teaches.
    """

    window: Window
    labels: NDArray[np.float32]
    proof: NDArray[np.int64]
    primary: int
    agent: float
    demand: NDArray[np.float32]
    record_type: int
    role: int
    genre: int
    taught: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of like length as tensors; ``proof``: (batch, tokens, evidence labels) 0 or 1."""

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor
    proof: Tensor
    primary: Tensor
    agent: Tensor
    demand: Tensor
    record_type: Tensor
    role: Tensor
    genre: Tensor
    taught: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch on another device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))

    def part(self, rows: Sequence[int]) -> "Batch":
        """Only the windows at these places, as long as in the whole batch."""
        places = torch.as_tensor(rows, device=self.input_ids.device)
        return Batch(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


def targets_of(
    records: Sequence[LabelledRecord], *, reader: WindowReader, labels: LabelSpace
) -> list[Target]:
    """The windows of all records with their targets.

    In a record of several windows, a window answers for the labels whose evidence it holds, and
    for those that have no evidence at all; its primary cause is the record's where that is among
    them, else the first that is.
    """
    texts = [read_spelled(record.record.text) for record in records]
    windows = reader.read([text.text for text in texts])
    count = np.bincount([window.text for window in windows], minlength=len(records))
    targets = []
    for window in windows:
        record, text = records[window.text], texts[window.text]
        spans = [(text.normalised_span(s.start, s.end), s.labels) for s in record.spans]
        targets.append(_target(record, window, spans, labels, alone=count[window.text] == 1))
    return targets


def _target(
    record: LabelledRecord,
    window: Window,
    spans: Sequence[tuple[tuple[int, int], Sequence[str]]],
    labels: LabelSpace,
    *,
    alone: bool,
) -> Target:
    position = {id_: i for i, id_ in enumerate(labels.evidence)}
    starts, ends = window.offsets[:, 0], window.offsets[:, 1]
    pairs = [
        (int(token), position[label])
        for (start, end), names in spans
        for token in np.flatnonzero((ends > starts) & (starts < end) & (ends > start))
        for label in names
    ]
    proof = np.array(sorted(set(pairs)), dtype=np.int64).reshape(-1, 2)
    held = [*record.causes, *record.signs, *record.marks]
    if not alone:
        proved_somewhere = {label for _, names in spans for label in names}
        here = {labels.evidence[place] for place in proof[:, 1]}
        held = [id_ for id_ in held if id_ in here or id_ not in proved_somewhere]
    causes = [id_ for id_ in (record.primary, *record.causes) if id_ in held]
    return Target(
        window=window,
        labels=_hot([position[id_] for id_ in held], len(labels.evidence)),
        proof=proof,
        primary=labels.causes.index(causes[0] if causes else record.primary),
        agent=float(record.agent_run),
        demand=_hot([labels.demand.index(d) for d in record.demand], len(labels.demand)),
        record_type=labels.record_type.index(record.record_type),
        role=_place(record.record.role, labels.role),
        genre=_place(record.record.genre, labels.genre),
    )


def _place(value: str | None, values: Sequence[str]) -> int:
    """Where intake told nothing, nothing is learned: it is no word of the text."""
    return IGNORED if value is None else values.index(value)


def _hot(places: Sequence[int], size: int) -> NDArray[np.float32]:
    vector = np.zeros(size, dtype=np.float32)
    vector[list(places)] = 1.0
    return vector


def batched(
    targets: Sequence[Target], *, batch_tokens: int, generator: np.random.Generator | None = None
) -> Iterator[list[Target]]:
    """Targets in batches of at most ``batch_tokens`` padded tokens, like lengths together.

    With a generator the order is random, yet lengths stay alike: padding costs a few per cent.
    """
    order = np.arange(len(targets)) if generator is None else generator.permutation(len(targets))
    mean = sum(t.window.padded for t in targets) / max(1, len(targets))
    pool = max(1, int(POOL * batch_tokens / max(1.0, mean)))
    stretch = len(order) if generator is None else pool
    batches = []
    for start in range(0, len(order), max(1, stretch)):
        sorted_ = sorted(order[start : start + stretch], key=lambda i: targets[i].window.padded)
        batches += _filled([targets[i] for i in sorted_], batch_tokens=batch_tokens)
    if generator is not None:
        generator.shuffle(batches)
    yield from batches


def _filled(targets: Sequence[Target], *, batch_tokens: int) -> list[list[Target]]:
    batches: list[list[Target]] = []
    for target in targets:  # ascending length: the newcomer sets the padded length
        if batches and target.window.padded * (len(batches[-1]) + 1) <= batch_tokens:
            batches[-1].append(target)
        else:
            batches.append([target])
    return batches


def collate(targets: Sequence[Target]) -> Batch:
    """The tensors of one batch, padded to its longest window."""
    length = max(target.window.padded for target in targets)
    ids = np.zeros((len(targets), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    proof = np.zeros((len(targets), length, len(targets[0].labels)), dtype=np.float32)
    for row, target in enumerate(targets):
        own = target.window.ids
        ids[row, : len(own)], mask[row, : len(own)] = own, 1
        proof[row, target.proof[:, 0], target.proof[:, 1]] = 1.0
    stacked = {
        name: torch.from_numpy(np.array([getattr(target, name) for target in targets], dtype=kind))
        for name, kind in _KINDS.items()
    }
    return Batch(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(mask),
        proof=torch.from_numpy(proof),
        **stacked,
    )


_KINDS: dict[str, type[np.generic]] = {
    "labels": np.float32,
    "primary": np.int64,
    "agent": np.float32,
    "demand": np.float32,
    "record_type": np.int64,
    "role": np.int64,
    "genre": np.int64,
    "taught": np.float32,
}
