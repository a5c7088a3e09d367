"""Neighbours: the training examples whose wording is nearest to a text.

By cosine of character TF-IDF, 1 to 3 characters: likeness of words, not of meaning. What stands
nearest with other labels often explains an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from models.record import LabelledRecord
from models.text import normalise
from training.examples.reading import Examples

_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Placed:
    """A labelled record and where it stands, as ``file:row``."""

    place: str
    labelled: LabelledRecord


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training example and its likeness, 0 to 1."""

    placed: Placed
    similarity: float


def placed(examples: Examples) -> tuple[Placed, ...]:
    """All records of some files with their places, in order."""
    pairs = zip(examples.records, examples.places, strict=True)
    return tuple(Placed(f"{file}:{row}", labelled) for labelled, (file, row) in pairs)


def find_neighbours(
    asked: Sequence[Placed], train: Sequence[Placed], *, most: int = 3
) -> list[tuple[Neighbour, ...]]:
    """For each record the nearest training examples, the nearest first; never the record itself.

    The same text at another place counts: with other labels it is the best of explanations.
    """
    if not asked or not train:
        return [() for _ in asked]
    weights = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    known = weights.fit_transform([_text(one) for one in train])
    found = []
    for start in range(0, len(asked), _CHUNK):  # a table of all pairs would be large
        chunk = asked[start : start + _CHUNK]
        likeness = (weights.transform([_text(one) for one in chunk]) @ known.T).toarray()
        found += [
            _nearest(one, row, train, most=most) for one, row in zip(chunk, likeness, strict=True)
        ]
    return found


def _nearest(
    asked: Placed,
    likeness: NDArray[np.float64],
    train: Sequence[Placed],
    *,
    most: int,
) -> tuple[Neighbour, ...]:
    order = np.argsort(-likeness, kind="stable")[: most + 1]
    near = (Neighbour(train[i], float(likeness[i])) for i in order)
    return tuple(one for one in near if one.placed != asked)[:most]


def _text(placed: Placed) -> str:
    return normalise(placed.labelled.record.text).text
