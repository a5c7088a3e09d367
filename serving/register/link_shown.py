"""Groups as they are told when they are asked for: members, links with reasons, what to verify.

Reasons follow from what is kept and are never stored. Members are shown without text, name or
number. Reads only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from models.assessment import Link, Related
from models.links.cases import Case
from models.links.grouping import strongest
from models.links.kinds import Kinds
from models.links.ties import Tie, find_ties
from serving.register import link_rows as rows
from serving.register.asked import day_of_case
from serving.register.grouped import GroupDetail, GroupLink, GroupMember, GroupSummary
from serving.register.link_region import LARGE, read_around, read_inside, read_region
from serving.register.link_rows import GroupRow
from serving.register.link_tables import case_groups, linked_cases
from serving.register.tables import assessments, cases

_MOST_LINKS = 100  # of one case
_MOST_MEMBERS = 500  # shown of one group


@dataclass(frozen=True, slots=True)
class Whole:
    """A group with its cases and all ties between them."""

    group: GroupRow
    cases: Mapping[int, Case]
    ties: Sequence[Tie]


def related(connection: Connection, number: int) -> Related:
    """What a case is linked to: the strongest tie of each kind to other cases of its group."""
    whole = read_whole(connection, number)
    if whole is None:
        return Related()
    return related_by(whole.ties, number, group=whole.group, cases=whole.cases)


def related_by(
    ties: Sequence[Tie], number: int, *, group: GroupRow, cases: Mapping[int, Case]
) -> Related:
    """The same, by all ties of its group."""
    shown = strongest(tie for tie in ties if number in (tie.left, tie.right))
    first = sorted(shown, key=lambda tie: -tie.score)[:_MOST_LINKS]
    found = sorted((tie.left + tie.right - number, tie.kind, tie) for tie in first)
    links = tuple(Link(cases[n].said.id, kind, tie.score, tie.why) for n, kind, tie in found)
    return Related(_name(group.id), group.size, links)


def summaries(
    connection: Connection,
    kinds: Kinds,
    *,
    limit: int,
    offset: int,
    kind: str | None,
) -> list[GroupSummary]:
    """Groups, the one with the newest case first; none of a kind that the rules do not know."""
    if kind is not None and kind not in kinds.by_id:
        return []  # nor is it shown to a database, which may not take its characters
    query = _with_moments().order_by(case_groups.c.newest.desc(), case_groups.c.id)
    if kind is not None:
        query = query.where(case_groups.c.kind == kind)
    found = connection.execute(query.limit(limit).offset(offset))
    return [_summary(GroupRow(*row[:-2]), row[-2], row[-1], kinds) for row in found]


def detail(connection: Connection, name: str, kinds: Kinds) -> GroupDetail | None:
    """A group in full, None where there is none of this name."""
    number = _number(name)
    query = _with_moments().where(case_groups.c.id == number)
    row = None if number is None else connection.execute(query).first()
    if number is None or row is None:
        return None
    whole = _whole(connection, number, None)
    links = tuple(
        GroupLink(
            (whole.cases[tie.left].said.id, whole.cases[tie.right].said.id),
            tie.kind,
            tie.score,
            tie.why,
        )
        for tie in strongest(whole.ties)
    )
    summary = _summary(whole.group, row[-2], row[-1], kinds)
    verify = kinds.by_id[whole.group.kind].verify
    return GroupDetail(summary, _members(connection, number), links, verify)


def read_whole(connection: Connection, number: int) -> Whole | None:
    """The group of a case with its ties, None where it has none."""
    kept = rows.read_cases(connection, [number]).get(number)
    return None if kept is None or kept.group is None else _whole(connection, kept.group, number)


def _whole(connection: Connection, group: int, number: int | None) -> Whole:
    """The cases of a group and all ties between them; of a large one those near the case."""
    row = rows.read_groups(connection, [group])[group]
    state = rows.with_defaults(rows.read_state(connection))
    if row.size > LARGE:
        region = read_region(connection, [number or row.oldest], state=state)
        inside = {n: kept for n, kept in region.cases.items() if kept.group == group}
    else:
        inside = rows.read_members(connection, [group])
    region = read_inside(connection, inside, state=state)
    cases_ = {n: kept.case for n, kept in sorted(inside.items())}
    around = read_around(connection, region, state=state)
    return Whole(row, cases_, find_ties(list(cases_.values()), region.likeness, around))


def _with_moments() -> Select[*tuple[Any, ...]]:
    first, last = cases.alias("first"), cases.alias("last")
    return (
        select(case_groups, first.c.stored_at.label("since"), last.c.stored_at.label("until"))
        .join(first, first.c.id == case_groups.c.oldest)
        .join(last, last.c.id == case_groups.c.newest)
    )


def _members(connection: Connection, group: int) -> tuple[GroupMember, ...]:
    query = (
        select(
            cases.c.case_id,
            cases.c.stored_at,
            cases.c.received_at,
            day_of_case().label("day"),
            linked_cases.c.level,
            assessments.c.route,
            linked_cases.c.cause,
        )
        .join(cases, cases.c.id == linked_cases.c.case_row)
        .join(assessments, assessments.c.case_row == cases.c.id)
        .where(linked_cases.c.group_row == group)
        .order_by(cases.c.id)
        .limit(_MOST_MEMBERS)
    )
    return tuple(GroupMember(*row) for row in connection.execute(query))


def _summary(group: GroupRow, since: str, until: str, kinds: Kinds) -> GroupSummary:
    kind = kinds.by_id[group.kind]
    return GroupSummary(
        id=_name(group.id),
        kind=kind.id,
        name=kind.zh,
        meaning=kind.meaning,
        size=group.size,
        since=since,
        until=until,
        why=tuple(json.loads(group.why)),
    )


def _name(group: int) -> str:
    return f"G{group:06d}"


def _number(name: str) -> int | None:
    digits = name.removeprefix("G")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
