"""The worklist: cases found by what a reviewer asks for, counted and paged. Reads only.

Shows the newest version of each case; forgotten ones are left out. Words are looked for in texts
that are kept masked: an encrypted text cannot be searched.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, select

from serving.register.database import read
from serving.register.errors import UnknownCaseError
from serving.register.link_tables import case_groups, linked_cases
from serving.register.register import Register
from serving.register.reviews import Labels, standing_labels
from serving.register.tables import assessments, cases, reviews

Order = Literal["newest", "received", "level"]
ORDERS: tuple[Order, ...] = get_args(Order)
Review = Literal["waiting", "open", "reviewed"]
REVIEWS: tuple[Review, ...] = get_args(Review)

_EXCERPT = 90
_DAY = "____-__-__"

_NEWER = cases.alias("newer")
_NEWEST = ~(
    select(_NEWER.c.id)
    .where(_NEWER.c.case_id == cases.c.case_id, _NEWER.c.version > cases.c.version)
    .exists()
)
_REVIEWED = select(reviews.c.id).where(reviews.c.case_row == cases.c.id).exists()
_FROM = cases.join(assessments, assessments.c.case_row == cases.c.id).outerjoin(
    linked_cases, linked_cases.c.case_row == cases.c.id
)
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
    linked_cases.c.group_row,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; None and empty ask for all.

    ``cause`` is a leaf or a level-1 id; ``since`` and ``until`` are days as YYYY-MM-DD, both
    included. ``waiting``: the machine asks for a person and none has spoken yet; ``open``: none
    has spoken.
    """

    level: str | None = None
    cause: str | None = None
    review: Review | None = None
    since: str | None = None
    until: str | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A case in the list. ``decision`` is the last word of a person, None where nobody spoke."""

    case_id: str
    version: int
    day: str
    stored_at: str
    level: str
    primary_cause: str
    review_needed: bool
    decision: str | None
    grouped: bool
    channel: str | None
    product: str | None
    excerpt: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A part of the cases that were asked for; the counts are of all of them."""

    cases: tuple[ListedCase, ...]
    total: int
    waiting: int
    levels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a case, as a line of its history."""

    version: int
    stored_at: str
    forgotten_at: str | None
    bundle: str
    level: str
    primary_cause: str
    reviews: int


def day_of_case() -> ColumnElement[str]:
    """The day on which a case was received, where intake gave an ISO day, else stored."""
    given = func.replace(func.substr(cases.c.received_at, 1, 10), "/", "-")
    return case((given.like(_DAY), given), else_=func.substr(cases.c.stored_at, 1, 10))


def level_of_case() -> ColumnElement[str]:
    """The level that a case has in its group, or else by its own text."""
    grouped = linked_cases.c.group_row.is_not(None)
    return case((grouped, linked_cases.c.level), else_=assessments.c.level)


def newest_versions() -> ColumnElement[bool]:
    """The condition that a row of ``cases`` is the newest version of its case."""
    return _NEWEST


def find_cases(
    register: Register,
    wanted: Wanted,
    *,
    levels: Sequence[str],
    order: Order = "newest",
    limit: int,
    offset: int = 0,
) -> Found:
    """The cases asked for, from ``offset`` on. ``levels`` are all levels, lowest first."""
    where = and_(*_conditions(wanted))
    query: Select[Any] = (
        select(*_SHOWN, day_of_case().label("day"), level_of_case().label("level"), _last_word())
        .select_from(_FROM)
        .where(where)
        .order_by(*_order(order, levels))
        .limit(limit)
        .offset(offset)
    )
    with read(register.engine) as connection:
        counts = _counts(connection, where)
        rows = connection.execute(query).all()
    found = tuple(_listed(row, register, wanted.words) for row in rows)
    waiting = sum(row.waiting for row in counts)
    return Found(found, sum(r.cases for r in counts), waiting, {r.level: r.cases for r in counts})


def versions_of(register: Register, case_id: str) -> tuple[StoredVersion, ...]:
    """The versions of a case, newest first; empty where there is none."""
    told = (
        select(func.count())
        .where(reviews.c.case_row == cases.c.id)
        .correlate(cases)
        .scalar_subquery()
    )
    columns = (cases.c.version, cases.c.stored_at, cases.c.forgotten_at, assessments.c.bundle)
    query: Select[Any] = (
        select(*columns, level_of_case().label("level"), assessments.c.primary_cause, told)
        .select_from(_FROM)
        .where(cases.c.case_id == case_id)
        .order_by(cases.c.version.desc())
    )
    with read(register.engine) as connection:
        return tuple(StoredVersion(*row) for row in connection.execute(query))


def standing_labels_of(register: Register, case_id: str) -> Labels:
    """The labels of a case that a review would begin with: a person's last, else the machine's.

    Signs that follow from links to other cases are not among them: no text can teach them.
    """
    query = select(cases.c.id).where(cases.c.case_id == case_id, _NEWEST)
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


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    chosen = [_NEWEST, cases.c.forgotten_at.is_(None)]
    if wanted.level is not None:
        chosen.append(level_of_case() == wanted.level)
    if wanted.cause is not None:
        primary = assessments.c.primary_cause
        below = primary.startswith(f"{wanted.cause}.", autoescape=True)
        chosen.append((primary == wanted.cause) | below)
    if wanted.since is not None:
        chosen.append(day_of_case() >= wanted.since)
    if wanted.until is not None:
        chosen.append(day_of_case() <= wanted.until)
    if wanted.words:
        # A ciphertext holds letters too: it must not answer.
        chosen.append(cases.c.text_form == "masked")
        chosen.extend(
            cases.c.text.icontains(word, autoescape=True) for word in wanted.words.split()
        )
    return chosen + _review_conditions(wanted.review)


def _review_conditions(review: Review | None) -> list[ColumnElement[bool]]:
    match review:
        case None:
            return []
        case "reviewed":
            return [_REVIEWED]
        case "open":
            return [~_REVIEWED]
        case "waiting":
            return [~_REVIEWED, assessments.c.review_needed == 1]


def _order(order: Order, levels: Sequence[str]) -> tuple[ColumnElement[Any], ...]:
    newest = cases.c.id.desc()
    match order:
        case "newest":
            return (newest,)
        case "received":
            return (day_of_case().desc(), newest)
        case "level":
            rank = case(
                {id_: rank for rank, id_ in enumerate(levels)}, value=level_of_case(), else_=-1
            )
            return (rank.desc(), day_of_case().desc(), newest)


def _counts(connection: Connection, where: ColumnElement[bool]) -> Sequence[Row[Any]]:
    waits = case((assessments.c.review_needed == 1, case((_REVIEWED, 0), else_=1)), else_=0)
    query = (
        select(
            level_of_case().label("level"),
            func.count().label("cases"),
            func.sum(waits).label("waiting"),
        )
        .select_from(_FROM)
        .where(where)
        .group_by(level_of_case())
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
