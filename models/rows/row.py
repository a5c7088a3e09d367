"""What a file yields: rows, faults and, at its end, one note. Knows no file format."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from models.errors import XiaobaoError

# Beyond this many distinct names a file invents its columns: they are counted, not kept.
MOST_NAMES = 200


class RowsError(XiaobaoError):
    """A whole file cannot be read: names the file, what was found and what is wanted."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the file has it, its cells under field names.

    ``number`` is what the user sees: the line of JSONL and CSV, the sheet row of XLSX, the
    1-based row of Parquet.
    """

    file: str
    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why one row gave no record; ``field`` is None where the row as a whole is broken."""

    file: str
    row: int
    field: str | None
    reason: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.row}"
        return f"{place}: {self.field}: {self.reason}" if self.field else f"{place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class ReadingNote:
    """What a file held beside its records and faults: one note a file, when it is read out.

    ``rows`` counts the rows that were not blank; ``ignored_columns`` have no field of ours;
    ``left_out`` counts values, by field, that the file's own format had already damaged;
    ``unused`` those of no use in their field, with what was wanted there; ``unknown`` those that
    the taxonomy does not know.
    """

    file: str
    rows: int = 0
    blank_rows: int = 0
    ignored_columns: tuple[str, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    skipped_sheets: tuple[str, ...] = ()
    encoding: str | None = None
    unused: tuple[tuple[str, str, int], ...] = ()
    unknown: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Tally:
    """The counts behind a note, while the file is being read."""

    file: str
    rows: int = 0
    blank_rows: int = 0
    encoding: str | None = None
    ignored: dict[str, None] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    unused: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped_sheets: list[str] = field(default_factory=list)

    def ignore(self, names: tuple[str, ...]) -> None:
        """Remember column names that have no field, each once."""
        for name in names:
            if len(self.ignored) < MOST_NAMES:
                self.ignored[name] = None

    def note(self) -> ReadingNote:
        """The note of the file."""
        return ReadingNote(
            file=self.file,
            rows=self.rows,
            blank_rows=self.blank_rows,
            ignored_columns=tuple(self.ignored),
            left_out=tuple(sorted(self.left_out.items())),
            skipped_sheets=tuple(self.skipped_sheets),
            encoding=self.encoding,
            unused=tuple((*key, count) for key, count in sorted(self.unused.items())),
        )


def type_name(value: object) -> str:
    """The user's word for a value's type: never the value itself."""
    if value is None:
        return "nothing"
    for kind, name in _TYPE_NAMES:
        if isinstance(value, kind):
            return name
    return type(value).__name__


_TYPE_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),  # before int: Python's bool is one
    ((int, float, Decimal), "a number"),
    (str, "text"),
    (datetime, "a date and time"),
    (date, "a date"),
    (time, "a time"),
    ((list, tuple), "a list"),
    (dict, "an object"),
    (bytes, "bytes"),
)


def shown(value: str) -> str:
    """A short code-like value in quotes; anything else only as its length (it may be a text)."""
    codelike = len(value) <= 40 and value.isascii() and value.replace("_", "").replace(".", "")
    if codelike and not any(c.isdigit() or c.isspace() for c in value):
        return repr(value)
    return f"a value of {len(value)} characters"


def unreadable(path: Path, error: OSError) -> RowsError:
    """The error for a file that the system would not open."""
    why = error.strerror or type(error).__name__
    return RowsError(f"{path}: cannot be read ({why}), wanted a readable file")
