"""Hubs: phones, places and authors that strangers share without knowing of each other.

A list that the insurer edits names them by their words; statistics find the rest: shared by many
whose texts have nothing in common. What is one person's by nature (a mobile, an account) is no hub
while half of those who share it want every premium back: an agent has many customers, too.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from models.errors import XiaobaoError
from models.strict_yaml import read_entry, read_text

KINDS = ("phone", "email", "wechat", "qq", "address", "site", "account", "author")
# So many strangers at one phone or door, with unlike texts, are an institution, not a ring.
MANY = 15
_ALIKE_SHARE = 0.1
_FEW = 12
CROWD = 200
"""More cases than this at one value are never paired."""


class HubError(XiaobaoError):
    """The list of hubs cannot be used."""


@dataclass(frozen=True, slots=True)
class HubList:
    """Patterns of hubs by the kind of identifier."""

    patterns: Mapping[str, re.Pattern[str]]

    def names(self, kind: str, value: str) -> bool:
        """Whether the list names a value of this kind, as it was written."""
        pattern = self.patterns.get(kind)
        return pattern is not None and pattern.search(value) is not None


@dataclass(frozen=True, slots=True)
class Sharing:
    """Counts of the cases that share one value; all that it takes to know a hub.

    ``alike``: pairs whose texts are near; ``counters``: cases that came over a counter;
    ``listed``: cases in which a list of hubs names it; ``wanting``: cases that want every premium
    back, of a value that is one person's by nature.
    """

    cases: int
    alike: int
    counters: int
    listed: int
    wanting: int = 0

    @property
    def is_hub(self) -> bool:
        """Whether strangers share it: by the list, by statistics, or typed by staff."""
        if self.listed:
            return True
        few_alike = self.alike < _ALIKE_SHARE * self.cases * (self.cases - 1) / 2
        typed = not self.alike and self.counters == self.cases
        of_agents = 2 * self.wanting >= self.cases
        return typed or (self.cases > MANY and few_alike and not of_agents)

    @property
    def step(self) -> int:
        """How often the number of cases has doubled beyond a few: more cases, more chance."""
        return max(0, round(math.log2(max(1, self.cases) / _FEW)))

    @property
    def is_crowd(self) -> bool:
        """Whether so many share it that they are not even paired."""
        return self.cases > CROWD


def read_hubs(source: Path | None = None) -> HubList:
    """The list in a file, by default the one that comes with the package."""
    place = source or files("models.links").joinpath("hubs.yaml")
    entry = read_entry(read_text(place, error=HubError), name=str(place), error=HubError)
    entry.check_keys(KINDS)
    return HubList({kind: _pattern(entry.texts(kind), kind, str(place)) for kind in entry.fields})


def _pattern(words: tuple[str, ...], kind: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{word})" for word in words) or r"(?!)", re.IGNORECASE)
    except re.error as error:
        raise HubError(
            f"{place}: {kind}: found a broken pattern, wanted a regular expression"
        ) from error
