from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from serving.register import audit, schema
from serving.register.database import open_engine, read, write
from serving.register.errors import RegisterUnavailableError
from serving.register.tables import audit as table


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with an audit of five entries."""
    engine = open_engine(database_url)
    schema.bring_up_to_date(engine)
    with write(engine) as connection:
        audit.append(connection, [("accept", {"case_id": f"T-{n}"}) for n in range(5)], actor="甲")
    yield engine
    engine.dispose()


def verdict(engine: Engine, **more) -> audit.Verdict:
    with read(engine) as connection:
        return audit.verify(connection, **more)


def tamper(engine: Engine, statement: object) -> None:
    """Change the audit behind its triggers, as who owns the database can."""
    sqlite = engine.dialect.name == "sqlite"
    with write(engine) as connection:
        if sqlite:
            triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in connection.execute(triggers).all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        connection.execute(statement)


def test_an_untouched_chain_is_whole(engine):
    found = verdict(engine)
    assert (found.entries, found.broken) == (5, None)
    with read(engine) as connection:
        assert audit.head(connection) == (5, found.head)


@pytest.mark.parametrize(
    ("statement", "broken", "why"),
    [
        (update(table).where(table.c.number == 3).values(facts="{}"), 3, "content"),
        (update(table).where(table.c.number == 2).values(actor="乙"), 2, "content"),
        (update(table).where(table.c.number == 4).values(digest="f" * 64), 4, "content"),
        (delete(table).where(table.c.number == 2), 2, "missing"),
        (delete(table).where(table.c.number == 1), 1, "missing"),
        (update(table).where(table.c.number == 5).values(previous="e" * 64), 5, "follow"),
    ],
)
def test_the_first_entry_that_was_touched_is_named(engine, statement, broken, why):
    tamper(engine, statement)
    found = verdict(engine)
    assert found.broken == broken
    assert why in (found.why or "")


def test_a_cut_tail_is_noticed_by_who_noted_the_head(engine):
    noted = verdict(engine).head
    tamper(engine, delete(table).where(table.c.number == 5))
    assert verdict(engine).broken is None
    assert verdict(engine, noted=noted).broken == 5


def test_a_head_noted_earlier_is_found_in_a_longer_chain(engine):
    noted = verdict(engine).head
    with write(engine) as connection:
        audit.append(connection, [("review", {"case_id": "T-1"})], actor="乙")
    assert verdict(engine, noted=noted).broken is None


@pytest.mark.parametrize(
    "statement",
    [update(table).values(actor="乙"), delete(table), delete(table).where(table.c.number == 5)],
)
def test_the_database_refuses_to_change_or_delete_an_entry(engine, statement):
    with pytest.raises(RegisterUnavailableError), write(engine) as connection:
        connection.execute(statement)
    assert verdict(engine).entries == 5


def test_the_database_refuses_to_replace_an_entry(engine):
    with read(engine) as connection:
        last = connection.execute(select(table).order_by(table.c.number.desc())).first()
    row = {**last._mapping, "actor": "乙"}
    verb = {"sqlite": "OR REPLACE"}.get(engine.dialect.name, "")
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text(f"INSERT {verb} INTO audit ({names}) VALUES ({values})"), row)
    assert verdict(engine).head == last.digest


def test_postgresql_refuses_to_empty_the_audit(postgres_url):
    engine = open_engine(postgres_url)
    schema.bring_up_to_date(engine)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text("TRUNCATE audit"))
    engine.dispose()


def test_two_entries_cannot_follow_the_same_one(engine):
    with read(engine) as connection:
        second = connection.execute(select(table).where(table.c.number == 2)).first()
    row = {**second._mapping, "number": 6, "digest": "a" * 64}
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(insert(table).values(row))


def test_writers_at_once_make_one_chain(engine):
    def add(name: str) -> None:
        with write(engine) as connection:
            audit.append(connection, [("accept", {"case_id": name})], actor=name)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, [f"写者{n}" for n in range(40)]))
    assert (verdict(engine).entries, verdict(engine).broken) == (45, None)


def test_two_processes_of_the_same_database_make_one_chain(database_url, engine):
    other = open_engine(database_url)
    for turn in (engine, other, engine, other):
        with write(turn) as connection:
            audit.append(connection, [("accept", {})], actor="甲")
    other.dispose()
    assert (verdict(engine).entries, verdict(engine).broken) == (9, None)


def test_an_entry_has_one_digest_whatever_the_order_of_its_facts(tmp_path: Path):
    one, two = ({"b": 1, "a": "甲"}, {"a": "甲", "b": 1})
    assert audit.canonical(one) == audit.canonical(two) == '{"a":"\\u7532","b":1}'
