import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import event

from serving.register import tables
from serving.register.database import write
from serving.register.errors import RegisterUnavailableError
from tests.support.kept import PHONE, RECORD, accept, assess, count, open_sqlite


def test_cases_that_come_at_once_are_each_stored_once(register):
    records = [replace(RECORD, case_id=f"T-{n % 20}") for n in range(60)]
    with ThreadPoolExecutor(8) as pool:
        new = [found.new for found in pool.map(lambda r: accept(register, r), records)]
    assert new.count(True) == count(register, tables.cases) == 20
    assert register.verify_audit().broken is None


def test_one_case_that_fails_takes_no_other_along(sqlite):
    ready = threading.Event()

    def fail(_):
        raise ValueError("broken")

    def wait(_):
        ready.wait(10)

    waiting = sqlite._committer.submit(wait)  # meanwhile the next ones become one transaction
    good = [sqlite.submit([(RECORD, assess(RECORD))])]
    bad = sqlite._committer.submit(fail)
    other = replace(RECORD, case_id="T-9")
    good.append(sqlite.submit([(other, assess(other))]))
    ready.set()
    waiting.result(10)
    assert [found.result(10)[0].new for found in good] == [True, True]
    assert isinstance(bad.exception(10), ValueError)


def test_a_database_that_is_away_fails_all_that_wait_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.register.database._BUSY_MS", 300)
    tries: list[bool] = []
    with open_sqlite(tmp_path) as register, write(register.engine):
        event.listen(register.engine, "begin", lambda _: tries.append(True), insert=True)
        records = [replace(RECORD, case_id=f"T-{n}") for n in range(20)]
        futures = [register.submit([(record, assess(record))]) for record in records]
        failures = [future.exception(10) for future in futures]
    assert all(isinstance(error, RegisterUnavailableError) for error in failures)
    assert tries.count(True) < len(records)


def test_a_locked_database_is_unavailable_and_says_no_word_of_the_case(tmp_path, monkeypatch):
    monkeypatch.setattr("serving.register.database._BUSY_MS", 20)
    with open_sqlite(tmp_path) as register:
        unavailable = pytest.raises(RegisterUnavailableError, match="send it again")
        with write(register.engine), unavailable as caught:
            accept(register)
        assert PHONE not in str(caught.value)
        assert accept(register).new
