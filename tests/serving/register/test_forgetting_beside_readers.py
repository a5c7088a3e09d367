"""Forgetting while others read: what is reported as gone is gone from every file."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from models.record import Record
from serving.register import database
from serving.register.database import read
from serving.register.errors import ForgottenCaseError, LogNotEmptiedError, RegisterUnavailableError
from serving.register.register import Register
from serving.register.reviews import Review
from serving.register.tables import cases
from tests.support.readers import KeywordAnalyzer
from xiaobao import app

WORDS = "理赔资料交了四十天"


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_register(tmp_path) as register:
        for case_id in ("T-1", "T-2", "T-3"):
            record = Record(f"{WORDS},{case_id}", case_id=case_id)
            register.accept(record, KeywordAnalyzer().assess([record])[0])
        yield register


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives the log up after a moment."""
    monkeypatch.setattr(database, "_EMPTYING_S", 0.3)
    monkeypatch.setattr(database, "_EMPTYING_MS", 20)
    monkeypatch.setattr(database, "_BUSY_MS", 1000)


def open_register(folder: Path) -> Register:
    url = f"sqlite:///{folder / 'register.db'}"
    return Register.open(url, key_file=folder / "identifier.keys")


def stands_in_files(folder: Path, words: str) -> bool:
    files = folder.glob("register.db*")
    return any(words.encode() in path.read_bytes() for path in files)


def reading(register: Register, until: threading.Event, begun: threading.Event) -> None:
    with read(register.engine) as connection:
        connection.execute(select(cases.c.id)).all()
        begun.set()
        until.wait(20)


@pytest.fixture
def reader(register: Register) -> Iterator[threading.Event]:
    """Somebody reads until this is set."""
    until, begun = threading.Event(), threading.Event()
    thread = threading.Thread(target=reading, args=(register, until, begun))
    thread.start()
    begun.wait(10)
    yield until
    until.set()
    thread.join()


def test_who_forgets_is_told_that_a_reader_keeps_the_text_in_the_log(
    register, reader, hurried, tmp_path
):
    with pytest.raises(LogNotEmptiedError) as caught:
        register.forget("T-1", actor="tests")
    assert caught.value.count == 1
    assert stands_in_files(tmp_path, f"{WORDS},T-1")
    reader.set()
    with pytest.raises(ForgottenCaseError):  # once more, and the log is emptied
        register.forget("T-1", actor="tests")
    assert not stands_in_files(tmp_path, f"{WORDS},T-1")


def test_retention_tells_it_too(register, reader, hurried):
    with pytest.raises(LogNotEmptiedError) as caught:
        register.forget_older_than(0, actor="tests")
    assert caught.value.count == 3


def test_a_reader_that_ends_in_time_is_waited_for(register, reader, tmp_path):
    threading.Timer(0.4, reader.set).start()
    assert register.forget("T-1", actor="tests") == 1
    assert not stands_in_files(tmp_path, f"{WORDS},T-1")


def test_cases_are_stored_while_the_log_waits_for_a_reader(register, reader):
    forgetting = threading.Thread(target=register.forget, args=("T-1",), kwargs={"actor": "tests"})
    forgetting.start()
    record = Record("又来一件", case_id="T-9")
    register.accept(record, KeywordAnalyzer().assess([record])[0])
    assert forgetting.is_alive()
    reader.set()
    forgetting.join()


def test_a_connection_waits_for_others_as_long_as_before(register):
    register.forget("T-1", actor="tests")
    with register.engine.connect() as connection:
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    assert patience == database._BUSY_MS


def test_a_database_that_fails_meanwhile_is_not_available(register, monkeypatch):
    monkeypatch.setattr(database, "_EMPTYING_MS", "x; broken")
    with pytest.raises(RegisterUnavailableError):
        database.empty_log(register.engine)


def test_the_command_says_that_the_text_is_still_there(register, reader, hurried, tmp_path):
    address = f"sqlite:///{tmp_path / 'register.db'}"
    words = ["forget", "T-1", "--yes", "--database", address]
    told = CliRunner().invoke(
        app, words, env={"XIAOBAO_KEY_FILE": str(tmp_path / "identifier.keys")}
    )
    assert told.exit_code == 1
    assert "已删除 forgotten: 1 个版本" in told.stderr
    assert "write-ahead log" in told.stderr


def test_who_exports_reviews_keeps_no_reader_open(register, hurried, monkeypatch):
    monkeypatch.setattr("serving.register.exported_reviews._PAGE", 1)
    for case_id in ("T-1", "T-2", "T-3"):
        register.submit_review(case_id, Review("accept", "甲组")).result()
    rows = register.export_reviews(facets={})
    assert next(rows)["id"] == "T-1/1"
    assert register.forget("T-2", actor="tests") == 1
    assert [row["id"] for row in rows] == ["T-3/1"]


def test_pages_without_a_record_end_no_export(register, monkeypatch):
    monkeypatch.setattr("serving.register.exported_reviews._PAGE", 1)
    register.submit_review("T-1", Review("reject", "甲组", "无法认定")).result()
    register.submit_review("T-3", Review("accept", "甲组")).result()
    assert [row["id"] for row in register.export_reviews(facets={})] == ["T-3/1"]
