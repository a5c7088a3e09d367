"""Rows of links as they are read, and nothing that decides. Writing is in `link_writes`.

All reads are by key and bounded by what the tables may hold at one key; lists go in portions, for
databases take only so many parameters.
"""

import json
import struct
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, select

from models.links.cases import Case
from models.links.hubs import Sharing
from models.links.likeness import Likeness, Pair
from serving.register.link_tables import (
    aliases,
    arrivals,
    case_groups,
    fingerprints,
    handles,
    holdings,
    link_state,
    linked_cases,
    pairs,
    postings,
)

_PORTION = 2_000
NOBODY = Sharing(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Handle:
    """A value by the number that stands for it, with its counts."""

    id: int
    kind: str
    key_id: str
    sharing: Sharing = NOBODY


@dataclass(frozen=True, slots=True)
class Kept:
    """A case as it is kept: what linking knows of it, its group and its level there."""

    case: Case
    group: int | None
    level: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group as it is kept."""

    id: int
    kind: str
    size: int
    oldest: int
    newest: int
    level: str
    why: str


def read_state(connection: Connection) -> dict[str, int]:
    """The few numbers about the whole; none for an empty index."""
    rows = connection.exec_driver_sql(f"SELECT name, value FROM {link_state.name}").all()
    return {row.name: row.value for row in rows}


def with_defaults(state: Mapping[str, int]) -> dict[str, int]:
    """The numbers to change, 0 where there is none yet."""
    names = ("cases", "step", "group", "first_day", "last_day", "settled", "unsettled")
    return {**dict.fromkeys(names, 0), **state}


def read_cases(connection: Connection, numbers: Collection[int]) -> dict[int, Kept]:
    """Linked cases by number; those that are not linked are left out."""
    rows = _at(connection, linked_cases.c.case_row, numbers)
    return {row.case_row: _kept(row) for row in rows}


def read_members(connection: Connection, groups: Collection[int]) -> dict[int, Kept]:
    """The cases of these groups by number."""
    rows = _at(connection, linked_cases.c.group_row, groups)
    return {row.case_row: _kept(row) for row in rows}


def read_groups(connection: Connection, groups: Collection[int]) -> dict[int, GroupRow]:
    """These groups by id."""
    rows = _at(connection, case_groups.c.id, groups)
    return {row.id: GroupRow(*row) for row in rows}


def read_groups_from(connection: Connection, after: int, until: int, *, most: int) -> list[int]:
    """Ids of groups after one and up to another, in order, at most so many."""
    columns = case_groups.c
    query = select(columns.id).where(columns.id > after, columns.id <= until)
    return list(connection.execute(query.order_by(columns.id).limit(most)).scalars())


def read_fingerprints(connection: Connection, numbers: Collection[int]) -> dict[int, bytes]:
    """What is kept of the texts of these cases, sealed."""
    rows = _at(connection, fingerprints.c.case_row, numbers)
    return {row.case_row: row.grams for row in rows}


def read_postings(connection: Connection, keys: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The cases at each of these keys, first to last."""
    rows = _at(connection, postings.c.key, keys)
    return {key: struct.unpack(f"<{len(cases) // 8}q", cases) for key, cases in rows}


def read_aliases(connection: Connection, tokens: Collection[int]) -> dict[int, int]:
    """Handles of values whose tokens were made with later keys."""
    rows = _at(connection, aliases.c.token, tokens)
    return {row.token: row.handle for row in rows}


def read_handles(connection: Connection, ids: Collection[int]) -> dict[int, Handle]:
    """These values with their counts."""
    rows = _at(connection, handles.c.id, ids)
    return {row[0]: Handle(row[0], row[1], row[2], Sharing(*row[3:])) for row in rows}


def read_causes_of(connection: Connection, numbers: Collection[int]) -> dict[int, str]:
    """The causes of these cases, where nothing else of them is asked."""
    found: dict[int, str] = {}
    for portion in portions(sorted(numbers)):
        statement = f"SELECT case_row, cause FROM {linked_cases.name} WHERE case_row IN "
        found |= dict(connection.exec_driver_sql(f"{statement}({_listed(portion)})").all())
    return found


def read_held(
    connection: Connection, ids: Collection[int], numbers: Collection[int]
) -> dict[int, set[int]]:
    """Which of these values each of these cases has, however many others have them."""
    found: dict[int, set[int]] = defaultdict(set)
    for portion in portions(sorted(numbers)) if ids else ():
        statement = f"SELECT handle, case_row FROM {holdings.name} WHERE handle IN "
        where = f"({_listed(sorted(ids))}) AND case_row IN ({_listed(portion)})"
        for handle, number in connection.exec_driver_sql(statement + where).all():
            found[number].add(handle)
    return found


def read_holders(connection: Connection, ids: Collection[int]) -> dict[int, list[int]]:
    """The cases of each of these values; ask only for those that few enough have."""
    found: dict[int, list[int]] = defaultdict(list)
    for row in _at(connection, holdings.c.handle, ids):
        found[row[0]].append(row[1])
    for numbers in found.values():
        numbers.sort()
    return found


def read_pairs(connection: Connection, numbers: Collection[int]) -> dict[Pair, Likeness]:
    """Kept pairs in which one of these cases is."""
    names = ", ".join(pairs.c.keys())
    found: dict[Pair, Likeness] = {}
    for portion in portions(sorted(numbers)):
        listed = _listed(portion)
        statement = " UNION ALL ".join(
            f"SELECT {names} FROM {pairs.name} WHERE {column} IN ({listed})"
            for column in ("low", "high")
        )
        for low, high, retold, copied, clauses in connection.exec_driver_sql(statement).all():
            found[low, high] = Likeness(copied, retold, clauses)
    return found


def read_arrivals(
    connection: Connection, causes: Collection[str], *, days: Sequence[tuple[int, int]] = ()
) -> dict[str, dict[int, int]]:
    """How many cases came on which day, by cause or branch; on all days or on those between."""
    found: dict[str, dict[int, int]] = {cause: {} for cause in causes}
    between = " OR ".join(f"day BETWEEN {int(first)} AND {int(last)}" for first, last in days)
    for portion in portions(sorted(causes)):
        marks = ", ".join(mark_of(connection) for _ in portion)
        statement = f"SELECT cause, day, cases FROM {arrivals.name} WHERE cause IN ({marks})"
        statement += f" AND ({between})" if days else ""
        for cause, day, count in connection.exec_driver_sql(statement, tuple(portion)).all():
            found[cause][day] = count
    return found


def read_causes(connection: Connection) -> set[str]:
    """All causes and branches of which a day is known."""
    return set(connection.execute(select(arrivals.c.cause).distinct()).scalars())


def read_arrived(
    connection: Connection, causes: Collection[str], days: tuple[int, int], *, most: int
) -> list[int]:
    """Numbers of the cases of these causes between two days, at most so many and one more."""
    columns = linked_cases.c
    query = (
        select(columns.case_row)
        .where(columns.cause.in_(causes), columns.day.between(*days))
        .limit(most + 1)
    )
    return list(connection.execute(query).scalars())


def _at(
    connection: Connection, column: Column[Any], wanted: Collection[int]
) -> list[Row[*tuple[Any, ...]]]:
    """Rows of the column's table where it is one of these numbers.

    Numbers go into the statement as they are: a bound parameter for each would cost more than the
    row.
    """
    names = ", ".join(column.table.c.keys())
    statement = f"SELECT {names} FROM {column.table.name} WHERE {column.name} IN "
    # At once: row by row, the driver is asked a thousand times for one case.
    found = (
        connection.exec_driver_sql(f"{statement}({_listed(portion)})").all()
        for portion in portions(sorted(wanted))
    )
    return [row for rows in found for row in rows]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(int(number)) for number in numbers)


def mark_of(connection: Connection) -> str:
    """What stands for a parameter in a statement that goes straight to the driver."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def portions(wanted: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The list in parts that a statement can take."""
    for at in range(0, len(wanted), _PORTION):
        yield wanted[at : at + _PORTION]


def _kept(row: Row[*tuple[Any, ...]]) -> Kept:
    return Kept(Case.from_json(json.loads(row.facts)), row.group_row, row.level)
