"""What a reviewer asks for, as conditions and orders over cases; nothing is read here.

The newest version of each case counts; forgotten ones are left out. Words are looked for in texts
that are kept masked: an encrypted text cannot be searched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, case, func, literal, select

from serving.register.link_tables import linked_cases
from serving.register.storable import storable
from serving.register.tables import assessments, cases, reviews

Order = Literal["newest", "received", "level"]
ORDERS: tuple[Order, ...] = get_args(Order)
Review = Literal["waiting", "open", "reviewed"]
REVIEWS: tuple[Review, ...] = get_args(Review)

_NEWER = cases.alias("newer")
_NEWEST = ~(
    select(_NEWER.c.id)
    .where(_NEWER.c.case_id == cases.c.case_id, _NEWER.c.version > cases.c.version)
    .exists()
)
REVIEWED = select(reviews.c.id).where(reviews.c.case_row == cases.c.id).exists()
FROM = cases.join(assessments, assessments.c.case_row == cases.c.id).outerjoin(
    linked_cases, linked_cases.c.case_row == cases.c.id
)


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What is asked for; None and empty ask for all.

    Who has a route has no level: a ``level`` leaves out those who need help first.

    ``causes``: ids of leaves, any of them; ``since`` and ``until`` are days as YYYY-MM-DD, both
    included. ``waiting``: the machine asks for a person and none has spoken yet; ``open``: none
    has spoken.
    """

    level: str | None = None
    route: str | None = None
    causes: tuple[str, ...] = ()
    review: Review | None = None
    since: str | None = None
    until: str | None = None
    words: str | None = None


def day_of_case() -> ColumnElement[str]:
    """The day on which a case was received, where intake gave one that can be read, else stored."""
    return func.coalesce(cases.c.day, func.substr(cases.c.stored_at, 1, 10))


def level_of_case() -> ColumnElement[str]:
    """The level that a case has in its group, or else by its own text."""
    grouped = linked_cases.c.group_row.is_not(None)
    return case((grouped, linked_cases.c.level), else_=assessments.c.level)


def newest_versions() -> ColumnElement[bool]:
    """The condition that a row of ``cases`` is the newest version of its case."""
    return _NEWEST


def conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    """What a case must fulfil to be among those asked for; without it, none is shown."""
    chosen = [_NEWEST, cases.c.forgotten_at.is_(None)]
    if wanted.level is not None:
        chosen += [level_of_case() == wanted.level, assessments.c.route.is_(None)]
    if wanted.route is not None:
        chosen.append(assessments.c.route == wanted.route)
    if wanted.causes:
        chosen.append(assessments.c.primary_cause.in_(wanted.causes))
    if wanted.since is not None:
        chosen.append(day_of_case() >= wanted.since)
    if wanted.until is not None:
        chosen.append(day_of_case() <= wanted.until)
    if wanted.words:
        # A ciphertext holds letters too: it must not answer.
        chosen.append(cases.c.text_form == "masked")
        chosen.extend(
            cases.c.text.icontains(word, autoescape=True) for word in storable(wanted.words).split()
        )
    return chosen + _review_conditions(wanted.review)


def _review_conditions(review: Review | None) -> list[ColumnElement[bool]]:
    match review:
        case None:
            return []
        case "reviewed":
            return [REVIEWED]
        case "open":
            return [~REVIEWED]
        case "waiting":
            return [~REVIEWED, assessments.c.review_needed == 1]


def in_order(
    order: Order, levels: Sequence[str], routes: Sequence[str]
) -> tuple[ColumnElement[Any], ...]:
    """What cases are sorted by; ``levels`` lowest first, ``routes`` most urgent first.

    The order by level says who to look at first: before any level come those who need help, who
    have the lowest level of all.
    """
    newest = cases.c.id.desc()
    match order:
        case "newest":
            return (newest,)
        case "received":
            return (day_of_case().desc(), newest)
        case "level":
            route, last = assessments.c.route, len(routes)
            urgency = _place(route, routes, unknown=last)
            helped = case((route.is_(None), last + 1), else_=urgency)
            rank = _place(level_of_case(), levels, unknown=-1)
            return (helped, rank.desc(), day_of_case().desc(), newest)


def _place(value: ColumnElement[Any], ids: Sequence[str], *, unknown: int) -> ColumnElement[int]:
    """The place of an id among these, ``unknown`` for another one."""
    places = {id_: place for place, id_ in enumerate(ids)}
    return case(places, value=value, else_=unknown) if places else literal(unknown)
