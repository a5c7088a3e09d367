import stat
from dataclasses import replace

import pytest

from serving.register.keys import KeyFileError
from serving.register.register import Register
from tests.support.kept import RECORD, accept, keys_of, open_sqlite


def test_the_key_file_is_for_its_owner_only(sqlite, tmp_path):
    assert stat.S_IMODE((tmp_path / "identifier.keys").stat().st_mode) == 0o600


def test_a_rotation_leaves_the_key_file_as_readable_as_it_was(sqlite, tmp_path):
    place = tmp_path / "identifier.keys"
    place.chmod(0o640)
    sqlite.rotate_key(actor="tests")
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_a_key_file_that_cannot_be_written_is_named_and_nothing_rotates(
    sqlite, tmp_path, monkeypatch
):
    before = keys_of(sqlite)

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("serving.register.keys.rewrite_whole", refuse)
    with pytest.raises(KeyFileError, match=r"identifier\.keys: cannot be written"):
        sqlite.rotate_key(actor="tests")
    assert keys_of(sqlite) == before


def test_a_case_stored_under_the_old_key_is_known_after_a_rotation(register):
    accept(register)
    old = keys_of(register)
    register.rotate_key(actor="tests")
    assert not accept(register).new
    assert keys_of(register)[1:] == old
    assert accept(register, replace(RECORD, case_id="T-2")).new


def test_another_process_learns_of_a_rotation(tmp_path):
    with open_sqlite(tmp_path) as one, open_sqlite(tmp_path) as two:
        one.rotate_key(actor="tests")
        assert keys_of(two) == keys_of(one)


def test_a_key_is_retired_when_retention_has_passed(register):
    accept(register)
    register.rotate_key(actor="tests")
    register.forget_older_than(0, actor="tests")
    assert len(keys_of(register)) == 1


def test_the_key_file_of_another_database_is_noticed_at_once(tmp_path):
    open_sqlite(tmp_path).close()
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with pytest.raises(KeyFileError, match="lacks key"):
        Register.open(url, key_file=tmp_path / "other.keys")


def test_a_damaged_key_file_is_named_and_not_shown(tmp_path):
    (tmp_path / "identifier.keys").write_text('{"keys": {"abc": "c2VjcmV0"}}')
    with pytest.raises(KeyFileError, match=r"identifier\.keys") as caught:
        open_sqlite(tmp_path)
    assert "c2VjcmV0" not in str(caught.value)
