"""Rules of the signs that follow from other cases, as data: counts, times, who is left out.

Read from `kinds.yaml`; whether one holds is decided in `levels` and `repeats`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from models.strict_yaml import Entry


@dataclass(frozen=True, slots=True)
class SignRule:
    """A sign that follows where ties of ``sources`` join at least so many persons.

    ``hubs``: ties at an outlet or the like count too, where the texts are alike. ``near``: what
    ``Likeness.retold`` must reach where texts tie. ``leaves_out``: who speaks for one of these is
    not counted; ``own_words``: nor who speaks through staff.
    """

    id: str
    sources: frozenset[str]
    persons: int
    why: str
    days: int | None = None
    cities: int = 0
    hubs: bool = False
    near: float = 0
    own_words: bool = False
    leaves_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """A sign of the ``times``-th case of one person on one cause within ``days``, with nothing new.

    ``near``: what ``Likeness.retold`` must reach; ``spread``: of the days between two cases,
    divided by their mean, the most that is a rhythm; ``channels``: so many sources instead of a
    rhythm. ``held_by`` and ``held_by_marks``: readings and marks with which no sign follows.
    """

    id: str
    times: int
    days: int
    near: float
    spread: float
    channels: int
    why: str
    leaves_out: frozenset[str] = frozenset()
    held_by: frozenset[str] = frozenset()
    held_by_marks: frozenset[str] = frozenset()


def sign_rule_from(entry: Entry, *, spoken: Collection[str]) -> SignRule:
    """The rule of an entry; ``spoken``: ids of the kinds and readings that there are."""
    known = ("id", "sources", "persons", "why", "days", "cities", "hubs", "near", "own_words")
    entry.check_keys((*known, "leaves_out"))
    return SignRule(
        id=entry.text("id"),
        sources=frozenset(entry.texts("sources")),
        persons=int(entry.number("persons")),
        why=entry.text("why"),
        days=int(entry.number("days")) if "days" in entry.fields else None,
        cities=int(entry.number("cities")) if "cities" in entry.fields else 0,
        hubs=entry.flag("hubs"),
        near=entry.number("near") if "near" in entry.fields else 0,
        own_words=entry.flag("own_words"),
        leaves_out=frozenset(entry.choices("leaves_out", spoken)),
    )


def repeat_rule_from(entry: Entry, *, spoken: Collection[str]) -> RepeatRule:
    """The rule of an entry; ``spoken``: ids of the kinds and readings that there are."""
    known = ("id", "times", "days", "near", "spread", "channels", "why", "leaves_out")
    entry.check_keys((*known, "held_by", "held_by_marks"))
    return RepeatRule(
        id=entry.text("id"),
        times=int(entry.number("times", above=1)),
        days=int(entry.number("days")),
        near=entry.number("near"),
        spread=entry.number("spread"),
        channels=int(entry.number("channels")),
        why=entry.text("why"),
        leaves_out=frozenset(entry.choices("leaves_out", spoken)),
        held_by=frozenset(entry.choices("held_by", spoken)),
        held_by_marks=frozenset(entry.texts("held_by_marks")),
    )
