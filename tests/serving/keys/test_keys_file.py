"""Keys: made, kept as slow hashes in a file that stands whatever fails."""

import json
import os
import re
from pathlib import Path

import pytest

from serving.keys.key import KeysError, make_key, today
from serving.keys.keys_file import changing, read_keys
from serving.keys.ring import KeyRing
from tests.support.api_keys import add_key


def test_a_secret_fits_its_own_key_only(path):
    tokens = [add_key(path, "assess") for _ in range(2)]
    secrets = [token[16:] for token in tokens]
    fits = [[key.fits(secret) for secret in secrets] for key in read_keys(path)]
    assert fits == [[True, False], [False, True]]


def test_the_file_holds_no_secret_and_is_read_by_its_owner_only(path):
    token = add_key(path, "assess")
    assert token[16:] not in path.read_text("utf-8")
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("mode", [0o444, 0o640, 0o600])
def test_a_file_that_is_there_keeps_its_mode_whatever_the_umask(path, mode):
    add_key(path, "assess")
    path.chmod(mode)
    before = os.umask(0o077)
    try:
        add_key(path, "assess")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode
    assert len(read_keys(path)) == 2


def test_a_file_that_is_there_keeps_its_owner(path):
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    add_key(path, "assess")
    os.chown(path, 10001, 10002)
    add_key(path, "assess")
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (10001, 10002, 0o600)


def test_a_key_comes_back_from_the_file_as_it_was(path):
    key, _ = make_key("受理", frozenset({"admin"}), now=today(), expires=None)
    with changing(path) as keys:
        keys.append(key)
    assert read_keys(path) == [key]


def test_a_change_that_fails_leaves_the_file_as_it_was(path):
    add_key(path, "assess")
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        change_and_fail(path)
    assert path.read_bytes() == before
    add_key(path, "assess")  # and nobody is locked out


def change_and_fail(path: Path) -> None:
    with changing(path) as keys:
        keys.clear()
        keys.append(1 / 0)


def test_two_changes_at_once_do_not_lose_a_key(path):
    with changing(path) as keys:
        with pytest.raises(KeysError, match="remove it if nobody"), changing(path):
            pass
        keys.append(make_key("甲", frozenset({"assess"}), now=today(), expires=None)[0])
    assert len(read_keys(path)) == 1


@pytest.mark.parametrize("content", ["", "[]", '{"keys": 1}', '{"keys": [{"id": "1"}]}'])
def test_a_file_that_is_no_file_of_keys_is_named(path, content):
    path.write_text(content)
    with pytest.raises(KeysError, match=re.escape(str(path))):
        KeyRing(path)


@pytest.mark.parametrize("field", ["created", "expires"])
def test_a_moment_without_time_zone_is_named_with_its_place(path, field):
    for _ in range(2):
        add_key(path, "assess")
    stored = json.loads(path.read_text("utf-8"))
    stored["keys"][1][field] = "2027-01-01"
    path.write_text(json.dumps(stored), "utf-8")
    with pytest.raises(KeysError) as caught:
        KeyRing(path)
    assert str(caught.value) == (
        f"{path}: keys[1]: {field}: found 2027-01-01, wanted a moment with time zone such as "
        "2027-01-01T00:00:00+00:00"
    )


def test_an_empty_expiry_is_not_taken_for_never(path):
    add_key(path, "assess")
    path.write_text(re.sub(r'"expires": "[^"]*"', '"expires": ""', path.read_text("utf-8")))
    with pytest.raises(KeysError, match="keys\\[0\\]"):
        read_keys(path)
