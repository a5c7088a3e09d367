"""Protective marks: words that speak for an innocent reading, and what they hold down.

A mark only ever holds down: it hides signs, caps the level, makes signs count for less, or sends
the case to help. Nothing here can raise a level.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.record import GENRES
from models.rules import RuleVocabulary
from models.strict_yaml import Entry

_MARK_KEYS = (
    *("id", "zh", "effect", "cues", "example", "suppresses", "cap", "discount", "no_level"),
    *("route", "genre", "drops_evidence", "agent_below", "sets", "advice_zh"),
)


@dataclass(frozen=True, slots=True)
class Cap:
    """No level above ``level``, unless a sign this strong counts in one of the groups."""

    level: str
    unless_strength: str | None = None
    unless_groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """A protective mark; ``statement`` is its effect in words, the rest the same for the machine.

    ``suppressed`` and ``discounted`` are sign ids, groups resolved; a discounted sign counts as
    ``factor`` of one. ``no_level`` shows nothing at all and sends the case to ``route``. ``genre``
    stands in where intake gave none. With ``drops_evidence`` the words inside the mark prove
    nothing. The mark is believed only where an agent is behind the text with a probability under
    ``agent_below``. ``sets`` is what else follows for the record; ``advice`` is for the reviewer,
    Chinese.
    """

    id: str
    zh: str
    statement: str
    cues: tuple[str, ...] = ()
    example: str = ""
    suppressed: frozenset[str] = frozenset()
    discounted: frozenset[str] = frozenset()
    factor: float = 1.0
    cap: Cap | None = None
    no_level: bool = False
    route: str | None = None
    genre: str | None = None
    drops_evidence: bool = False
    agent_below: float | None = None
    sets: Mapping[str, str] = field(default_factory=dict, hash=False)
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class MarkScope:
    """What marks may name: ids, the group of each sign, routes, and the lowest cap allowed."""

    vocabulary: RuleVocabulary
    group_of: Mapping[str, str]
    routes: tuple[str, ...]
    floor: str


def mark_from(entry: Entry, *, scope: MarkScope) -> Mark:
    """The mark in an entry of a codebook file; raises the entry's error on an unknown id."""
    entry.check_keys(_MARK_KEYS)
    discounted, factor = _discount(entry, scope)
    return Mark(
        id=entry.text("id", wanted="an id"),
        zh=entry.text("zh", wanted="a Chinese name"),
        statement=entry.text("effect"),
        cues=entry.texts("cues"),
        example=entry.optional_text("example") or "",
        suppressed=_suppressed(entry, scope),
        discounted=discounted,
        factor=factor,
        cap=_cap(entry, scope),
        no_level=entry.flag("no_level"),
        route=entry.choice("route", scope.routes) if "route" in entry.fields else None,
        genre=entry.choice("genre", GENRES) if "genre" in entry.fields else None,
        drops_evidence=entry.flag("drops_evidence"),
        agent_below=entry.share("agent_below") if "agent_below" in entry.fields else None,
        sets=entry.text_map("sets"),
        advice=entry.optional_text("advice_zh"),
    )


def _suppressed(entry: Entry, scope: MarkScope) -> frozenset[str]:
    found = entry.optional_entry("suppresses")
    if found is None:
        return frozenset()
    found.check_keys(("all", "signs", "groups"))
    if found.flag("all"):
        return frozenset(scope.group_of)
    groups = found.choices("groups", scope.vocabulary.groups)
    named = found.choices("signs", scope.vocabulary.signs)
    return frozenset(named) | {sign for sign, group in scope.group_of.items() if group in groups}


def _discount(entry: Entry, scope: MarkScope) -> tuple[frozenset[str], float]:
    found = entry.optional_entry("discount")
    if found is None:
        return frozenset(), 1.0
    found.check_keys(("signs", "factor"))
    factor = found.share("factor")
    return frozenset(found.choices("signs", scope.vocabulary.signs)), factor


def _cap(entry: Entry, scope: MarkScope) -> Cap | None:
    found = entry.optional_entry("cap")
    if found is None:
        return None
    found.check_keys(("level", "unless_strength", "unless_groups"))
    levels = scope.vocabulary.levels
    level = found.choice("level", levels[levels.index(scope.floor) :])
    one, other = "unless_strength", "unless_groups"
    if one not in found.fields and other not in found.fields:
        return Cap(level)
    for name in (one, other):
        if name not in found.fields:
            found.refuse(name, found=None, wanted=f"both {one} and {other}, or neither")
    return Cap(
        level=level,
        unless_strength=found.choice("unless_strength", scope.vocabulary.strengths),
        unless_groups=frozenset(found.choices("unless_groups", scope.vocabulary.groups)),
    )
