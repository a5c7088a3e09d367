import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import select, text

from serving.register import migrating, schema
from serving.register.database import open_engine, read, write
from serving.register.errors import RegisterError
from serving.register.link_rows import read_postings
from serving.register.link_tables import fingerprints, postings
from serving.register.register import Register
from serving.register.stored_json import dumped
from serving.register.tables import assessments, cases
from tests.support.kept import keys_of, open_sqlite

_OLD_CASE = (
    "INSERT INTO cases (id, case_id, version, stored_at, text_form) "
    "VALUES (:row, :case_id, 1, '2026-01-01', 'none')"
)
_OLD_ASSESSMENT = (
    "INSERT INTO assessments (case_row, bundle, primary_cause, level, review_needed, answer) "
    "VALUES (:row, 'b', 'OTHER', 'NONE', 0, :answer)"
)


def test_the_migrations_make_the_tables_that_the_code_knows(register):
    with read(register.engine) as connection:
        assert migrating.differences(connection) == []


def test_the_newest_revision_is_that_of_the_last_script():
    scripts = ScriptDirectory(str(Path(migrating.__file__).with_name("migrations")))
    assert scripts.get_current_head() == schema.NEWEST


def test_what_is_up_to_date_is_opened_without_loading_what_migrates(tmp_path):
    open_sqlite(tmp_path).close()
    place = tmp_path / "register.db"
    lines = (
        "import sys",
        "from serving.register import schema",
        "from serving.register.database import open_engine",
        "schema.bring_up_to_date(open_engine(sys.argv[1]))",
        "sys.exit('alembic' in sys.modules)",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines), f"sqlite:///{place}"], check=True)


def test_the_rows_of_an_older_index_become_posting_lists(database_url):
    count = 60_000  # more than are read at once
    rows = [{"key": at // 7, "row": at % 7 + 1} for at in range(count)]
    engine = open_engine(database_url)
    migrating.upgrade(engine, to="0001")
    with write(engine) as connection:
        connection.execute(text("INSERT INTO traces (trace, case_row) VALUES (:key, :row)"), rows)
    migrating.upgrade(engine, to="0002")
    with read(engine) as connection:
        kept = read_postings(connection, range(-1, 10_000))
    engine.dispose()
    whole = dict.fromkeys(range(count // 7), (1, 2, 3, 4, 5, 6, 7))
    assert kept == whole | {count // 7: (1, 2, 3)}


def test_the_routes_of_older_answers_can_be_asked_for(database_url):
    routes = [None, "safety", "victim_help"] * 700  # more than are read at once
    answers = [dumped({"agent": {"route": route}}) for route in routes]
    answers += [dumped({"agent": {}}), dumped({"agent": {"reasons": ['"route":"x"']}})]
    engine = open_engine(database_url)
    migrating.upgrade(engine, to="0002")
    with write(engine) as connection:
        for row, answer in enumerate(answers, start=1):
            connection.execute(text(_OLD_CASE), {"row": row, "case_id": f"C-{row}"})
            connection.execute(text(_OLD_ASSESSMENT), {"row": row, "answer": answer})
    schema.bring_up_to_date(engine)
    query = select(assessments.c.route).order_by(assessments.c.case_row)
    with read(engine) as connection:
        assert connection.execute(query).scalars().all() == [*routes, None, None]
    engine.dispose()


def test_the_days_of_older_cases_are_read_from_what_is_kept_of_them(database_url):
    received = ["2026年3月5日", "2026/3/5", "1900-01-00", None] * 500  # more than are read at once
    engine = open_engine(database_url)
    migrating.upgrade(engine, to="0003")
    new = text(_OLD_CASE.replace("version,", "version, received_at,").replace("1,", "1, :day,", 1))
    with write(engine) as connection:
        for row, day in enumerate(received, start=1):
            connection.execute(new, {"row": row, "case_id": f"C-{row}", "day": day})
    schema.bring_up_to_date(engine)
    with read(engine) as connection:
        days = connection.execute(select(cases.c.day).order_by(cases.c.id)).scalars().all()
    engine.dispose()
    assert days == ["2026-03-05", "2026-03-05", "2026-01-01", "2026-01-01"] * 500


def test_what_could_be_read_as_a_text_is_not_kept(database_url, tmp_path):
    engine = open_engine(database_url)
    migrating.upgrade(engine, to="0005")
    with write(engine) as connection:
        connection.execute(text("INSERT INTO keys (id, state, since) VALUES ('k', 'current', '1')"))
        connection.execute(text("INSERT INTO fingerprints VALUES (1, :grams)"), {"grams": b"1234"})
        connection.execute(text("INSERT INTO postings VALUES (1, :cases)"), {"cases": b"1234"})
    schema.bring_up_to_date(engine)
    with read(engine) as connection:
        assert [connection.execute(select(t)).all() for t in (fingerprints, postings)] == [[], []]
    engine.dispose()


def test_a_database_without_a_seal_gets_one(tmp_path):
    open_sqlite(tmp_path).close()
    engine = open_engine(f"sqlite:///{tmp_path / 'register.db'}")
    with write(engine) as connection:
        connection.execute(text("UPDATE keys SET wrapped = NULL"))
    engine.dispose()
    with open_sqlite(tmp_path) as register, read(register.engine) as connection:
        seal = register.keys.active(connection).seal
        assert seal.open(seal.close(b"grams")) == b"grams"


def test_two_that_open_an_empty_database_at_once_make_it_once(database_url, tmp_path):
    def open_one(_) -> str:
        with Register.open(database_url, key_file=tmp_path / "k") as register:
            return keys_of(register)[0]

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(open_one, range(4)))) == 1


def test_a_database_of_a_later_version_is_left_alone(tmp_path):
    open_sqlite(tmp_path).close()
    engine = open_engine(f"sqlite:///{tmp_path / 'register.db'}")
    with write(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegisterError, match="newer"):
        open_sqlite(tmp_path)
