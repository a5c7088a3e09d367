"""Reading: the cases of some months from the register, as far as a report may know them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from serving.register.asked import day_of_case, level_of_case, newest_versions
from serving.register.database import read
from serving.register.link_tables import case_groups, linked_cases
from serving.register.register import Register
from serving.register.tables import assessments, cases, reviews
from serving.reports.month import Month


@dataclass(frozen=True, slots=True)
class ReportedCase:
    """A case without text, id or person. ``said`` is the machine's primary cause.

    ``cause`` is the one that stands: a person's, else the machine's; None where a person rejected
    the answer and named no other. ``decision`` is a person's last word. ``route``: where the case
    goes instead of getting a level.
    """

    month: Month
    cause: str | None
    said: str
    level: str
    route: str | None
    needed: bool
    decision: str | None
    group: int | None
    group_kind: str | None
    attributes: Mapping[str, str | None]


ATTRIBUTES = ("channel", "product", "source")


def read_reported(register: Register, first: Month, last: Month) -> tuple[ReportedCase, ...]:
    """The newest versions of the cases that came from one month to another, both included.

    Forgotten cases count with what is left of them: an erasure takes the day of receipt too, so
    that they count when they were stored.
    """
    day = day_of_case().label("day")
    held = [cases.c[name] for name in ATTRIBUTES]
    query = (
        select(cases.c.id, day, level_of_case().label("level"), *held)
        .add_columns(assessments.c.primary_cause, assessments.c.review_needed, assessments.c.route)
        .add_columns(linked_cases.c.group_row, case_groups.c.kind)
        .select_from(
            cases.join(assessments, assessments.c.case_row == cases.c.id)
            .outerjoin(linked_cases, linked_cases.c.case_row == cases.c.id)
            .outerjoin(case_groups, case_groups.c.id == linked_cases.c.group_row)
        )
        .where(newest_versions(), day >= first.first_day, day < last.before(-1).first_day)
    )
    with read(register.engine) as connection:
        told = _last_words(connection)
        rows = connection.execute(query).all()
    return tuple(
        ReportedCase(
            month=Month.parse(row.day[:7]),
            cause=told[row.id][1] if row.id in told else row.primary_cause,
            said=row.primary_cause,
            level=row.level,
            route=row.route,
            needed=bool(row.review_needed),
            decision=told[row.id][0] if row.id in told else None,
            group=row.group_row,
            group_kind=row.kind,
            attributes={name: getattr(row, name) for name in ATTRIBUTES},
        )
        for row in rows
    )


def _last_words(connection: Connection) -> dict[int, tuple[str, str | None]]:
    """By case: the last decision, and the primary cause that it leaves standing."""
    query = select(reviews.c.case_row, reviews.c.decision, reviews.c.after).order_by(reviews.c.id)
    return {
        row.case_row: (row.decision, json.loads(row.after)["primary"] if row.after else None)
        for row in connection.execute(query)
    }
