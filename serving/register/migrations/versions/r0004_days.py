"""The day of each case as a column, read once: a query cannot read the spellings of intake.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

from models.days import day_of
from serving.register.moments import local_day

revision = "0004"
down_revision = "0003"

_ROWS = 1_000  # at once

_cases = sa.table(
    "cases",
    sa.column("id"),
    sa.column("received_at"),
    sa.column("stored_at"),
    sa.column("day"),
)


def upgrade() -> None:
    """Add the column, and fill it from what is kept of the day of receipt, else of storing."""
    op.add_column("cases", sa.Column("day", sa.String(length=10), nullable=True))
    kept, connection, after = _cases.c, op.get_bind(), -1
    query = sa.select(kept.id, kept.received_at, kept.stored_at).order_by(kept.id).limit(_ROWS)
    change = (
        sa.update(_cases).where(kept.id == sa.bindparam("row")).values(day=sa.bindparam("read"))
    )
    while rows := connection.execute(query.where(kept.id > after)).all():
        connection.execute(
            change, [{"row": row.id, "read": _day(row.received_at, row.stored_at)} for row in rows]
        )
        after = rows[-1].id


def _day(received_at: str | None, stored_at: str) -> str:
    received = day_of(received_at)
    return local_day(stored_at) if received is None else received.isoformat()
