"""How many of those who share a value want every premium back: an agent's mobile is no hub.

Cases linked before are not counted: their values are hubs as they were.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the count, 0 for every value that is there."""
    count = sa.Column("wanting", sa.Integer(), nullable=False, server_default="0")
    op.add_column("handles", count)
