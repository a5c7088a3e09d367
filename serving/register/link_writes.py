"""Rows of links as they are written, and nothing that decides. Reading is in `link_rows`.

Writers hold the register's lock, so a row that was read stands until it is written.
"""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, or_, select, update

from models.links.cases import Case
from models.links.hubs import Sharing
from models.links.likeness import Likeness, Pair
from serving.register.link_rows import GroupRow, Handle, mark_of, portions
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
from serving.register.stored_json import dumped

_GROUP = tuple(GroupRow.__dataclass_fields__)


def write_state(
    connection: Connection, before: Mapping[str, int], after: Mapping[str, int]
) -> None:
    """Write the numbers that have changed."""
    rows = [{"name": n, "value": value} for n, value in after.items() if before.get(n) != value]
    _add(connection, link_state, [row for row in rows if row["name"] not in before])
    _change(connection, link_state, [row for row in rows if row["name"] in before], by=("name",))


def add_cases(connection: Connection, cases: Iterable[Case], prints: Mapping[int, bytes]) -> None:
    """Add cases without a group, with what is kept of their texts, sealed."""
    rows = [
        {
            "case_row": case.number,
            "cause": case.said.cause,
            "day": case.said.day.toordinal() if case.said.day else None,
            "facts": dumped(case.as_json()),
            "group_row": None,
            "level": case.said.level,
        }
        for case in cases
    ]
    _add(connection, linked_cases, rows)
    grams = [{"case_row": number, "grams": kept} for number, kept in prints.items()]
    _add(connection, fingerprints, grams)


def save_postings(connection: Connection, changed: Mapping[int, Sequence[int]]) -> None:
    """Write the cases at these keys, in order of the keys; a key without cases goes."""
    gone = sorted(key for key, numbers in changed.items() if not numbers)
    for portion in portions(gone):
        connection.execute(delete(postings).where(postings.c.key.in_(portion)))
    rows = [
        (key, struct.pack(f"<{len(numbers)}q", *numbers))
        for key, numbers in sorted(changed.items())
        if numbers
    ]
    _add_rows(connection, postings, rows, upsert_by="key")


def save_handles(
    connection: Connection, before: Mapping[int, Handle], after: Mapping[int, Handle]
) -> None:
    """Write the values that are new or whose counts have changed; those of no case go."""
    rows = {id_: _handle_row(one) for id_, one in after.items()}
    new = [row for id_, row in sorted(rows.items()) if id_ not in before]
    _add(connection, handles, new)
    gone = [id_ for id_ in before if after[id_].sharing.cases <= 0]
    changed = [
        _without(row, "kind")
        for id_, row in rows.items()
        if id_ in before and before[id_] != after[id_] and id_ not in gone
    ]
    _change(connection, handles, changed, by=("id",))
    for portion in portions(gone):
        connection.execute(delete(handles).where(handles.c.id.in_(portion)))
        connection.execute(delete(aliases).where(aliases.c.handle.in_(portion)))


def add_aliases(connection: Connection, new: Mapping[int, int], *, key_id: str) -> None:
    """Name values under a later key: token to handle."""
    rows = [{"token": t, "handle": handle, "key_id": key_id} for t, handle in new.items()]
    _add(connection, aliases, rows)


def add_holdings(connection: Connection, held: Iterable[tuple[int, int]]) -> None:
    """Say which cases have which values."""
    _add_rows(connection, holdings, sorted(held))


def add_pairs(connection: Connection, found: Mapping[Pair, Likeness]) -> None:
    """Keep measured pairs."""
    rows = [
        {
            "low": low,
            "high": high,
            "retold": one.retold,
            "copied": one.copied,
            "clauses": min(one.clauses, 32_767),
        }
        for (low, high), one in sorted(found.items())
    ]
    _add(connection, pairs, rows)


def save_arrivals(
    connection: Connection,
    before: Mapping[str, Mapping[int, int]],
    after: Mapping[str, Mapping[int, int]],
) -> None:
    """Write the counts of ``after`` that are new or changed."""
    changed = [
        {"cause": cause, "day": day, "cases": count}
        for cause, counts in after.items()
        for day, count in counts.items()
        if before[cause].get(day) != count
    ]
    known = {(cause, day) for cause, counts in before.items() for day in counts}
    new = [row for row in changed if (row["cause"], row["day"]) not in known]
    old = [row for row in changed if (row["cause"], row["day"]) in known]
    _add(connection, arrivals, new)
    _change(connection, arrivals, old, by=("cause", "day"))


