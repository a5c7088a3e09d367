"""Days: the day that a moment of receipt names, in the spellings that intake systems write.

Asks no time zone: a moment counts on the day that stands in it, whatever offset follows.
"""

import re
import unicodedata
from datetime import date

_LONGEST = 64
_YEARS = range(1990, 2101)  # outside them it is a filler (1900-01-00) or another number
_TIME = r"(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d{3})?)?"
_SPELLINGS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)",
        r"(\d{4})(\s*年\s*)(\d{1,2})\s*月\s*(\d{1,2})(?!\d)",
        rf"(\d{{4}})()(\d{{2}})(\d{{2}})(?:{_TIME})?(?!\d)",
    )
)


def day_of(received_at: str | None) -> date | None:
    """The day at the beginning of a moment; None where none of the years 1990 to 2100 stands there.

    Read are ISO 8601 (2026-03-05, 20260305, with or without a time and an offset), slashes, dots,
    one digit for a month or a day, 2026年3月5日, and digits alone (20260305103000).
    """
    plain = unicodedata.normalize("NFKC", (received_at or "")[:_LONGEST]).strip()
    found = next(filter(None, (one.match(plain) for one in _SPELLINGS)), None)
    if found is None or int(found[1]) not in _YEARS:
        return None
    try:
        return date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None
