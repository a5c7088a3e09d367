"""Kinds of groups: names, what each may mean, what to verify, words, marks and signs; all data.

Read from `kinds.yaml`; which kind a group is of is decided in `explanations`.
"""

import re
from dataclasses import dataclass
from importlib.resources import files

from models.errors import XiaobaoError
from models.strict_yaml import Entry, read_entry, read_text


class KindError(XiaobaoError):
    """The list of kinds cannot be used."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of group; every pattern of ``cues`` must be met, ``against`` must not."""

    id: str
    zh: str
    meaning: str
    verify: tuple[str, ...]
    cues: tuple[re.Pattern[str], ...] = ()
    against: re.Pattern[str] | None = None
    marks: tuple[str, ...] = ()
    links: bool = False

    def speaks_in(self, text: str) -> bool:
        """Whether a text has the words of this kind and none against it."""
        if not self.cues or (self.against is not None and self.against.search(text)):
            return False
        return all(cue.search(text) for cue in self.cues)


@dataclass(frozen=True, slots=True)
class SignRule:
    """A sign that follows where ties of ``sources`` join at least so many persons.

    ``hubs``: ties at an outlet or the like count too, where the texts are alike.
    """

    id: str
    sources: frozenset[str]
    persons: int
    why: str
    days: int | None = None
    cities: int = 0
    hubs: bool = False


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds by id, the words of a seller who helps his former customers, and sign rules."""

    by_id: dict[str, Kind]
    ex_agent: re.Pattern[str]
    signs: tuple[SignRule, ...]


def read_kinds() -> Kinds:
    """The kinds that come with the package."""
    source = files("models.links").joinpath("kinds.yaml")
    text = read_text(source, error=KindError)
    entry = read_entry(text, name="kinds.yaml", error=KindError)
    entry.check_keys(("kinds", "ex_agent", "signs"))
    kinds = (_kind_from(one) for one in entry.entries("kinds"))
    rules = tuple(_sign_rule_from(one) for one in entry.entries("signs"))
    return Kinds({kind.id: kind for kind in kinds}, re.compile(entry.text("ex_agent")), rules)


def _kind_from(entry: Entry) -> Kind:
    entry.check_keys(("id", "zh", "meaning", "verify", "cues", "against", "marks", "links"))
    against = entry.optional_text("against")
    return Kind(
        id=entry.text("id"),
        zh=entry.text("zh"),
        meaning=entry.text("meaning"),
        verify=entry.texts("verify"),
        cues=tuple(re.compile(cue) for cue in entry.texts("cues")),
        against=re.compile(against) if against else None,
        marks=entry.texts("marks"),
        links=entry.flag("links"),
    )


def _sign_rule_from(entry: Entry) -> SignRule:
    entry.check_keys(("id", "sources", "persons", "why", "days", "cities", "hubs"))
    return SignRule(
        id=entry.text("id"),
        sources=frozenset(entry.texts("sources")),
        persons=int(entry.number("persons")),
        why=entry.text("why"),
        days=int(entry.number("days")) if "days" in entry.fields else None,
        cities=int(entry.number("cities")) if "cities" in entry.fields else 0,
        hubs=entry.flag("hubs"),
    )