def place_cases(connection: Connection, places: Mapping[int, tuple[int | None, str]]) -> None:
    """Put cases into groups at levels: number to group and level."""
    rows = [
        {"case_row": number, "group_row": group, "level": level}
        for number, (group, level) in places.items()
    ]
    _change(connection, linked_cases, rows, by=("case_row",))


def move_group(connection: Connection, group: int, *, into: int) -> None:
    """Put all cases of one group into another."""
    connection.execute(
        update(linked_cases).where(linked_cases.c.group_row == group).values(group_row=into)
    )


def save_groups(
    connection: Connection, before: Mapping[int, GroupRow], after: Mapping[int, GroupRow]
) -> None:
    """Write the groups that are new or changed; those of ``before`` that are no more go."""
    rows = {id_: {name: getattr(one, name) for name in _GROUP} for id_, one in after.items()}
    _add(connection, case_groups, [row for id_, row in rows.items() if id_ not in before])
    changed = [row for id_, row in rows.items() if id_ in before and before[id_] != after[id_]]
    _change(connection, case_groups, changed, by=("id",))
    for portion in portions([id_ for id_ in before if id_ not in after]):
        connection.execute(delete(case_groups).where(case_groups.c.id.in_(portion)))


def delete_case(connection: Connection, number: int, *, held: Collection[int]) -> None:
    """Delete all rows of a case: facts, fingerprint, values, pairs."""
    connection.execute(delete(linked_cases).where(linked_cases.c.case_row == number))
    connection.execute(delete(fingerprints).where(fingerprints.c.case_row == number))
    connection.execute(delete(pairs).where(or_(pairs.c.low == number, pairs.c.high == number)))
    for portion in portions(list(held)):
        here = holdings.c.handle.in_(portion) & (holdings.c.case_row == number)
        connection.execute(delete(holdings).where(here))


def retire_keys(connection: Connection, key_ids: Sequence[str]) -> None:
    """Delete the tokens that these keys made; a value that a later key knows too stays."""
    connection.execute(delete(aliases).where(aliases.c.key_id.in_(key_ids)))
    known = select(aliases.c.handle)
    gone = handles.c.key_id.in_(key_ids) & handles.c.id.not_in(known)
    orphans = select(handles.c.id).where(gone)
    connection.execute(delete(holdings).where(holdings.c.handle.in_(orphans)))
    connection.execute(delete(handles).where(gone))
    later = select(aliases.c.key_id).where(aliases.c.handle == handles.c.id).limit(1)
    connection.execute(
        update(handles).where(handles.c.key_id.in_(key_ids)).values(key_id=later.scalar_subquery())
    )


def _add(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by name; each has all of the table's columns, in whatever order."""
    if rows:
        # Never by the order of a dict: values of one type would change places without a word.
        names = [column.name for column in table.c]
        _add_rows(connection, table, [tuple([row[name] for name in names]) for row in rows])


def _add_rows(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], *, upsert_by: str = ""
) -> None:
    """Insert rows of values in the order of the table's columns.

    ``upsert_by``: the key column of a table whose rows are replaced where they are there already.

    Straight to the driver: for a hundred small rows a case, SQLAlchemy's care costs most of the
    time.
    """
    if rows:
        columns = [column.name for column in table.c]
        marks = ", ".join(mark_of(connection) for _ in columns)
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"
        if upsert_by:
            sets = ", ".join(f"{name} = excluded.{name}" for name in columns if name != upsert_by)
            statement += f" ON CONFLICT ({upsert_by}) DO UPDATE SET {sets}"
        connection.exec_driver_sql(statement, rows)


def _change(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, by: Sequence[str]
) -> None:
    """Update the rows with these keys; all have the same columns. As straight as ``_add``."""
    if rows:
        mark = mark_of(connection)
        names = [name for name in rows[0] if name not in by]
        sets = ", ".join(f"{name} = {mark}" for name in names)
        where = " AND ".join(f"{name} = {mark}" for name in by)
        statement = f"UPDATE {table.name} SET {sets} WHERE {where}"
        values = [tuple(row[name] for name in (*names, *by)) for row in rows]
        connection.exec_driver_sql(statement, values)


def _handle_row(handle: Handle) -> dict[str, Any]:
    counts = {name: getattr(handle.sharing, name) for name in Sharing.__dataclass_fields__}
    return {"id": handle.id, "kind": handle.kind, "key_id": handle.key_id, **counts}


def _without(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in row.items() if other != name}
