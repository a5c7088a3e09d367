"""The same few figures on parts of the records: where the network is worse, and for whom.

A slice is named by a dimension and a value. Slices overlap across dimensions, are often small,
and several are looked at together: read a difference as a question, not as a finding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.record import LabelledRecord
from training.evaluation.intervals import Array, Figure, Rate, figure_of, mean_over, ratio

LENGTHS = ((50, "<50"), (100, "50-99"), (200, "100-199"), (400, "200-399"))
LONGEST = "400+"
VULNERABLE_ROLES = frozenset({"family_helper", "heir", "statutory_agent", "community_helper"})
VULNERABLE_MARKS = frozenset(
    {"NX_FAMILY_HELPER", "NX_HEIR", "NX_VULNERABLE_CONTACT", "NX_COMMUNITY_HELPER", "NX_SAFETY"}
)
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Slice:
    """Figures of the records whose ``dimension`` has this ``value``."""

    dimension: str
    value: str
    records: int
    level1_accuracy: Figure
    level2_accuracy: Figure
    sign_micro_f1: Figure
    false_flags: Rate
    reviewed: Rate


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What happened to each record, as arrays (records,) of 0 and 1 or of counts."""

    level1_right: Array
    level2_right: Array
    signs_hit: Array
    signs_on_either_side: Array
    genuine: Array
    flagged: Array
    reviewed: Array


def slices(
    golds: Sequence[LabelledRecord], outcomes: Outcomes, *, weights: Array
) -> tuple[Slice, ...]:
    """Every slice that holds a record, dimension by dimension."""
    found = []
    for dimension, value_of in DIMENSIONS.items():
        values = [value_of(gold) for gold in golds]
        for value in _in_order(values):
            where = np.array([one == value for one in values], dtype=np.float64)
            found.append(_slice(dimension, value, where, outcomes, weights))
    return tuple(found)


def length_of(gold: LabelledRecord) -> str:
    """The bin of the text's length in code points."""
    chars = len(gold.record.text)
    return next((name for limit, name in LENGTHS if chars < limit), LONGEST)


def is_vulnerable(gold: LabelledRecord) -> bool:
    """Whether someone speaks for another, inherits, or can hardly speak: by role or mark.

    A look at the text's own labels, not a finding about a person.
    """
    return gold.record.role in VULNERABLE_ROLES or not VULNERABLE_MARKS.isdisjoint(gold.marks)


DIMENSIONS: dict[str, Callable[[LabelledRecord], str]] = {
    "genre": lambda gold: gold.record.genre or UNKNOWN,
    "source": lambda gold: gold.record.source or UNKNOWN,
    "channel": lambda gold: gold.record.channel or UNKNOWN,
    "role": lambda gold: gold.record.role or UNKNOWN,
    "writer": lambda gold: gold.writer or UNKNOWN,
    "length": length_of,
    "vulnerable": lambda gold: "yes" if is_vulnerable(gold) else "no",
}


def _in_order(values: Sequence[str]) -> list[str]:
    lengths = [name for _, name in LENGTHS] + [LONGEST]
    return sorted(set(values), key=lambda value: (value in lengths and lengths.index(value), value))


def _slice(dimension: str, value: str, where: Array, outcomes: Outcomes, weights: Array) -> Slice:
    hits, sides = where * outcomes.signs_hit, where * outcomes.signs_on_either_side
    level1 = mean_over(outcomes.level1_right, where=where)
    level2 = mean_over(outcomes.level2_right, where=where)
    return Slice(
        dimension=dimension,
        value=value,
        records=int(where.sum()),
        level1_accuracy=figure_of(level1, weights),
        level2_accuracy=figure_of(level2, weights),
        sign_micro_f1=figure_of(lambda w: ratio(2 * (w @ hits), w @ sides), weights),
        false_flags=_rate(outcomes.flagged, where * outcomes.genuine),
        reviewed=_rate(outcomes.reviewed, where),
    )


def _rate(hit: Array, among: Array) -> Rate:
    return Rate(int((hit * among).sum()), int(among.sum()))
