"""The quality gate: a quantized network may be worse than the full one by a margin, no more.

Compares figures of the development split; knows nothing of how a network was quantized.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import XiaobaoError

if TYPE_CHECKING:  # a command names the margin, and loads what measures only when it runs
    from training.evaluation.metrics import Evaluation

MARGIN = 0.02
"""How much worse each figure may be, as a share."""


class GateError(XiaobaoError):
    """A quantized network that is worse than it may be, or a margin that cannot be meant."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both networks; ``records`` it is a share of, None where it is a mean.

    ``gain``: 1 where more is better, -1 where less is.
    """

    name: str
    full: float
    quantized: float
    records: int | None = None
    gain: int = 1

    def limit(self, margin: float) -> float:
        """The worst that the quantized network may have.

        A share of few records moves by leaps: one record more or less is always within the margin,
        as nothing can be told from it.
        """
        leap = 1 / self.records if self.records else 0.0
        return self.full - self.gain * max(margin, leap)

    def passes(self, margin: float) -> bool:
        """Whether the figure is no worse than its limit; rounding is forgiven."""
        return self.gain * (self.quantized - self.limit(margin)) >= -1e-9


def compare(full: "Evaluation", quantized: "Evaluation") -> tuple[Compared, ...]:
    """Level-1 macro F1, the recall of every sign that gold has, the rate of false flags.

    Raises GateError where the two were measured on different records.
    """
    if full.digest != quantized.digest:
        raise GateError("gate: two sets of records found, the same one wanted")
    flags, others = full.levels.false_flags, quantized.levels.false_flags
    recalls = {row.id: row.recall or 0.0 for row in quantized.signs.rows}
    return (
        Compared("level-1 macro F1", _macro(full), _macro(quantized)),
        *(
            Compared(f"recall of {row.id}", row.recall, recalls.get(row.id, 0.0), row.support)
            for row in full.signs.rows
            if row.support and row.recall is not None
        ),
        Compared(
            "false flags",
            flags.count / max(flags.total, 1),
            others.count / max(others.total, 1),
            gain=-1,
        ),
    )


def check_gate(compared: Sequence[Compared], *, margin: float, directory: Path) -> None:
    """Raises GateError that names each figure beyond its limit, what it is and what it may be."""
    failed = [figure for figure in compared if not figure.passes(margin)]
    if failed:
        told = "; ".join(_told(figure, margin) for figure in failed)
        raise GateError(f"{directory}: not published: {told}")


def check_margin(margin: float) -> None:
    """Raises GateError for a margin that is no share."""
    if not 0 <= margin <= 1:
        raise GateError(f"margin: {margin:g} found, from 0 to 1 wanted")


def _macro(evaluation: "Evaluation") -> float:
    return evaluation.level1_primary.macro.value or 0.0


def _told(figure: Compared, margin: float) -> str:
    bound = "at least" if figure.gain > 0 else "at most"
    return (
        f"{figure.name} {figure.quantized:.4f} found, {bound} {figure.limit(margin):.4f} wanted "
        f"({figure.full:.4f} before)"
    )
