"""Hubs: phones, places and authors that strangers share without knowing of each other.

A list that the insurer edits names them by their words; statistics find the rest: shared by many
whose texts have nothing in common.
"""

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


def read_hubs(source: Path | None = None) -> HubList:
    """The list in a file, by default the one that comes with the package."""
    place = source or files("models.links").joinpath("hubs.yaml")
    entry = read_entry(read_text(place, error=HubError), name=str(place), error=HubError)
    entry.check_keys(KINDS)
    return HubList({kind: _pattern(entry.texts(kind), kind, str(place)) for kind in entry.fields})


def is_crowd(sharing: int, alike_pairs: int) -> bool:
    """Whether statistics call it a hub: many sharing, of whom few write alike."""
    return sharing > MANY and alike_pairs < _ALIKE_SHARE * sharing * (sharing - 1) / 2


def _pattern(words: tuple[str, ...], kind: str, place: str) -> re.Pattern[str]:
    try:
        return re.compile("|".join(f"(?:{word})" for word in words) or r"(?!)", re.IGNORECASE)
    except re.error as error:
        raise HubError(
            f"{place}: {kind}: found a broken pattern, wanted a regular expression"
        ) from error
