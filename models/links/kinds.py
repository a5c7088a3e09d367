"""Kinds of groups: names, what each may mean, what to verify, words, marks and signs; all data.

Read from `kinds.yaml`; which kind a group is of is decided in `explanations`, which signs follow
from it in `levels`. Rules of signs stand in `sign_rules`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from models.errors import XiaobaoError
from models.links.sign_rules import RepeatRule, SignRule, repeat_rule_from, sign_rule_from
from models.strict_yaml import Entry, read_entry, read_text


class KindError(XiaobaoError):
    """The list of kinds cannot be used."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of group; every pattern of ``cues`` must be met, ``against`` must not.

    ``roles`` and ``genres`` speak for it like words; with ``by_address`` an address does too.
    ``links`` and ``repeats``: whether signs follow from the group, and from a person's own repeats.
    """

    id: str
    zh: str
    meaning: str
    verify: tuple[str, ...]
    cues: tuple[re.Pattern[str], ...] = ()
    against: re.Pattern[str] | None = None
    marks: tuple[str, ...] = ()
    links: bool = False
    repeats: bool = False
    roles: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()
    by_address: bool = False

    def speaks_in(self, text: str) -> bool:
        """Whether a text has the words of this kind and none against it."""
        if self.against is not None and self.against.search(text):
            return False
        return _all_met(self.cues, text)


@dataclass(frozen=True, slots=True)
class InnocentReading:
    """What a text may say that accounts for a sign; every pattern of ``cues`` must be met."""

    id: str
    cues: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Kinds:
    """All kinds by id, readings, rules of signs, and the words and ids that cases are read for.

    ``seller_left``: a seller who has left or helps his former customers; ``seller_helps``: he
    speaks for them against the house. ``counters``: sources that mean a visit.
    ``agents_demands``: what agents live on.
    """

    by_id: dict[str, Kind]
    readings: tuple[InnocentReading, ...]
    signs: tuple[SignRule, ...]
    repeats: tuple[RepeatRule, ...]
    seller_left: re.Pattern[str]
    seller_helps: re.Pattern[str]
    counters: frozenset[str]
    agents_demands: frozenset[str]

    def speaking(self, text: str, *, role: str | None, address: str | None) -> tuple[str, ...]:
        """Ids of kinds and readings that a case speaks for, by words, its role or its address."""
        spoken = (
            kind.id
            for kind in self.by_id.values()
            if kind.speaks_in(text)
            or role in kind.roles
            or (kind.by_address and kind.speaks_in(address or ""))
        )
        read = (reading.id for reading in self.readings if _all_met(reading.cues, text))
        return (*spoken, *read)

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
    known = ("kinds", "readings", "seller", "counters", "agents_demands", "signs", "repeats")
    entry.check_keys(known)
    kinds = {kind.id: kind for kind in map(_kind_from, entry.entries("kinds"))}
    readings = tuple(map(_reading_from, entry.entries("readings")))
    spoken = (*kinds, *(reading.id for reading in readings))
    seller = entry.entry("seller")
    seller.check_keys(("left", "helps"))
    return Kinds(
        by_id=kinds,
        readings=readings,
        signs=tuple(sign_rule_from(one, spoken=spoken) for one in entry.entries("signs")),
        repeats=tuple(repeat_rule_from(one, spoken=spoken) for one in entry.entries("repeats")),
        seller_left=re.compile(seller.text("left")),
        seller_helps=re.compile(seller.text("helps")),
        counters=frozenset(entry.texts("counters")),
        agents_demands=frozenset(entry.texts("agents_demands")),
    )


def _kind_from(entry: Entry) -> Kind:
    known = ("id", "zh", "meaning", "verify", "cues", "against", "marks", "links")
    entry.check_keys((*known, "repeats", "roles", "genres", "by_address"))
    against = entry.optional_text("against")
    return Kind(
        id=entry.text("id"),
        zh=entry.text("zh"),
        meaning=entry.text("meaning"),
        verify=entry.texts("verify"),
        cues=_cues_of(entry),
        against=re.compile(against) if against else None,
        marks=entry.texts("marks"),
        links=entry.flag("links"),
        repeats=entry.flag("repeats"),
        roles=frozenset(entry.texts("roles")),
        genres=frozenset(entry.texts("genres")),
        by_address=entry.flag("by_address"),
    )


def _reading_from(entry: Entry) -> InnocentReading:
    entry.check_keys(("id", "zh", "cues"))
    return InnocentReading(entry.text("id"), _cues_of(entry))


def _cues_of(entry: Entry) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(cue) for cue in entry.texts("cues"))


def _all_met(cues: tuple[re.Pattern[str], ...], text: str) -> bool:
    return bool(cues) and all(cue.search(text) for cue in cues)
