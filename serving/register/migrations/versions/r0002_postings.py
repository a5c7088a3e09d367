"""Posting lists in place of a row for each key and case: a key is read and written at once.

Revision ID: 0002
"""

import struct
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_ROWS = 50_000  # at once; no key has so many


def upgrade() -> None:
    """Move what ``traces`` holds to ``postings``."""
    postings = op.create_table(
        "postings",
        sa.Column("key", BIG, autoincrement=False, nullable=False),
        sa.Column("cases", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_postings"),
        sqlite_with_rowid=False,
    )
    traces = sa.table("traces", sa.column("trace"), sa.column("case_row"))
    query = sa.select(traces).order_by(traces.c.trace, traces.c.case_row).limit(_ROWS)
    connection, after, more = op.get_bind(), -1, True
    while more:
        rows = connection.execute(query.where(traces.c.trace > after)).all()
        more = len(rows) == _ROWS
        if more:  # the last key may go on in the next rows
            rows = [row for row in rows if row.trace != rows[-1].trace]
        if rows:
            lists = groupby(rows, attrgetter("trace"))
            op.bulk_insert(postings, [_posting(key, own) for key, own in lists])
            after = rows[-1].trace
    op.drop_table("traces")


def _posting(key: int, rows: Iterable[Any]) -> dict[str, object]:
    numbers = [row.case_row for row in rows]
    return {"key": key, "cases": struct.pack(f"<{len(numbers)}q", *numbers)}
