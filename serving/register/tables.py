"""Tables of the register: cases, assessments, reviews, the audit and the states of keys.

Moments are text, ISO 8601 in UTC with microseconds: they sort alike in both databases.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)
from sqlalchemy import UniqueConstraint as Unique

from serving.register.metadata import BIG, metadata

_MOMENT = String(32)

# One row a version of a case: the same case with other content is a new version, never a refusal.
# ``content`` is a keyed digest of the record; NULL once the case is forgotten. ``day``: when it
# came, as YYYY-MM-DD, else when it was stored by the clock of that machine.
cases = Table(
    "cases",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("case_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", String(32)),
    Column("received_at", Text),
    Column("stored_at", _MOMENT, nullable=False),
    Column("forgotten_at", _MOMENT),
    Column("genre", Text),
    Column("source", Text),
    Column("channel", Text),
    Column("product", Text),
    Column("role", Text),
    Column("text", Text),
    Column("text_form", String(16), nullable=False),
    Column("day", String(10)),  # NULL: from a server that does not know the column
    CheckConstraint("text_form IN ('masked', 'none', 'encrypted', 'forgotten')", "text_form"),
    Unique("case_id", "version"),
    Unique("case_id", "content"),
    Index("ix_cases_retention", "forgotten_at", "stored_at"),
)

# The columns that hold what intake says of a case beside its text.
OF_INTAKE = ("received_at", "genre", "source", "channel", "product", "role")

# One row a case: the answer as JSON, evidence as offsets only. Its words are read from the text.
assessments = Table(
    "assessments",
    metadata,
    Column("case_row", BIG, ForeignKey("cases.id"), primary_key=True, autoincrement=False),
    Column("bundle", Text, nullable=False),
    Column("primary_cause", Text, nullable=False),
    Column("level", String(16), nullable=False),
    Column("review_needed", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("route", Text),  # where the case goes instead of getting a level
)

# Only ever added to. ``before`` and ``after`` are labels as JSON: what was said, what is meant.
reviews = Table(
    "reviews",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("case_row", BIG, ForeignKey("cases.id"), nullable=False, index=True),
    Column("at", _MOMENT, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("reason", Text),
    Column("before", Text, nullable=False),
    Column("after", Text),
    CheckConstraint("decision IN ('accept', 'modify', 'reject')", "decision"),
)

# A chain: ``digest`` covers the entry and ``previous``, the digest before it. Triggers of the
# database refuse UPDATE and DELETE; two entries cannot follow the same one.
audit = Table(
    "audit",
    metadata,
    Column("number", BIG, primary_key=True, autoincrement=False),
    Column("at", _MOMENT, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("facts", Text, nullable=False),
    Column("previous", String(64), nullable=False, unique=True),
    Column("digest", String(64), nullable=False, unique=True),
)

# Which keys there are and what they are for. The secrets stand in the key file, never here.
# ``wrapped``: the secret that seals the index, encrypted with this key; none of a retired one.
keys = Table(
    "keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("since", _MOMENT, nullable=False),
    Column("wrapped", LargeBinary),
    CheckConstraint("state IN ('current', 'lookup', 'retired')", "state"),
)
