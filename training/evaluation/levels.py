"""Levels against what the codebook makes of the gold labels, and whom they would have touched.

The gold level of a record is the policy's answer to its gold signs and marks. False flags and
accused victims are the costs that the product may not have; they are counted on records, with
exact intervals, since a bootstrap of zero counts says nothing.

Limits: ``agent_run`` is what the writer of a story imagined, not an investigator's finding;
about one agent-run text in ten shows no sign at all, and no reader of the text can see it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.codebook import Codebook, CodebookError
from models.policy import decide
from models.record import LabelledRecord
from training.evaluation.intervals import Array, Figure, Rate, figure_of, mean_over

NONE, WATCH, REVIEW = "NONE", "WATCH", "REVIEW"
UNKNOWN = "unknown"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class NamedRate:
    """A rate over the records of one genre or one protective mark."""

    id: str
    name: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Recall:
    """Agent-run records at ``level`` or above; ``signed``: only those with a gold sign."""

    level: str
    signed: bool
    rate: Rate
    figure: Figure


@dataclass(frozen=True, slots=True)
class LevelFigures:
    """What the levels did. ``confusion``: rows gold-derived, columns given, both in ``order``.

    A false flag is a record that is not agent-run at REVIEW or above; a victim is accused when
    a victim's report has any level but NONE.
    """

    order: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Figure
    false_flags: Rate
    false_flags_by_genre: tuple[NamedRate, ...]
    false_flags_by_mark: tuple[NamedRate, ...]
    victims_accused: Rate
    recalls: tuple[Recall, ...]


def gold_level(gold: LabelledRecord, codebook: Codebook) -> str:
    """The level that the policy gives to the record's gold signs and marks."""
    return decide(gold.signs, gold.marks, codebook=codebook, genre=gold.record.genre).level


def level_figures(
    golds: Sequence[LabelledRecord],
    expected: Sequence[str],
    given: Sequence[str],
    *,
    codebook: Codebook,
    weights: Array,
) -> LevelFigures:
    """Figures of the ``given`` levels, record by record, beside the ``expected`` ones."""
    order = tuple(level.id for level in codebook.levels)
    ranks = np.array([order.index(level) for level in given])
    wanted = np.array([order.index(level) for level in expected])
    same = (ranks == wanted).astype(np.float64)
    flagged = ranks >= order.index(REVIEW)
    return LevelFigures(
        order=order,
        confusion=_confusion(wanted, ranks, size=len(order)),
        accuracy=figure_of(mean_over(same), weights),
        false_flags=false_flags(golds, flagged),
        false_flags_by_genre=_by_genre(golds, flagged),
        false_flags_by_mark=_by_mark(golds, flagged, codebook),
        victims_accused=_rate(
            ranks > order.index(NONE), _where(golds, lambda gold: is_victim(gold, codebook))
        ),
        recalls=tuple(
            _recall(golds, ranks >= order.index(level), level=level, signed=signed, weights=weights)
            for signed in (False, True)
            for level in (WATCH, REVIEW)
        ),
    )


def is_victim(gold: LabelledRecord, codebook: Codebook) -> bool:
    """Whether the record is a victim's report, which never has a level.

    Such a mark leaves a case without a level and goes with a cause of its own.
    """
    marks = [mark for mark in codebook.marks if mark.no_level and "cause" in mark.sets]
    return any(mark.id in gold.marks or mark.sets["cause"] == gold.primary for mark in marks)


def check_levels(codebook: Codebook) -> None:
    """Raise CodebookError where a level is lacking that evaluation and calibration ask for."""
    found = [level.id for level in codebook.levels]
    if not {NONE, WATCH, REVIEW} <= set(found):
        wanted = f"{NONE}, {WATCH} and {REVIEW} among them"
        raise CodebookError(f"levels: found {', '.join(found)}, wanted {wanted}")


def false_flags(golds: Sequence[LabelledRecord], flagged: Mask) -> Rate:
    """How many of the records that are not agent-run were flagged."""
    return _rate(flagged, _where(golds, lambda gold: not gold.agent_run))


def _by_genre(golds: Sequence[LabelledRecord], flagged: Mask) -> tuple[NamedRate, ...]:
    present = sorted({gold.record.genre or UNKNOWN for gold in golds})
    return tuple(
        NamedRate(genre, genre, _rate(flagged, _where(golds, _is_genuine_of(genre))))
        for genre in present
    )


def _is_genuine_of(genre: str) -> Callable[[LabelledRecord], bool]:
    return lambda gold: not gold.agent_run and (gold.record.genre or UNKNOWN) == genre


def _by_mark(
    golds: Sequence[LabelledRecord], flagged: Mask, codebook: Codebook
) -> tuple[NamedRate, ...]:
    rates = [
        NamedRate(mark.id, mark.zh, _rate(flagged, _where(golds, _is_genuine_with(mark.id))))
        for mark in codebook.marks
    ]
    return tuple(named for named in rates if named.rate.total)


def _is_genuine_with(mark: str) -> Callable[[LabelledRecord], bool]:
    return lambda gold: not gold.agent_run and mark in gold.marks


def _recall(
    golds: Sequence[LabelledRecord], reached: Mask, *, level: str, signed: bool, weights: Array
) -> Recall:
    among = _where(golds, lambda gold: gold.agent_run and (bool(gold.signs) or not signed))
    mean = mean_over(reached.astype(np.float64), where=among.astype(np.float64))
    return Recall(level, signed, _rate(reached, among), figure_of(mean, weights))


def _where(golds: Sequence[LabelledRecord], wanted: Callable[[LabelledRecord], bool]) -> Mask:
    return np.array([wanted(gold) for gold in golds], dtype=np.bool_)


def _rate(hit: Mask, among: Mask) -> Rate:
    return Rate(int((hit & among).sum()), int(among.sum()))


def _confusion(
    wanted: NDArray[np.int_], given: NDArray[np.int_], *, size: int
) -> tuple[tuple[int, ...], ...]:
    table = np.zeros((size, size), dtype=int)
    np.add.at(table, (wanted, given), 1)
    return tuple(tuple(map(int, row)) for row in table)
