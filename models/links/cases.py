"""Cases: what linking knows of one complaint. Identifiers are tokens; the text stays here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from models.assessment import Assessment
from models.links.hubs import HubList
from models.links.identifiers import Identifier, Key, find_identifiers
from models.record import Record

_UNKNOWN = {"", "不详", "未知", "无", "不清楚", "none", "null", "n/a", "-"}
_OPERATOR = frozenset({"operator_summary", "staff_note"})


@dataclass(frozen=True, slots=True)
class Case:
    """One complaint of a file: its record, its assessment and its keyed identifiers."""

    id: str
    record: Record
    assessment: Assessment
    identifiers: tuple[Identifier, ...]
    day: date | None

    @property
    def seller(self) -> str | None:
        """The seller's name where intake has one."""
        name = (self.record.seller or "").strip()
        return None if name.casefold() in _UNKNOWN else name

    @property
    def cause(self) -> str:
        """The primary cause."""
        return self.assessment.root_cause.primary.id

    @property
    def marks(self) -> frozenset[str]:
        """The protective marks found in the text."""
        return frozenset(mark.id for mark in self.assessment.agent.marks)

    @property
    def is_operators(self) -> bool:
        """Whether staff wrote the text, by intake or by its own mark."""
        return self.record.genre in _OPERATOR or "NX_OPERATOR_TEXT" in self.marks

    @property
    def person(self) -> str:
        """Who it is about, as far as the record tells: two cases of one person are no pair."""
        return self.record.policyholder or self.record.policy_no or self.id


def make_cases(
    records: Sequence[Record], assessments: Sequence[Assessment], *, key: Key, hubs: HubList
) -> tuple[Case, ...]:
    """The cases of a file in its order; a record without an id is named by its place, ``#3``."""
    ids = [record.case_id or f"#{place}" for place, record in enumerate(records, start=1)]
    return tuple(
        Case(
            id=id_,
            record=record,
            assessment=assessment,
            identifiers=find_identifiers(record, key=key, hubs=hubs),
            day=day_of(record.received_at),
        )
        for id_, record, assessment in zip(ids, records, assessments, strict=True)
    )


def day_of(received_at: str | None) -> date | None:
    """The day of an ISO 8601 moment (also with slashes); None where it is not one."""
    if received_at is None:
        return None
    try:
        return date.fromisoformat(received_at.strip()[:10].replace("/", "-"))
    except ValueError:
        return None


def days_apart(left: Case, right: Case) -> int | None:
    """Days between two cases, None where a day is unknown."""
    if left.day is None or right.day is None:
        return None
    return abs((left.day - right.day).days)
