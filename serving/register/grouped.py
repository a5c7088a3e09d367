"""Groups as the register shows them: what joins cases, and what to verify. No word of any case."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A group in a list. ``kind`` is an id of `kinds.yaml`, ``name`` and ``meaning`` its words.

    ``since`` and ``until`` are the moments at which its first and last case were stored.
    """

    id: str
    kind: str
    name: str
    meaning: str
    size: int
    since: str
    until: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A case of a group: its id, when it came, its level and cause.

    ``day``: on which it was received, where that can be read, else stored.
    ``route``: where the case goes instead of getting a level.
    """

    case_id: str
    stored_at: str
    received_at: str | None
    day: str
    level: str
    route: str | None
    primary_cause: str


@dataclass(frozen=True, slots=True)
class GroupLink:
    """What joins two members: kind, strength 0-1 and reason; no value of an identifier."""

    case_ids: tuple[str, str]
    kind: str
    score: float
    why: str


@dataclass(frozen=True, slots=True)
class GroupDetail:
    """A group in full: members in order of their arrival, what joins them, what to verify."""

    summary: GroupSummary
    members: tuple[GroupMember, ...]
    links: tuple[GroupLink, ...]
    verify: tuple[str, ...]

    @property
    def timeline(self) -> tuple[tuple[str, int], ...]:
        """How many members came on each day, first to last."""
        days = Counter(member.day for member in self.members)
        return tuple(sorted(days.items()))
