"""Cases: what linking knows of one complaint, without its text and with no value in clear.

What the text says is read once, into a draft; a case is the draft whose values have got names
(keyed tokens for a file, numbers in an index). A case can be kept as JSON and read again.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self, get_origin, get_type_hints

from models.assessment import Assessment
from models.days import day_of
from models.links.addresses import city_of
from models.links.hubs import HubList
from models.links.identifiers import Identifier, Value, find_values
from models.links.kinds import Kinds
from models.record import Record
from models.text import has_han, normalise

_HEADING = re.compile(r"^[^\S\n]*(?:#+\s*\S.*|\*\*[^*]+\*\*.*|【[^】]{2,20}】)", re.MULTILINE)
_HEADING_WORDS = re.compile(r"【[^】]{2,20}】|(?<!#)#+\s*([^#\n]+)|\*\*([^*]+)\*\*")
# Values that are no identifiers: they join nobody by themselves, but are compared.
_BESIDE = ("seller", "helper", "person", "policy", "surname", "city")
# Of a form of names: masked by who typed it, or a role.
_NO_NAME = re.compile(r"[*×○●某]|先生|女士|小姐")
_ROLES = frozenset({"本人", "客户", "投保人", "被保险人", "被保人", "业务员"})


@dataclass(frozen=True, slots=True)
class Said:
    """What record and assessment say, as far as linking asks; ``number`` orders cases, from 1.

    ``speaks``: kinds of groups and readings that its words, role or address speak for;
    ``against``: kinds that its words speak against. ``seller_left``: the text tells of a seller
    who left or helps. ``source``: a number for where it came in.
    ``headings``: numbers of its headings. ``level`` and ``reasons`` are its own, without a group.
    """

    number: int
    id: str
    day: date | None
    cause: str
    genre: str | None
    signs: tuple[str, ...]
    marks: tuple[str, ...]
    level: str
    reasons: tuple[str, ...]
    speaks: tuple[str, ...]
    against: tuple[str, ...]
    headings: tuple[int, ...]
    source: int | None
    is_operators: bool
    over_counter: bool
    wants_all: bool
    seller_left: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One complaint: what it says, and its values by opaque names.

    ``person`` and ``policy``: who it is about, as far as the record tells. ``helper``: the
    seller, where the text says that he helps the writer.
    ``capped``: so many cases are like it that not all were compared.
    """

    said: Said
    identifiers: tuple[Identifier, ...]
    person: str | None = None
    policy: str | None = None
    seller: str | None = None
    helper: str | None = None
    surname: str | None = None
    city: str | None = None
    capped: bool = False

    @property
    def number(self) -> int:
        """Its place in the order of cases, from 1."""
        return self.said.number

    @property
    def values(self) -> tuple[str, ...]:
        """Names of all its values."""
        beside = (getattr(self, name) for name in _BESIDE)
        return (*(one.token for one in self.identifiers), *filter(None, beside))

    @property
    def shared(self) -> tuple[str, ...]:
        """Names of all that it may have in common with another case worth measuring."""
        return (*(one.token for one in self.identifiers), *filter(None, [self.seller]))

    def as_json(self) -> dict[str, Any]:
        """Plain values from which ``from_json`` makes the same case; what is empty is left out."""
        kept: dict[str, Any] = {n: v for n in _SAID_DEFAULTS if (v := getattr(self.said, n))}
        kept |= {n: v for n in (*_BESIDE, "capped") if (v := getattr(self, n))}
        kept["day"] = self.said.day.toordinal() if self.said.day else None
        kept["identifiers"] = [
            (x.kind, x.token, int(x.hub) + 2 * int(x.personal)) for x in self.identifiers
        ]
        return kept

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """The case that ``as_json`` gave."""
        day = kept.get("day")
        said = {name: kept.get(name, default) for name, default in _SAID_DEFAULTS.items()}
        said = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
        said["day"] = date.fromordinal(day) if day else None
        return cls(
            said=Said(**said),
            identifiers=tuple(
                Identifier(kind, token, bool(flags & 1), bool(flags & 2))
                for kind, token, flags in kept["identifiers"]
            ),
            capped=kept.get("capped", False),
            **{name: kept.get(name) for name in _BESIDE},
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """A case whose values, in clear, have no names yet; never kept."""

    said: Said
    values: tuple[Value, ...]

    def numbered(self, number: int) -> "Draft":
        """The draft of the case that has got this place in the order of cases."""
        return replace(self, said=replace(self.said, number=number))

    def named(self, name: Callable[[Value], str]) -> Case:
        """The case with every value under its name."""
        names = {one.kind: name(one) for one in self.values if one.kind in _BESIDE}
        identifiers = sorted(
            (one.kind, name(one), one.listed, one.personal)
            for one in self.values
            if one.kind not in _BESIDE
        )
        return Case(
            self.said,
            tuple(Identifier(*one) for one in identifiers),
            person=names.get("person"),
            policy=names.get("policy"),
            seller=names.get("seller"),
            helper=names.get("helper"),
            surname=names.get("surname"),
            city=names.get("city"),
        )


def draft_case(
    record: Record,
    assessment: Assessment,
    *,
    id_: str,
    kinds: Kinds,
    hubs: HubList,
    number: int = 0,
) -> Draft:
    """All that linking will ever ask of a record; ``number`` where it is known already."""
    record = record.stated()
    agent, text = assessment.agent, normalise(record.text).text
    seller = record.seller and record.seller.strip()
    said = Said(
        number=number,
        id=id_,
        day=day_of(record.received_at),
        cause=assessment.root_cause.primary.id,
        genre=record.genre,
        signs=tuple(sign.id for sign in agent.signs),
        marks=tuple(mark.id for mark in agent.marks),
        level=agent.level,
        reasons=agent.reasons,
        speaks=kinds.speaking(text, role=record.role, address=record.address),
        against=kinds.speaking_against(text),
        headings=_headings(text),
        source=_source_of(record),
        is_operators=kinds.is_operators(record.genre, [mark.id for mark in agent.marks]),
        over_counter=record.source in kinds.counters,
        wants_all=bool(kinds.agents_demands & set(assessment.facets.demand)),
        seller_left=kinds.seller_left.search(text) is not None,
    )
    helps = seller is not None and kinds.seller_helps.search(text) is not None
    beside = _values_beside(record, seller, helps=helps)
    return Draft(said, (*find_values(record, hubs=hubs), *beside))


def days_apart(left: Case, right: Case) -> int | None:
    """Days between two cases, None where a day is unknown."""
    one, two = left.said.day, right.said.day
    return None if one is None or two is None else abs((one - two).days)


def _values_beside(record: Record, seller: str | None, *, helps: bool) -> Iterator[Value]:
    name = re.sub(r"\s", "", normalise(record.policyholder or "").text)
    policy = re.sub(r"[\s-]", "", normalise(record.policy_no or "").text).casefold()
    found = {
        "seller": seller,
        "helper": seller if helps else None,
        "person": None if name in _ROLES or _NO_NAME.search(name) else name,
        "policy": None if "*" in policy else policy,
        "surname": _surname(name),
        "city": city_of(record.address),
    }
    return (Value(kind, value) for kind, value in found.items() if value)


def _surname(name: str) -> str | None:
    """The first character of a name, of a masked one too; None for a role."""
    first = name[:1]
    return first if has_han(first) and name not in _ROLES else None


def _source_of(record: Record) -> int | None:
    """A number: a source is only compared, and nobody knows what a foreign file puts there."""
    if record.source is None:
        return None
    return zlib.crc32(record.source.strip().casefold().encode("utf-8", "replace"))


def _headings(text: str) -> tuple[int, ...]:
    found = (_HEADING_WORDS.search(line) for line in _HEADING.findall(text))
    words = {re.sub(r"[\s#*【】]", "", match[0]) for match in found if match}
    return tuple(sorted(zlib.crc32(one.encode()) for one in words))


# What a value means that ``as_json`` left out.
_SAID_DEFAULTS: dict[str, Any] = {
    name: () if get_origin(kind) is tuple else False if kind is bool else None
    for name, kind in get_type_hints(Said).items()
}
