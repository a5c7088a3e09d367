"""The first schema: cases, what was said of them, links, the audit with its triggers, keys.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_SQLITE = (
    "CREATE TRIGGER audit_keeps_{event} BEFORE {verb} ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END"
)
# REPLACE deletes without a word to triggers on DELETE.
_SQLITE_REPLACE = (
    "CREATE TRIGGER audit_keeps_replaced BEFORE INSERT ON audit "
    "WHEN EXISTS (SELECT 1 FROM audit WHERE number = NEW.number OR digest = NEW.digest "
    "OR previous = NEW.previous) "
    "BEGIN SELECT RAISE(ABORT, 'the audit is only ever added to'); END"
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_keeps() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit is only ever added to'; END $$",
    "CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION audit_keeps()",
    "CREATE TRIGGER audit_keeps_all BEFORE TRUNCATE ON audit "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit_keeps()",
)


def upgrade() -> None:
    """Make all tables, and the triggers that keep the audit append-only."""
    _make_cases()
    _make_records()
    _make_traces()
    _make_links()
    _guard_audit()


def _make_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(length=32), nullable=True),
        sa.Column("received_at", sa.Text(), nullable=True),
        sa.Column("stored_at", sa.String(length=32), nullable=False),
        sa.Column("forgotten_at", sa.String(length=32), nullable=True),
        sa.Column("genre", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("text_form", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "text_form IN ('masked', 'none', 'encrypted', 'forgotten')", name="ck_cases_text_form"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("case_id", "content", name="uq_cases_case_id_content"),
        sa.UniqueConstraint("case_id", "version", name="uq_cases_case_id_version"),
    )
    op.create_index("ix_cases_retention", "cases", ["forgotten_at", "stored_at"])
    op.create_table(
        "assessments",
        sa.Column("case_row", BIG, autoincrement=False, nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("primary_cause", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("review_needed", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_row"], ["cases.id"], name="fk_assessments_case_row"),
        sa.PrimaryKeyConstraint("case_row", name="pk_assessments"),
    )


def _make_records() -> None:
    op.create_table(
        "audit",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
        sa.UniqueConstraint("digest", name="uq_audit_digest"),
        sa.UniqueConstraint("previous", name="uq_audit_previous"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.CheckConstraint("state IN ('current', 'lookup', 'retired')", name="ck_keys_state"),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("case_row", BIG, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "decision IN ('accept', 'modify', 'reject')", name="ck_reviews_decision"
        ),
        sa.ForeignKeyConstraint(["case_row"], ["cases.id"], name="fk_reviews_case_row"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
    )
    op.create_index("ix_reviews_case_row", "reviews", ["case_row"])


def _make_traces() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("case_row", BIG, autoincrement=False, nullable=False),
        sa.Column("grams", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("case_row", name="pk_fingerprints"),
    )
    op.create_table(
        "handles",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("alike", sa.Integer(), nullable=False),
        sa.Column("counters", sa.Integer(), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_handles"),
    )
    op.create_table(
        "traces",
        sa.Column("trace", BIG, autoincrement=False, nullable=False),
        sa.Column("case_row", BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("trace", "case_row", name="pk_traces"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "linked_cases",
        sa.Column("case_row", BIG, autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("group_row", BIG, nullable=True),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["case_row"], ["cases.id"], name="fk_linked_cases_case_row"),
        sa.PrimaryKeyConstraint("case_row", name="pk_linked_cases"),
    )
    op.create_index("ix_linked_cases_cause_day", "linked_cases", ["cause", "day"])
    op.create_index(
        "ix_linked_cases_group_row",
        "linked_cases",
        ["group_row"],
        sqlite_where=sa.text("group_row IS NOT NULL"),
        postgresql_where=sa.text("group_row IS NOT NULL"),
    )


def _make_links() -> None:
    op.create_table(
        "aliases",
        sa.Column("token", BIG, autoincrement=False, nullable=False),
        sa.Column("handle", BIG, nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_aliases"),
    )
    op.create_index("ix_aliases_handle", "aliases", ["handle"])
    op.create_table(
        "arrivals",
        sa.Column("cause", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("cause", "day", name="pk_arrivals"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "case_groups",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("oldest", BIG, nullable=False),
        sa.Column("newest", BIG, nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case_groups"),
    )
    op.create_index("ix_case_groups_level", "case_groups", ["level"])
    op.create_index("ix_case_groups_newest", "case_groups", ["newest"])
    op.create_table(
        "holdings",
        sa.Column("handle", BIG, autoincrement=False, nullable=False),
        sa.Column("case_row", BIG, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("handle", "case_row", name="pk_holdings"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "link_state",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_link_state"),
    )
    op.create_table(
        "pairs",
        sa.Column("low", BIG, autoincrement=False, nullable=False),
        sa.Column("high", BIG, autoincrement=False, nullable=False),
        sa.Column("retold", sa.Float(), nullable=False),
        sa.Column("copied", sa.Float(), nullable=False),
        sa.Column("clauses", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("low", "high", name="pk_pairs"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pairs_high", "pairs", ["high"])


def _guard_audit() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in _POSTGRESQL:
            op.execute(statement)
        return
    op.execute(_SQLITE.format(event="updated", verb="UPDATE"))
    op.execute(_SQLITE.format(event="deleted", verb="DELETE"))
    op.execute(_SQLITE_REPLACE)
