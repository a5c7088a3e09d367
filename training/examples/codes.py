"""Own codes to causes: an insurer's code table read from a file, and its labels put into ours.

A table is a CSV with the columns ``code`` and ``cause``. A code without a cause has no target:
its records are set aside and counted, never guessed.
"""

import csv
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.errors import XiaobaoError
from models.record import LabelledRecord, Span

COLUMNS = ("code", "cause")


class CodeTableError(XiaobaoError):
    """A code table that cannot be used: names file, line, value found and value wanted."""


@dataclass(frozen=True, slots=True)
class Recoded:
    """Records with causes of the taxonomy; ``without_target``: codes and how many records each."""

    records: tuple[LabelledRecord, ...]
    without_target: Mapping[str, int]


def read_code_table(path: Path, *, causes: Collection[str]) -> dict[str, str | None]:
    """Each code with its cause, None where it has no target.

    Raises CodeTableError for other columns, a code that stands twice, or an unknown cause.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines)
        if not set(COLUMNS) <= set(rows.fieldnames or ()):
            found = ", ".join(rows.fieldnames or ()) or "nothing"
            raise CodeTableError(f"{path.name}: found columns {found}, wanted {', '.join(COLUMNS)}")
        table: dict[str, str | None] = {}
        for row in rows:
            where = f"{path.name}:{rows.line_num}"
            code, cause = ((row[name] or "").strip() for name in COLUMNS)
            if not code or code in table:
                raise CodeTableError(f"{where}: found code {code!r}, wanted a new one")
            if cause and cause not in causes:
                wanted = f"one of {len(causes)} known causes, or nothing"
                raise CodeTableError(f"{where}: found cause {cause!r}, wanted {wanted}")
            table[code] = cause or None
    return table


def recode(records: Sequence[LabelledRecord], table: Mapping[str, str | None]) -> Recoded:
    """The records with every code replaced by its cause, in causes and in evidence.

    A record whose primary code has no target is set aside; other codes without one fall away.
    Labels that are no codes (signs and marks) stay.
    """
    kept = [_recoded(record, table) for record in records if table[record.primary] is not None]
    lost = Counter(record.primary for record in records if table[record.primary] is None)
    return Recoded(tuple(kept), dict(lost))


def _recoded(record: LabelledRecord, table: Mapping[str, str | None]) -> LabelledRecord:
    (primary,) = _causes([record.primary], table)
    spans = (Span(s.start, s.end, _causes(s.labels, table)) for s in record.spans)
    return replace(
        record,
        primary=primary,
        causes=_causes(record.causes, table),
        spans=tuple(span for span in spans if span.labels),
    )


def _causes(labels: Sequence[str], table: Mapping[str, str | None]) -> tuple[str, ...]:
    """The causes of some codes, each once, in order."""
    found = (table.get(label, label) for label in labels)
    return tuple(dict.fromkeys(cause for cause in found if cause is not None))
