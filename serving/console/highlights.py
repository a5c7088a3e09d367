"""Highlights: a text cut where evidence begins and ends. Knows offsets and labels, no markup.

Evidence of several labels may overlap; a piece names every label that covers it, so that a page
need not nest anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

KINDS = ("cause", "sign", "mark")


@dataclass(frozen=True, slots=True)
class Shown:
    """A label of a case with its evidence. ``number`` counts from 1 and stands beside its words."""

    number: int
    kind: str
    id: str
    name: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text, the labels that cover it, and those whose evidence ends with it."""

    text: str
    labels: tuple[Shown, ...]
    ends: tuple[Shown, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its labels, each once, in the order of KINDS."""
        here = {label.kind for label in self.labels}
        return tuple(kind for kind in KINDS if kind in here)


def labels_shown(answer: Mapping[str, Any]) -> tuple[Shown, ...]:
    """The causes, signs and marks of an answer in this order, numbered."""
    agent = answer["agent"]
    lists = (answer["root_cause"]["labels"], agent["signs"], agent["marks"])
    every = [(kind, label) for kind, labels in zip(KINDS, lists, strict=True) for label in labels]
    return tuple(
        Shown(
            number,
            kind,
            label["id"],
            label["name"],
            tuple((one["start"], one["end"]) for one in label["evidence"]),
        )
        for number, (kind, label) in enumerate(every, start=1)
    )


def cut_pieces(text: str, labels: Sequence[Shown]) -> tuple[Piece, ...]:
    """The whole text in pieces, in order; a span outside the text is cut to what is there."""
    size = len(text)
    spans = [
        (min(start, size), min(end, size), label) for label in labels for start, end in label.spans
    ]
    places = sorted({0, size, *(place for start, end, _ in spans for place in (start, end))})
    return tuple(
        Piece(
            text[left:right],
            _each_once(label for start, end, label in spans if start <= left and right <= end),
            _each_once(label for start, end, label in spans if end == right and start < end),
        )
        for left, right in pairwise(places)
    )


def _each_once(labels: Any) -> tuple[Shown, ...]:
    return tuple(dict.fromkeys(labels))
