"""The ring: which keys hold now, known again without a slow check, followed while they change."""

from datetime import timedelta

import pytest

from serving.keys import ring as ring_module
from serving.keys.key import today
from serving.keys.keys_file import changing
from serving.keys.ring import KeyRing
from tests.support.api_keys import add_key


def test_a_verified_key_is_known_from_then_on(path):
    token = add_key(path, "assess")
    ring = KeyRing(path)
    before = ring.find_known(token)
    verified = ring.verify(token)
    assert before is None
    assert verified is not None
    assert ring.find_known(token) == verified


@pytest.mark.parametrize("token", ["", "x", "xb_000000000000_" + "a" * 43, "甲" * 59])
def test_what_is_no_key_is_not_worth_a_slow_check(path, token):
    add_key(path, "assess")
    ring = KeyRing(path)
    assert not ring.has_id_of(token)
    assert ring.verify(token) is None


def test_a_wrong_secret_is_never_known(path):
    token = add_key(path, "assess")
    ring, wrong = KeyRing(path), token[:16] + "A" * 43
    assert ring.has_id_of(wrong)
    assert ring.verify(wrong) is None
    assert ring.find_known(wrong) is None


def test_an_expired_key_opens_nothing(path):
    token = add_key(path, "assess", days=-1)
    assert KeyRing(path).verify(token) is None


def test_a_key_that_expires_while_it_is_known_opens_nothing_more(path, monkeypatch):
    token = add_key(path, "assess")
    ring = KeyRing(path)
    ring.verify(token)
    later = today() + timedelta(days=2)
    monkeypatch.setattr(ring_module, "today", lambda: later)
    assert ring.find_known(token) is None


def test_a_revoked_key_is_refused_without_a_restart(path, monkeypatch):
    monkeypatch.setattr(ring_module, "_LOOK_EVERY", 0)
    token = add_key(path, "assess")
    ring = KeyRing(path)
    ring.verify(token)
    with changing(path) as keys:
        keys.clear()
    assert ring.find_known(token) is None
    assert ring.verify(token) is None


def test_a_file_that_breaks_later_leaves_the_keys_as_they_were(path, monkeypatch):
    monkeypatch.setattr(ring_module, "_LOOK_EVERY", 0)
    token = add_key(path, "assess")
    ring = KeyRing(path)
    ring.verify(token)
    path.write_text("{")
    told = []

    class Log:
        def error(self, event, **_):
            told.append(event)

    monkeypatch.setattr(ring_module.structlog, "get_logger", lambda _: Log())
    for _ in range(2):
        assert ring.find_known(token) is not None
    assert told == ["keys not read"] * 2
