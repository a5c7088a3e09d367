"""How far two sets of labels agree: F1 over records and labels, with one row a label.

Works on ids alone, for causes (either level), signs and marks alike. Labels that no gold record
carries cost the micro F1 when predicted and have no F1 of their own: the macro F1 is the mean
over the labels present in gold (of each resample, for the interval).
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from training.evaluation.intervals import Array, Figure, figure_of, figures_of, ratio

Labels = AbstractSet[str]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label: ``support`` gold records carry it, ``predicted`` records were given it."""

    id: str
    name: str
    support: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: Figure


@dataclass(frozen=True, slots=True)
class Agreement:
    """F1 three ways, and the labels that occur in gold or prediction, in codebook order.

    ``samples`` is the mean of the records' own F1, over records with any label on either side.
    """

    micro: Figure
    macro: Figure
    samples: Figure
    rows: tuple[LabelRow, ...]


def agreement(
    golds: Sequence[Labels],
    predicted: Sequence[Labels],
    *,
    ids: Sequence[str],
    name_of: Callable[[str], str],
    weights: Array,
) -> Agreement:
    """Agreement of gold and predicted label sets, record by record, over ``ids``."""
    gold, ours = _matrix(golds, ids), _matrix(predicted, ids)
    micro, macro, samples = _micro(gold, ours), _macro(gold, ours), _samples(gold, ours)
    return Agreement(
        micro=figure_of(micro, weights),
        macro=figure_of(macro, weights),
        samples=figure_of(samples, weights),
        rows=_rows(gold, ours, ids=ids, name_of=name_of, weights=weights),
    )


def f1(hits: Array, predicted: Array, support: Array) -> Array:
    """F1 from counts: twice the hits over predicted plus support; NaN where both are 0."""
    return ratio(2 * hits, predicted + support)


def _matrix(labels: Sequence[Labels], ids: Sequence[str]) -> Array:
    """Membership (records, ids), 0 or 1."""
    column = {id_: at for at, id_ in enumerate(ids)}
    matrix = np.zeros((len(labels), len(ids)))
    for row, found in enumerate(labels):
        matrix[row, [column[id_] for id_ in found]] = 1.0
    return matrix


def _micro(gold: Array, ours: Array) -> Callable[[Array], Array]:
    hits, predicted, support = (gold * ours).sum(1), ours.sum(1), gold.sum(1)
    return lambda weights: f1(weights @ hits, weights @ predicted, weights @ support)


def _by_label(gold: Array, ours: Array) -> Callable[[Array], Array]:
    """F1 of each label (resamples, ids), NaN where gold lacks the label."""

    def statistic(weights: Array) -> Array:
        support = weights @ gold
        scores = f1(weights @ (gold * ours), weights @ ours, support)
        return np.where(support > 0, scores, np.nan)

    return statistic


def _macro(gold: Array, ours: Array) -> Callable[[Array], Array]:
    by_label = _by_label(gold, ours)

    def statistic(weights: Array) -> Array:
        scores = by_label(weights)
        present: Array = (~np.isnan(scores)).sum(axis=1).astype(np.float64)
        return ratio(np.nansum(scores, axis=1), present)

    return statistic


def _samples(gold: Array, ours: Array) -> Callable[[Array], Array]:
    sizes = gold.sum(1) + ours.sum(1)
    scores = np.nan_to_num(ratio(2 * (gold * ours).sum(1), sizes))
    labelled = (sizes > 0).astype(np.float64)
    return lambda weights: ratio(weights @ (scores * labelled), weights @ labelled)


def _rows(
    gold: Array, ours: Array, *, ids: Sequence[str], name_of: Callable[[str], str], weights: Array
) -> tuple[LabelRow, ...]:
    support, predicted, hits = gold.sum(0), ours.sum(0), (gold * ours).sum(0)
    precision, recall = ratio(hits, predicted), ratio(hits, support)
    scores = figures_of(_by_label(gold, ours), weights)
    return tuple(
        LabelRow(
            id=ids[at],
            name=name_of(ids[at]),
            support=int(support[at]),
            predicted=int(predicted[at]),
            precision=_known(precision[at]),
            recall=_known(recall[at]),
            f1=scores[at],
        )
        for at in map(int, np.flatnonzero(support + predicted))
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
