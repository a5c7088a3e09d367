import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import text

from serving.register.database import open_engine, read, read_password
from serving.register.errors import RegisterError, RegisterUnavailableError
from serving.register.register import Register
from tests.support.kept import accept
from tests.support.postgres import BINARIES, run_postgres
from tests.support.served import wait_for

PASSWORD = "春风不度"
NOWHERE = "postgresql://tests@/postgres?host=/nowhere"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the keys lie that belong to the guarded database."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def guarded(folder: Path) -> Iterator[str]:
    """The address of a database that lets nobody in without a password."""
    if not all(BINARIES.values()):
        pytest.skip("no PostgreSQL binaries (initdb, postgres) on this machine")
    path = folder / "password"
    path.write_text(PASSWORD, "utf-8")
    with run_postgres(password=PASSWORD) as server:
        url = server.format(database="postgres")
        wait_for(lambda: answers(url, path))  # it listens a moment before it answers
        yield url


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n", "utf-8")
    return path


def open_register(url: str, folder: Path, password_file: Path) -> Register:
    return Register.open(url, key_file=folder / "identifier.keys", password_file=password_file)


def answers(url: str, password_file: Path | None) -> bool:
    engine = open_engine(url, password_file=password_file)
    try:
        engine.connect().close()
    except Exception:
        return False
    finally:
        engine.dispose()
    return True


def test_the_password_of_a_file_opens_the_register(guarded, folder, password_file):
    with open_register(guarded, folder, password_file) as register:
        register.ask()


def test_without_the_file_or_with_another_password_nobody_gets_in(guarded, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("another", "utf-8")
    assert (answers(guarded, None), answers(guarded, wrong)) == (False, False)


def test_a_new_password_is_read_at_the_next_connection(guarded, folder, password_file):
    with open_register(guarded, folder, password_file) as register:
        register.engine.dispose()
        password_file.unlink()
        with pytest.raises(RegisterUnavailableError, match="password: cannot be read"):
            register.ask()
        password_file.write_text(PASSWORD, "utf-8")
        register.ask()


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (None, r"cannot be read \(No such file"),
        (b"", "0 lines found, wanted one"),
        (b"\n", "1 lines found, wanted one"),
        (b"one\ntwo\n", "2 lines found, wanted one"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_without_one_password_is_named_when_the_register_opens(tmp_path, content, wanted):
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RegisterError, match=wanted) as caught:
        open_engine(NOWHERE, password_file=path)
    assert "two" not in str(caught.value)


def test_a_password_stands_in_one_place(password_file, tmp_path):
    with pytest.raises(RegisterError, match="in its address and in a file, wanted one"):
        open_engine("postgresql://tests:x@/postgres", password_file=password_file)
    with pytest.raises(RegisterError, match="found SQLite and a file of its password"):
        open_engine(f"sqlite:///{tmp_path}/r.db", password_file=password_file)
    assert read_password(password_file) == PASSWORD


@pytest.mark.parametrize("url", ["mysql://h/secret", "sqlite:///:memory:", "secret"])
def test_an_address_of_another_kind_is_refused_without_being_shown(url, tmp_path):
    with pytest.raises(RegisterError) as caught:
        Register.open(url, key_file=tmp_path / "k")
    assert "secret" not in str(caught.value)


def test_the_file_of_sqlite_is_for_its_owner_only(sqlite, tmp_path):
    accept(sqlite)
    files = [path for path in tmp_path.iterdir() if path.name.startswith("register.db")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_an_accepted_case_waits_for_the_disk(sqlite):
    with read(sqlite.engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


def test_who_opens_a_new_file_waits_for_another_who_makes_it(tmp_path):
    other = sqlite3.connect(tmp_path / "register.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    Timer(0.2, other.rollback).start()
    engine = open_engine(f"sqlite:///{tmp_path / 'register.db'}")
    with read(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()
    other.close()
