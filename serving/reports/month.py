"""A month as YYYY-MM, its neighbours, and its first day. Months are those in which cases came."""

import re
from dataclasses import dataclass
from typing import Self

from models.errors import XiaobaoError

_FORM = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


class MonthError(XiaobaoError):
    """A month that is none."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month; months are in order of time."""

    year: int
    number: int

    def __str__(self) -> str:
        """As YYYY-MM."""
        return f"{self.year:04d}-{self.number:02d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The month written as YYYY-MM. Raises MonthError."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise MonthError("--month: wanted a month such as 2026-11")
        return cls(int(found[1]), int(found[2]))

    def before(self, months: int = 1) -> "Month":
        """The month so many months earlier; a negative number is later."""
        year, rest = divmod(self.year * 12 + self.number - 1 - months, 12)
        return Month(year, rest + 1)

    @property
    def first_day(self) -> str:
        """Its first day, ISO 8601."""
        return f"{self}-01"
