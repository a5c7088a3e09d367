"""How far the words shown as evidence are the words annotators chose: F1 over characters.

For every record and label the characters under its gold spans meet those under its predicted
spans; counts are summed over records and labels (micro). Two scopes: ``agreed`` looks only at
labels that gold and prediction share, ``all`` also charges every label that only one side has.

A label that annotators gave to a record without any span (technical causes, most operator marks)
has nothing to be compared with there and is left out of that record.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from models.record import LabelledRecord, Span
from training.evaluation.agreement import f1
from training.evaluation.intervals import Array, Figure, figure_of, ratio
from training.predictions import Prediction

SCOPES = ("agreed", "all")
TOGETHER = "all"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Character precision, recall and F1 of the evidence of one kind of label, in one scope.

    ``kind`` is ``cause``, ``sign``, ``mark`` or ``all``; ``characters`` lie under gold spans.
    """

    kind: str
    scope: str
    characters: int
    precision: Figure
    recall: Figure
    f1: Figure


def overlaps(
    golds: Sequence[LabelledRecord],
    predictions: Sequence[Prediction],
    *,
    kinds: Mapping[str, AbstractSet[str]],
    weights: Array,
) -> tuple[Overlap, ...]:
    """Overlap for each of ``kinds`` (name → label ids) and for all together, in both scopes."""
    every = {**kinds, TOGETHER: frozenset[str]().union(*kinds.values())}
    met = [_met(gold, said) for gold, said in zip(golds, predictions, strict=True)]
    return tuple(
        _overlap(kind, scope, _counts(met, ids, agreed=scope == "agreed"), weights)
        for scope in SCOPES
        for kind, ids in every.items()
    )


@dataclass(frozen=True, slots=True)
class _Met:
    """One label in one record: characters under both, under predicted, under gold spans."""

    label: str
    agreed: bool
    both: int
    predicted: int
    gold: int


def _met(gold: LabelledRecord, said: Prediction) -> tuple[_Met, ...]:
    theirs, ours = _characters(gold.spans), _characters(said.spans)
    given = {*gold.causes, *gold.signs, *gold.marks}
    shared = given & (said.causes | said.signs | said.marks)
    unproved = given - theirs.keys()
    return tuple(
        _Met(
            label=label,
            agreed=label in shared,
            both=len(theirs[label] & ours[label]),
            predicted=len(ours[label]),
            gold=len(theirs[label]),
        )
        for label in (theirs.keys() | ours.keys()) - unproved
    )


def _characters(spans: Iterable[Span]) -> defaultdict[str, set[int]]:
    """Positions under each label's spans; a position under two spans counts once."""
    covered: defaultdict[str, set[int]] = defaultdict(set)
    for span in spans:
        for label in span.labels:
            covered[label].update(range(span.start, span.end))
    return covered


def _counts(
    met: Sequence[tuple[_Met, ...]], ids: AbstractSet[str], *, agreed: bool
) -> tuple[Array, Array, Array]:
    """Characters under both, predicted and gold spans, each (records,)."""
    chosen = [[one for one in of if one.label in ids and (one.agreed or not agreed)] for of in met]
    counts = np.array(
        [
            [
                sum(one.both for one in of),
                sum(one.predicted for one in of),
                sum(one.gold for one in of),
            ]
            for of in chosen
        ],
        dtype=np.float64,
    )
    return counts[:, 0], counts[:, 1], counts[:, 2]


def _overlap(kind: str, scope: str, counts: tuple[Array, Array, Array], weights: Array) -> Overlap:
    both, predicted, gold = counts
    return Overlap(
        kind=kind,
        scope=scope,
        characters=int(gold.sum()),
        precision=figure_of(lambda w: ratio(w @ both, w @ predicted), weights),
        recall=figure_of(lambda w: ratio(w @ both, w @ gold), weights),
        f1=figure_of(lambda w: f1(w @ both, w @ predicted, w @ gold), weights),
    )
