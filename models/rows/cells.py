"""From a row's cells to a record: types are checked, nothing is guessed. Knows no file format."""

import math
from datetime import date, datetime
from typing import Any

from models.record import GENRES, MOST_FIELD_CHARS, Record
from models.rows.columns import RECORD_FIELDS
from models.rows.row import Row, RowFault, shown, type_name

# Spreadsheets and JSON exports hold these as numbers; whole numbers lose nothing as digits.
DIGIT_FIELDS = frozenset({"case_id", "phone", "payee_account", "policy_no"})


class CellError(Exception):
    """One cell cannot be used; `parse_record` turns it into the row's fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def parse_record(row: Row) -> Record | RowFault:
    """The record of a row, or the fault of its first unusable cell."""
    try:
        text = parse_text(row.values.get("text"))
        rest = {name: parse_cell(name, row.values.get(name)) for name in RECORD_FIELDS[1:]}
    except CellError as error:
        return RowFault(row.file, row.number, error.field, error.reason)
    return Record(text=text, **rest)


def parse_text(value: Any) -> str:
    """The complaint text, exactly as it stands: offsets count its code points."""
    if value is None:
        raise CellError("text", "missing, wanted the complaint text")
    if not isinstance(value, str):
        raise CellError("text", f"found {type_name(value)}, wanted text")
    if not value.strip():
        raise CellError("text", "found an empty text, wanted the complaint text")
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise CellError("text", "found half a surrogate pair, wanted valid Unicode")
    return value


def parse_cell(field: str, value: Any) -> str | None:
    """An optional field as text without outer blanks; an empty cell is None."""
    if value is None:
        return None
    if isinstance(value, str):
        return _checked(field, value.strip()) if value.strip() else None
    if field in DIGIT_FIELDS and isinstance(value, int | float) and not isinstance(value, bool):
        return _digits(field, value)
    if field == "received_at" and isinstance(value, date):
        return iso_moment(value)
    raise CellError(field, f"found {type_name(value)}, wanted text")


def iso_moment(value: date) -> str:
    """ISO 8601; a midnight without seconds is a day, since sheets store days as midnights."""
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second, value.tzinfo) == (0, 0, 0, None)
        return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
    return value.isoformat()


def is_rounded(value: Any) -> bool:
    """Whether a number is too long for a float: its last digits are no longer the customer's."""
    return isinstance(value, float) and math.isfinite(value) and abs(value) >= 2**53


def _digits(field: str, value: int | float) -> str:
    if isinstance(value, float) and not value.is_integer():
        raise CellError(field, "found a number with a fraction, wanted digits as text")
    if is_rounded(value):
        raise CellError(field, "found a number too long to be exact, wanted digits as text")
    return str(int(value))


def _checked(field: str, value: str) -> str:
    if field == "genre" and value not in GENRES:
        raise CellError(field, f"found {shown(value)}, wanted one of {', '.join(GENRES)}")
    if len(value) > MOST_FIELD_CHARS:
        raise CellError(field, f"found {len(value)} characters, wanted {MOST_FIELD_CHARS} at most")
    return value
