"""Moments of receipt in two columns: the day is what counts, and its own column's time is joined.

Knows how a day and a time are written, not where a row comes from.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from models.days import day_of
from models.rows.columns import BESIDE, TWIN

_HOURS = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?", re.ASCII)
_TIME_ALONE = re.compile(
    r"(?:[上中下]午|凌晨|早上|晚上|am|pm)?\s*\d{1,2}(?::\d{1,2}){1,2}(?:\.\d+)?\s*(?:am|pm)?"
    r"|(?:[上中下]午|凌晨|早上|晚上)?\s*\d{1,2}[时点](?:\d{1,2}分?)?(?:\d{1,2}秒)?",
    re.ASCII | re.IGNORECASE,
)
_MIDNIGHT = re.compile(r"[ T]+0?0:00(?::00(?:\.0+)?)?$")  # so tables write a cell of a day
_DAY_ALONE = re.compile(r"\d{8}|\d{4}\D{1,3}\d{1,2}\D{1,3}\d{1,2}\s*日?", re.ASCII)


def join_moments(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with one ``received_at``: of the columns for it the first that holds a day.

    A time that stands alone is joined to a day alone where their columns have one name (受理日期,
    受理时间); without any day the first value that is more than a time is taken.
    """
    joined = {name: value for name, value in values.items() if not name.startswith(BESIDE)}
    beside = sorted(name for name in values if name.startswith(BESIDE))
    if not beside:
        return joined
    cells = {name: values[name] for name in ("received_at", *beside) if name in values}
    order = sorted(cells, key=lambda name: _use_of(cells[name]))  # stable: then by preference
    chosen = cells[order[0]]
    twins = {name for name in cells if name == "received_at" or name.endswith(TWIN)}
    if order[0] in twins:
        times = filter(None, (_hours(cells[name]) for name in cells if name in twins))
        chosen = _at(chosen, next(times, None))
    return {**joined, "received_at": chosen}


def is_time_alone(value: Any) -> bool:
    """Whether a value names a time of no day; a spreadsheet's number for one is below 1."""
    if isinstance(value, float):
        return 0 < value < 1
    if isinstance(value, str):
        return _TIME_ALONE.fullmatch(unicodedata.normalize("NFKC", value[:64]).strip()) is not None
    return isinstance(value, time)


def iso_moment(value: date) -> str:
    """ISO 8601; a midnight without seconds is a day, since sheets store days as midnights."""
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second, value.tzinfo) == (0, 0, 0, None)
        return value.date().isoformat() if midnight else value.isoformat(timespec="seconds")
    return value.isoformat()


def _use_of(value: Any) -> int:
    """How much a value says of the day; the less the better."""
    if day_of(_written(value)) is not None:
        return 0
    if not _written(value):
        return 3
    return 2 if is_time_alone(value) else 1


def _at(value: Any, hours: time | None) -> Any:
    """The day with the time; the value as it is where it is no day alone, or there is no time."""
    written = _MIDNIGHT.sub("", unicodedata.normalize("NFKC", _written(value)[:64]).strip())
    day = day_of(written)
    if hours is None or day is None or not _DAY_ALONE.fullmatch(written):
        return value
    return datetime.combine(day, hours).isoformat(timespec="seconds")


def _hours(value: Any) -> time | None:
    if isinstance(value, time):
        return value.replace(tzinfo=None)
    found = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def _written(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, bool):
        return ""
    return iso_moment(value) if isinstance(value, date) else str(value).strip()
