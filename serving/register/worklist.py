"""The worklist: cases found by what a reviewer asks for, counted and paged. Reads only.

What can be asked for, and which cases that means, is in `asked`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, select

from serving.register.accepting import stored_id
from serving.register.asked import (
    FROM,
    REVIEWED,
    CaseFilter,
    Order,
    conditions,
    day_of_case,
    in_order,
    level_of_case,
    newest_versions,
)
from serving.register.database import read
from serving.register.errors import UnknownCaseError
from serving.register.link_tables import case_groups, linked_cases
from serving.register.register import Register
from serving.register.reviews import Labels, standing_labels
from serving.register.tables import assessments, cases, reviews

_EXCERPT = 90
_SHOWN = (
    cases.c.id,
    cases.c.case_id,
    cases.c.version,
    cases.c.stored_at,
    cases.c.channel,
    cases.c.product,
    cases.c.text,
    cases.c.text_form,
    assessments.c.primary_cause,
    assessments.c.review_needed,
    assessments.c.route,
    linked_cases.c.group_row,
)


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A case in the list. ``decision`` is the last word of a person, None where nobody spoke.

    ``route``: where the case goes instead of getting a level.
    """

    case_id: str
    version: int
    day: str
    stored_at: str
    level: str
    route: str | None
    primary_cause: str
    review_needed: bool
    decision: str | None
    grouped: bool
    channel: str | None
    product: str | None
    excerpt: str | None


@dataclass(frozen=True, slots=True)
class FoundCases:
    """A part of the cases that were asked for; the counts are of all of them.

    Who has a route counts there and not among the levels.
    """

    cases: tuple[ListedCase, ...]
    total: int
    waiting: int
    levels: Mapping[str, int]
    routes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a case, as a line of its history; ``route`` as in ``ListedCase``.

    ``own_level``: by its own text, without the cases that it is linked to.
    """

    version: int
    stored_at: str
    forgotten_at: str | None
    bundle: str
    level: str
    own_level: str
    route: str | None
    primary_cause: str
    reviews: int


def find_cases(
    register: Register,
    wanted: CaseFilter,
    *,
    levels: Sequence[str],
    routes: Sequence[str] = (),
    order: Order = "newest",
    limit: int,
    offset: int = 0,
) -> FoundCases:
    """The cases asked for, from ``offset`` on.

    ``levels`` are all levels, lowest first; ``routes`` all routes, most urgent first.
    """
    where = and_(*conditions(wanted))
    query: Select[Any] = (
        select(*_SHOWN, day_of_case().label("day"), level_of_case().label("level"), _last_word())
        .select_from(FROM)
        .where(where)
        .order_by(*in_order(order, levels, routes))
        .limit(limit)
        .offset(offset)
    )
    with read(register.engine) as connection:
        counts = _counts(connection, where)
        rows = connection.execute(query).all()
    found = tuple(_listed(row, register, wanted.words) for row in rows)
    helped: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for row in counts:
        counted, key = (others, row.level) if row.route is None else (helped, row.route)
        counted[key] += row.cases
    total, waiting = sum(row.cases for row in counts), sum(row.waiting for row in counts)
    return FoundCases(found, total, waiting, others, helped)


def versions_of(register: Register, case_id: str) -> tuple[StoredVersion, ...]:
    """The versions of a case, newest first; empty where there is none."""
    told = (
        select(func.count())
        .where(reviews.c.case_row == cases.c.id)
        .correlate(cases)
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(
            cases.c.version,
            cases.c.stored_at,
            cases.c.forgotten_at,
            assessments.c.bundle,
            level_of_case().label("level"),
            assessments.c.level.label("own_level"),
            assessments.c.route,
            assessments.c.primary_cause,
            told,
        )
        .select_from(FROM)
        .where(cases.c.case_id == stored_id(case_id))
        .order_by(cases.c.version.desc())
    )
    with read(register.engine) as connection:
        return tuple(StoredVersion(*row) for row in connection.execute(query))


def standing_labels_of(register: Register, case_id: str) -> Labels:
    """The labels of a case that a review would begin with: a person's last, else the machine's.

    Signs that follow from links to other cases are not among them: no text can teach them.
    """
    query = select(cases.c.id).where(cases.c.case_id == stored_id(case_id), newest_versions())
    with read(register.engine) as connection:
        row = connection.execute(query).scalar_one_or_none()
        if row is None:
            raise UnknownCaseError("case_id: no such case in the register")
        return standing_labels(connection, row)


def group_levels(register: Register, names: Collection[str]) -> Mapping[str, str]:
    """The level of each of these groups; those that are no more are left out."""
    numbers = {name: name.removeprefix("G") for name in names}
    wanted = {int(digits): name for name, digits in numbers.items() if digits.isdecimal()}
    columns = case_groups.c
    query = select(columns.id, columns.level).where(columns.id.in_(wanted))
    with read(register.engine) as connection:
        return {wanted[id_]: level for id_, level in connection.execute(query)}


def _counts(connection: Connection, where: ColumnElement[bool]) -> Sequence[Row[Any]]:
    waits = case((assessments.c.review_needed == 1, case((REVIEWED, 0), else_=1)), else_=0)
    query = (
        select(
            level_of_case().label("level"),
            assessments.c.route,
            func.count().label("cases"),
            func.sum(waits).label("waiting"),
        )
        .select_from(FROM)
        .where(where)
        .group_by(level_of_case(), assessments.c.route)
    )
    return connection.execute(query).all()


def _last_word() -> ColumnElement[str | None]:
    return (
        select(reviews.c.decision)
        .where(reviews.c.case_row == cases.c.id)
        .order_by(reviews.c.id.desc())
        .limit(1)
        .correlate(cases)
        .scalar_subquery()
        .label("decision")
    )


def _listed(row: Row[Any], register: Register, words: str | None) -> ListedCase:
    text = register.masked(row.text, row.text_form)
    return ListedCase(
        case_id=row.case_id,
        version=row.version,
        day=row.day,
        stored_at=row.stored_at,
        level=row.level,
        route=row.route,
        primary_cause=row.primary_cause,
        review_needed=bool(row.review_needed),
        decision=row.decision,
        grouped=row.group_row is not None,
        channel=row.channel,
        product=row.product,
        excerpt=None if text is None else excerpt_of(text, words),
    )


def excerpt_of(text: str, words: str | None) -> str:
    """The beginning of a text on one line, or the stretch around the first word looked for."""
    plain = " ".join(text.split())
    first = (words or "").split()[:1]
    place = plain.lower().find(first[0].lower()) if first else 0
    start = max(place - _EXCERPT // 3, 0)
    end = start + _EXCERPT
    return f"{'…' if start else ''}{plain[start:end]}{'…' if end < len(plain) else ''}"
