"""From a row's cells to a record: types are checked, nothing is guessed. Knows no file format."""

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from models.record import GENRES, MOST_FIELD_CHARS, Record
from models.rows.columns import RECORD_FIELDS
from models.rows.moments import is_time_alone, iso_moment, join_moments
from models.rows.row import Row, RowFault, shown, type_name

# Spreadsheets and JSON exports hold these as numbers; whole numbers lose nothing as digits.
DIGIT_FIELDS = frozenset({"case_id", "phone", "payee_account", "policy_no"})


class CellError(Exception):
    """One cell cannot be used; `parse_record` turns it into the row's fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class UnusableError(CellError):
    """An optional cell that says nothing there: a row of a file does without it."""

    def __init__(self, field: str, found: str, wanted: str) -> None:
        super().__init__(field, f"found {found}, wanted {wanted}")
        self.wanted = wanted


def settle(row: Row, unused: Counter[tuple[str, str]], *, but: Collection[str] = ()) -> Row:
    """The row with one moment of receipt, and without optional values that are of no use.

    They are counted in ``unused`` by field and what was wanted there. Fields in ``but`` are left
    as they are.
    """
    values = join_moments(row.values)
    for name in [name for name in RECORD_FIELDS[1:] if name in values and name not in but]:
        try:
            parse_cell(name, values[name])
        except UnusableError as error:
            unused[name, error.wanted] += 1
            values[name] = None
        except CellError:
            continue  # parse_record names it
    return replace(row, values=values)


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
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if field == "received_at" and is_time_alone(value):
        raise UnusableError(field, "a time alone", "a day")
    if isinstance(value, str):
        return _checked(field, value.strip()) if value.strip() else None
    if field == "received_at" and isinstance(value, date):
        return iso_moment(value)
    if field in RECORD_FIELDS and is_number(value):
        digits = _digits(field, value) if field in DIGIT_FIELDS else _number(field, value)
        return _checked(field, digits)
    if field == "case_id":
        raise CellError(field, f"found {type_name(value)}, wanted text")
    raise UnusableError(field, type_name(value), "text")


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def is_rounded(value: Any) -> bool:
    """Whether a number is too long for a float: its last digits are no longer the customer's."""
    return isinstance(value, float) and math.isfinite(value) and abs(value) >= 2**53


def _digits(field: str, value: int | float | Decimal) -> str:
    if not _is_whole(value):
        raise CellError(field, "found a number with a fraction, wanted digits as text")
    if is_rounded(value):
        raise CellError(field, "found a number too long to be exact, wanted digits as text")
    return str(int(value))


def _number(field: str, value: int | float | Decimal) -> str:
    """A code or a name that stands as a number; whole ones as digits, without .0."""
    if is_rounded(value) or not math.isfinite(value):
        raise UnusableError(field, "a number too long to be exact", "text")
    if _is_whole(value):
        return str(int(value))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _is_whole(value: int | float | Decimal) -> bool:
    return math.isfinite(value) and value == int(value)


def _checked(field: str, value: str) -> str:
    if field == "genre" and value not in GENRES:
        raise UnusableError(field, shown(value), f"one of {', '.join(GENRES)}")
    if len(value) > MOST_FIELD_CHARS:
        raise CellError(field, f"found {len(value)} characters, wanted {MOST_FIELD_CHARS} at most")
    return value
