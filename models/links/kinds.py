"""Kinds of groups: names, what each may mean, what to verify, words, marks and signs; all data.

Read from `kinds.yaml`; which kind a group is of is decided in `explanations`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from models.errors import XiaobaoError
from models.strict_yaml import Entry, read_entry, read_text


class KindError(XiaobaoError):
    """The list of kinds cannot be used."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of group; every pattern of ``cues`` must be met, ``against`` must not.

    ``roles`` and ``genres`` speak for it like words; with ``by_address`` an address does too.
    """

    id: str
    zh: str
    meaning: str
    verify: tuple[str, ...]
    cues: tuple[re.Pattern[str], ...] = ()
    against: re.Pattern[str] | None = None
    marks: tuple[str, ...] = ()
    links: bool = False
    roles: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()
    by_address: bool = False

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
    """All kinds by id, sign rules, and the words and ids that cases are read for.

    ``seller_left``: a seller who has left or helps his former customers; ``seller_helps``: he
    speaks for them against the house. ``counters``: sources that mean a visit.
    ``agents_demands``: what agents live on.
    """

    by_id: dict[str, Kind]
    signs: tuple[SignRule, ...]
    seller_left: re.Pattern[str]
    seller_helps: re.Pattern[str]
    counters: frozenset[str]
    agents_demands: frozenset[str]

    def speaking(self, text: str, *, role: str | None, address: str | None) -> tuple[str, ...]:
        """Ids of the kinds that a case speaks for by its words, its role or its address."""
        return tuple(
            kind.id
            for kind in self.by_id.values()
            if kind.speaks_in(text)
            or role in kind.roles
            or (kind.by_address and kind.speaks_in(address or ""))
        )

    def speaking_against(self, text: str) -> tuple[str, ...]:
        """Ids of the kinds that a text has words against."""
        return tuple(k.id for k in self.by_id.values() if k.against and k.against.search(text))

    def is_operators(self, genre: str | None, marks: Collection[str]) -> bool:
        """Whether staff wrote the text, by intake or by its own mark."""
        kind = self.by_id["operator_wording"]
        return genre in kind.genres or bool(set(kind.marks) & set(marks))


@cache
def read_kinds() -> Kinds:
    """The kinds that come with the package."""
    source = files("models.links").joinpath("kinds.yaml")
    entry = read_entry(read_text(source, error=KindError), name="kinds.yaml", error=KindError)
    entry.check_keys(("kinds", "seller", "counters", "agents_demands", "signs"))
    kinds = (_kind_from(one) for one in entry.entries("kinds"))
    seller = entry.entry("seller")
    seller.check_keys(("left", "helps"))
    return Kinds(
        by_id={kind.id: kind for kind in kinds},
        signs=tuple(_sign_rule_from(one) for one in entry.entries("signs")),
        seller_left=re.compile(seller.text("left")),
        seller_helps=re.compile(seller.text("helps")),
        counters=frozenset(entry.texts("counters")),
        agents_demands=frozenset(entry.texts("agents_demands")),
    )


def _kind_from(entry: Entry) -> Kind:
    known = ("id", "zh", "meaning", "verify", "cues", "against", "marks", "links")
    entry.check_keys((*known, "roles", "genres", "by_address"))
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
        roles=frozenset(entry.texts("roles")),
        genres=frozenset(entry.texts("genres")),
        by_address=entry.flag("by_address"),
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
