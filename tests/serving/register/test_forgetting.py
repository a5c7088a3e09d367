from dataclasses import replace

import pytest
from sqlalchemy import select

from serving.register import tables
from serving.register.database import read, write
from serving.register.errors import ForgottenCaseError, UnknownCaseError
from serving.register.moments import MomentError
from serving.register.register import Register
from serving.register.reviews import Review
from tests.support.kept import RECORD, accept, everything, open_sqlite


def test_a_forgotten_case_leaves_nothing_but_its_proof(register):
    accept(register)
    accept(register, replace(RECORD, text="第二版:全额退保。"))
    register.submit_review("T-1", Review("reject", "甲组", "无法认定")).result()
    assert register.forget("T-1", actor="tests") == 2
    with pytest.raises(ForgottenCaseError):
        register.get("T-1")
    with read(register.engine) as connection:
        for row in connection.execute(select(tables.cases)).all():
            assert (row.text, row.content, row.channel) == (None, None, None)
    kept = everything(register)
    assert "start" not in kept
    assert "全额退保。" not in kept
    assert "无法认定" not in kept
    assert register.verify_audit().broken is None
    assert register.verify_audit().entries == 4


def test_a_forgotten_text_is_not_in_the_files_of_sqlite_either(tmp_path):
    with open_sqlite(tmp_path) as register:
        accept(register)
        register.forget("T-1", actor="tests")
        files = [path for path in tmp_path.iterdir() if path.name.startswith("register.db")]
        assert len(files) == 3
        assert not any("理赔资料交了".encode() in path.read_bytes() for path in files)


def test_a_forgotten_case_that_comes_again_is_a_new_version(register):
    accept(register)
    register.forget("T-1", actor="tests")
    again = accept(register)
    assert (again.new, again.version) == (True, 2)


def test_retention_forgets_the_old_and_leaves_the_new(register):
    accept(register)
    with write(register.engine) as connection:
        old = tables.cases.update().values(stored_at="2020-01-01T00:00:00.000000Z")
        connection.execute(old)
    accept(register, replace(RECORD, case_id="T-2"))
    assert register.forget_older_than(365, actor="tests") == 1
    assert register.get("T-2").text
    with pytest.raises(ForgottenCaseError):
        register.get("T-1")


@pytest.mark.parametrize("days", [1e6, float("inf"), float("nan")])
def test_days_that_no_calendar_has_are_named(sqlite, days):
    with pytest.raises(MomentError, match=f"days: found {days}"):
        sqlite.forget_older_than(days, actor="tests")


@pytest.mark.parametrize("ask", [Register.get, lambda r, id_: r.forget(id_, actor="tests")])
def test_a_case_that_is_not_there_is_unknown(sqlite, ask):
    with pytest.raises(UnknownCaseError):
        ask(sqlite, "T-404")


def test_what_was_forgotten_is_not_brought_back_by_another_import(register):
    accept(register)
    register.forget("T-1", actor="tests")
    assert register.unknown([RECORD, replace(RECORD, case_id="T-2")]) == [
        replace(RECORD, case_id="T-2")
    ]
    accept(register, replace(RECORD, text="又来函了"))  # as somebody sends it anew
    assert register.unknown([replace(RECORD, text="第三封")]) == [replace(RECORD, text="第三封")]
