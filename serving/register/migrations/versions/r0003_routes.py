"""The route of a case, which its answer held alone, as a column: who needs help can be asked for.

Revision ID: 0003
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ROWS = 1_000  # at once

_assessments = sa.table(
    "assessments", sa.column("case_row"), sa.column("answer"), sa.column("route")
)


def upgrade() -> None:
    """Add the column, and fill it from the answers."""
    op.add_column("assessments", sa.Column("route", sa.Text(), nullable=True))
    kept, connection, after = _assessments.c, op.get_bind(), -1
    # Answers are kept without blanks; few have a route, and only they are parsed.
    query = (
        sa.select(kept.case_row, kept.answer)
        .where(kept.answer.like('%"route":"%'))
        .order_by(kept.case_row)
        .limit(_ROWS)
    )
    while rows := connection.execute(query.where(kept.case_row > after)).all():
        for row in rows:
            route = json.loads(row.answer)["agent"].get("route")
            connection.execute(
                sa.update(_assessments).where(kept.case_row == row.case_row).values(route=route)
            )
        after = rows[-1].case_row
