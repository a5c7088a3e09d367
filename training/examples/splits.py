"""Splits that keep a story together: by group and near-duplicate family, stratified over labels.

Independent of the order of rows and fixed by the seed. Knows records and indices, no files.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from iterstrat.ml_stratifiers import IterativeStratification

from models.record import LabelledRecord
from training.examples.near_duplicates import units_of

# The writers whose texts each cover all causes, in a voice of their own.
HELD_OUT_WRITERS = ("x1", "x2", "x3", "x4", "x5")
AGENT_RUN = "agent_run"
FRACTIONS = (0.8, 0.1, 0.1)  # train, development, test


@dataclass(frozen=True, slots=True)
class Split:
    """Indices into the records, ascending; each index stands in exactly one part."""

    train: tuple[int, ...]
    development: tuple[int, ...]
    test: tuple[int, ...]


def split(
    records: Sequence[LabelledRecord],
    *,
    seed: int,
    fractions: tuple[float, float, float] = FRACTIONS,
    learned: Collection[int] = (),
) -> Split:
    """Three parts with label shares near ``fractions`` (which sum to 1), counted in units.

    A unit is never divided; iterative stratification (Sechidis et al. 2011) deals the units out,
    the rarest label first, over causes, signs, marks and agent_run.
    learned: places of records that the network to be tuned has learned from: their units stand in
    train, and the other parts get their fractions of all units as far as the rest goes round.
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"fractions: found {fractions}, wanted three shares that sum to 1")
    members = _members(units(records)).values()
    known = set(learned)
    bound = [places for places in members if not known.isdisjoint(places)]
    free = [places for places in members if known.isdisjoint(places)]
    chosen: tuple[list[int], ...] = ([place for places in bound for place in places], [], [])
    if not free:
        return Split(tuple(sorted(chosen[0])), (), ())
    ordered = sorted(free, key=lambda places: _stable_key(records, places))
    parts = IterativeStratification(
        _unit_labels(records, ordered),
        np.array(_of_the_rest(fractions, whole=len(members), rest=len(free))),
        np.random.RandomState(seed),
    )
    for places, part in zip(ordered, parts, strict=True):
        chosen[int(part)].extend(places)
    train, development, test = (tuple(sorted(part)) for part in chosen)
    return Split(train, development, test)


def leave_one_writer_out(
    records: Sequence[LabelledRecord], writers: Sequence[str] = HELD_OUT_WRITERS
) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """(writer, train indices, held-out indices) for each writer, the honest estimate.

    Training keeps every other text but those in one unit with a held-out one: they are in
    neither part.
    """
    of = units(records)
    for writer in writers:
        held = tuple(i for i, record in enumerate(records) if record.writer == writer)
        touched = {of[i] for i in held}
        yield writer, tuple(i for i, unit in enumerate(of) if unit not in touched), held


def units(records: Sequence[LabelledRecord]) -> tuple[int, ...]:
    """For each record the number of its unit: joined by group or by near-duplicate family."""
    return units_of([r.record.text for r in records], [r.group for r in records])


def labels_of(record: LabelledRecord) -> frozenset[str]:
    """All labels that a split balances."""
    flag = (AGENT_RUN,) if record.agent_run else ()
    return frozenset((*record.causes, *record.signs, *record.marks, *flag))


def _of_the_rest(
    fractions: tuple[float, float, float], *, whole: int, rest: int
) -> tuple[float, float, float]:
    """The fractions of ``rest`` units that make ``fractions`` of the whole; train has the others.

    Where the rest is too small for development and test, they share it and train gets none.
    """
    if rest == whole:
        return fractions
    _, development, test = fractions
    held_out = development + test
    share = min(1.0, held_out * whole / rest) / held_out if held_out else 0.0
    return 1.0 - share * held_out, share * development, share * test


def _members(unit_of: Sequence[int]) -> dict[int, list[int]]:
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, unit in enumerate(unit_of):
        members[unit].append(place)
    return members


def _stable_key(records: Sequence[LabelledRecord], places: Sequence[int]) -> list[str]:
    # By content, so that shuffled files give the same split.
    return sorted(
        hashlib.sha256(records[i].record.text.encode("utf-8", "surrogatepass")).hexdigest()
        for i in places
    )


def _unit_labels(
    records: Sequence[LabelledRecord], ordered: Sequence[Sequence[int]]
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """(units, labels): whether any record of the unit has the label; labels in sorted order."""
    sets = [frozenset().union(*(labels_of(records[i]) for i in places)) for places in ordered]
    column = {label: place for place, label in enumerate(sorted(frozenset().union(*sets)))}
    matrix = np.zeros((len(sets), len(column)), dtype=bool)
    for row, labels in enumerate(sets):
        matrix[row, [column[label] for label in labels]] = True
    return matrix
