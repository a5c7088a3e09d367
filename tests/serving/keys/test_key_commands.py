"""The command: keys are created, listed and revoked."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.keys.key import ApiKey
from serving.keys.keys_file import read_keys
from serving.keys.ring import KeyRing
from tests.support.api_keys import add_key
from xiaobao import app


def run(*words: str, file: Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["keys", *words, "--file", str(file)])
    return result.exit_code, result.stdout, result.stderr


def test_a_key_is_created_listed_and_revoked(path):
    code, token, _ = run("create", "受理系统", "--scope", "assess", "--scope", "review", file=path)
    key = KeyRing(path).verify(token.strip())
    assert isinstance(key, ApiKey)
    assert (code, key.scopes) == (0, {"assess", "review"})
    listed = run("list", file=path)[1]
    assert key.id in listed
    assert "受理系统" in listed
    assert token.strip()[16:] not in listed
    assert run("revoke", key.id, file=path)[0] == 0
    assert read_keys(path) == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("create", "甲", "--scope", "all"), "assess, review, admin"),
        (("create", "甲\n乙", "--scope", "assess"), "name: wanted"),
        (("revoke", "000000000000"), "no key with this id"),
    ],
)
def test_a_wrong_use_of_keys_is_one_line_and_exit_code_two(path, words, wanted):
    add_key(path, "assess")
    code, _, told = run(*words, file=path)
    assert code == 2
    assert wanted in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("days", ["-1", "36501", "3000000", "9" * 30])
def test_a_key_for_days_that_no_calendar_has_is_wrong_usage(path, days):
    code, token, told = run("create", "甲", "--scope", "assess", "--days", days, file=path)
    assert (code, token, path.exists()) == (2, "", False)
    assert "--days" in told


def test_a_key_may_hold_for_a_hundred_years(path):
    assert run("create", "甲", "--scope", "assess", "--days", "36500", file=path)[0] == 0


def test_where_the_owner_cannot_be_kept_it_is_told_and_no_other_group_may_read(path, monkeypatch):
    add_key(path, "assess")
    path.chmod(0o664)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    code, _, told = run("create", "甲", "--scope", "assess", file=path)
    assert (code, "make sure that the service can read it" in told) == (0, True)
    assert path.stat().st_mode & 0o777 == 0o604
