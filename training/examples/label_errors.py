"""Confident learning: which given labels a model's out-of-sample probabilities speak against.

Northcutt, Jiang & Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset Labels": a
record is counted against its label where another's probability is at least what it is on average
over the records that hold that other. Several labels a record, each judged as a question of yes or
no: Thyagarajan et al. (2022), "Identifying Incorrect Annotations in Multi-Label Classification
Data". Both rank by self-confidence, the probability of what was given.

Probabilities of records that the model learned from would agree with any label: never give those.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.record import LabelledRecord

PRIMARY, CAUSE, SIGN, MARK = KINDS = ("primary", "cause", "sign", "mark")

Scores = NDArray[np.float64]
Held = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelDoubt:
    """A label of record ``at`` that is likely wrong or missing.

    ``given`` without ``suggested``: likely wrong; the other way round: likely missing; a primary
    has both. ``self_confidence``: the probability of what was given, low where it is doubted.
    """

    at: int
    kind: str
    given: str | None
    suggested: str | None
    self_confidence: float


@dataclass(frozen=True, slots=True)
class Given:
    """Labels of records as arrays: ``held`` (records, ids), ``primary_held`` (records, causes).

    ``ids`` are causes, signs and marks with their ``kinds``; ``causes`` the primary causes.
    """

    ids: tuple[str, ...]
    kinds: tuple[str, ...]
    causes: tuple[str, ...]
    held: Held
    primary_held: Held

    @classmethod
    def of(cls, records: Sequence[LabelledRecord]) -> "Given":
        """All labels that the records hold, those of one kind in sorted order."""
        sets = {CAUSE: "causes", SIGN: "signs", MARK: "marks"}
        pairs = [
            (id_, kind)
            for kind, field in sets.items()
            for id_ in sorted({id_ for record in records for id_ in getattr(record, field)})
        ]
        causes = tuple(sorted({record.primary for record in records}))
        rows = [{*record.causes, *record.signs, *record.marks} for record in records]
        return cls(
            ids=tuple(id_ for id_, _ in pairs),
            kinds=tuple(kind for _, kind in pairs),
            causes=causes,
            held=np.array([[id_ in row for id_, _ in pairs] for row in rows], dtype=bool),
            primary_held=np.array([[r.primary == id_ for id_ in causes] for r in records]),
        )


def doubts(given: Given, *, labels: Scores, primary: Scores, known: Held) -> list[LabelDoubt]:
    """All doubts, the surest first: those whose label has the lowest probability.

    labels: (records, ids); primary: (records, causes), each row sums to 1; known: (ids + causes,),
    whether a model could have learned the column from other records than the one it judges.
    """
    split = len(given.ids)
    primaries = _doubted_primaries(given, primary, known[split:])
    asked = {(doubt.at, doubt.suggested) for doubt in primaries}  # not again as a missing cause
    others = _doubted_labels(given, labels, known[:split])
    found = [*primaries, *(d for d in others if d.given or (d.at, d.suggested) not in asked)]
    return sorted(found, key=lambda d: (d.self_confidence, d.at, d.kind, d.given or ""))


def _doubted_labels(given: Given, shares: Scores, known: Held) -> list[LabelDoubt]:
    """Each label apart, the cause that is the primary not: it is judged among the primaries.

    Likely missing is only what the model itself finds likelier than not.
    """
    held = given.held
    judged = np.where(_leading(given), False, held)
    usual = _mean_where(shares, held)  # of the records that hold it
    usual_absence = _mean_where(1 - shares, ~held)
    wrong = judged & (1 - shares >= usual_absence) & (shares < 0.5) & known
    missing = ~held & (shares >= usual) & (shares > 0.5)
    found = [
        LabelDoubt(int(i), given.kinds[k], given.ids[k], None, float(shares[i, k]))
        for i, k in np.argwhere(wrong)
    ]
    return found + [
        LabelDoubt(int(i), given.kinds[k], None, given.ids[k], float(1 - shares[i, k]))
        for i, k in np.argwhere(missing)
    ]


def _doubted_primaries(given: Given, shares: Scores, known: Held) -> list[LabelDoubt]:
    """The likeliest of the causes that are as likely as where they were given is another."""
    place = given.primary_held.argmax(axis=1)
    usual = _mean_where(shares, given.primary_held)
    best = np.where(shares >= usual, shares, -1.0).argmax(axis=1)
    any_usual = (shares >= usual).any(axis=1)
    doubted = any_usual & (best != place) & (shares.argmax(axis=1) != place) & known[place]
    return [
        LabelDoubt(
            int(i),
            PRIMARY,
            given.causes[place[i]],
            given.causes[best[i]],
            float(shares[i, place[i]]),
        )
        for i in np.flatnonzero(doubted)
    ]


def _leading(given: Given) -> Held:
    """(records, ids): whether the label is the record's primary cause."""
    place = {id_: k for k, id_ in enumerate(given.ids)}
    leading = np.zeros(given.held.shape, dtype=bool)
    leading[:, [place[id_] for id_ in given.causes]] = given.primary_held
    return leading


def _mean_where(values: Scores, chosen: Held) -> Scores:
    """(columns,): the mean of the chosen entries; infinite where there is none: never reached."""
    counts = chosen.sum(axis=0)
    sums = (values * chosen).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
