"""Tables of the links across cases. Integers and small blobs only: no word, no identifier in clear.

Made for a million cases: the long tables are clustered by their key (``WITHOUT ROWID`` in SQLite),
and no key has more rows than a query may read. ``case_row`` is ``cases.id``; only the one row a
case refers to it by constraint, for a check of each of its small rows would cost much.
"""

from typing import Any

from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

from serving.register.metadata import BIG, metadata

_CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}

# One row a case: what linking knows of it (JSON of ids, days and handles), its group, its level
# in that group. ``day`` counts from 0001-01-01.
linked_cases = Table(
    "linked_cases",
    metadata,
    Column("case_row", BIG, ForeignKey("cases.id"), primary_key=True, autoincrement=False),
    Column("cause", String(64), nullable=False),
    Column("day", Integer),
    Column("facts", Text, nullable=False),
    Column("group_row", BIG),
    Column("level", String(16), nullable=False),
)
Index(
    "ix_linked_cases_group_row",
    linked_cases.c.group_row,
    sqlite_where=linked_cases.c.group_row.is_not(None),
    postgresql_where=linked_cases.c.group_row.is_not(None),
)
Index("ix_linked_cases_cause_day", linked_cases.c.cause, linked_cases.c.day)

# Numbers of the character pairs of the masked text, sealed: enough to measure likeness exactly, and
# to read the text.
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("case_row", BIG, primary_key=True, autoincrement=False),
    Column("grams", LargeBinary, nullable=False),
)

# Posting lists: LSH bands of the whole text, clauses and rare words under keyed hashes, each with
# the cases that have it, first to last, eight bytes a case (little-endian). A key with too many
# cases takes no more (band) or keeps case 0 alone, which says so (clause, word).
postings = Table(
    "postings",
    metadata,
    Column("key", BIG, primary_key=True, autoincrement=False),
    Column("cases", LargeBinary, nullable=False),
    **_CLUSTERED,
)

# A value that cases share (a phone, a door, a seller) under its first keyed token (63 bits of an
# HMAC). Its counts say at once whether it is a hub; ``alike``: pairs of cases whose texts are near;
# ``wanting``: cases that want every premium back, of a value that is one person's by nature.
handles = Table(
    "handles",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("cases", Integer, nullable=False),
    Column("alike", Integer, nullable=False),
    Column("counters", Integer, nullable=False),
    Column("listed", Integer, nullable=False),
    Column("wanting", Integer, nullable=False),
)

# Tokens of the same value under keys that came later.
aliases = Table(
    "aliases",
    metadata,
    Column("token", BIG, primary_key=True, autoincrement=False),
    Column("handle", BIG, nullable=False, index=True),
    Column("key_id", String(16), nullable=False),
)

# The cases that have a value, for values that can join cases.
holdings = Table(
    "holdings",
    metadata,
    Column("handle", BIG, primary_key=True, autoincrement=False),
    Column("case_row", BIG, primary_key=True, autoincrement=False),
    **_CLUSTERED,
)

# Links by text: pairs whose likeness was measured and is worth keeping, ``low < high``. Kind,
# strength and reason of what joins two cases follow from these, from holdings and from days, by
# the rules of `models.links`; they are told when asked, so that no stored reason grows old.
pairs = Table(
    "pairs",
    metadata,
    Column("low", BIG, primary_key=True, autoincrement=False),
    Column("high", BIG, primary_key=True, autoincrement=False),
    Column("retold", Float, nullable=False),
    Column("copied", Float, nullable=False),
    Column("clauses", SmallInteger, nullable=False),
    **_CLUSTERED,
)
Index("ix_pairs_high", pairs.c.high)

# How many cases of a cause, or of all causes of a branch, came on a day. Day 0: on all days;
# day -1: how many bursts there are.
arrivals = Table(
    "arrivals",
    metadata,
    Column("cause", String(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("cases", Integer, nullable=False),
    **_CLUSTERED,
)

# ``oldest`` and ``newest`` are the rows of its first and last case; ``why`` a JSON list.
case_groups = Table(
    "case_groups",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("size", Integer, nullable=False),
    Column("oldest", BIG, nullable=False),
    Column("newest", BIG, nullable=False, index=True),
    Column("level", String(16), nullable=False, index=True),
    Column("why", Text, nullable=False),
)

# Few numbers about the whole: cases, the step of the limits, first and last day, last group.
link_state = Table(
    "link_state",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("value", BIG, nullable=False),
)
