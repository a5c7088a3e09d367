"""What is kept of texts to compare them is sealed: it could be read as the text itself.

Fingerprints and posting lists of cases linked before go, for the scripts have no key to seal them
with. Those cases keep their links, groups and identifiers; a new text is not compared with theirs.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the place of the wrapped secret, and empty what was readable."""
    op.add_column("keys", sa.Column("wrapped", sa.LargeBinary(), nullable=True))
    op.execute(sa.delete(sa.table("fingerprints")))
    op.execute(sa.delete(sa.table("postings")))
