"""Keys: made, kept as slow hashes, followed, revoked; and what they open and do not open."""

import json
import os
import re
import socket
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from serving.api import guard
from serving.keys import ring as ring_module
from serving.keys.key import ApiKey, KeysError, make_key, today
from serving.keys.keys_file import changing, read_keys
from serving.keys.ring import KeyRing
from tests.readers import KeywordAnalyzer
from tests.served import run_server
from xiaobao import app

TEXT = {"text": "理赔太慢"}


def add_key(path: Path, *scopes: str, days: int = 1) -> str:
    """A key in the file, valid for so many days; what to present it with."""
    now = today()
    key, token = make_key(
        "受理系统",
        frozenset(scopes),
        now=now - timedelta(days=9),
        expires=now + timedelta(days=days),
    )
    with changing(path) as keys:
        keys.append(key)
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


# --- a key and its file -------------------------------------------------------------------------


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


def test_where_the_owner_cannot_be_kept_it_is_told_and_no_other_group_may_read(path, monkeypatch):
    add_key(path, "assess")
    path.chmod(0o664)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    code, _, told = run("create", "甲", "--scope", "assess", file=path)
    assert (code, "make sure that the service can read it" in told) == (0, True)
    assert path.stat().st_mode & 0o777 == 0o604


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


# --- the ring -----------------------------------------------------------------------------------


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


# --- the command --------------------------------------------------------------------------------


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


# --- the service --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A client of a service with keys, and a key of each scope."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    tokens = {scope: add_key(path, scope) for scope in ("assess", "review", "admin")}
    with run_server(KeywordAnalyzer(), keys=path) as (client, _):
        yield client, tokens


def test_a_key_with_the_scope_is_let_in(guarded):
    client, tokens = guarded
    assert client.post("/v1/assess", json=TEXT, headers=bearer(tokens["assess"])).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, bearer("x"), {"Authorization": "Basic eDp5"}, bearer("xb_000000000000_" + "a" * 43)],
)
def test_without_a_key_nothing_is_answered(guarded, headers):
    client, _ = guarded
    answer = client.post("/v1/assess", json=TEXT, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_key_with_another_scope_is_not_let_in(guarded):
    client, tokens = guarded
    answer = client.post("/v1/assess", json=TEXT, headers=bearer(tokens["review"]))
    assert answer.status_code == 403
    assert "assess" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/openapi.json"])
def test_what_tells_nothing_of_a_complaint_needs_no_key(guarded, path):
    assert guarded[0].get(path).status_code == 200


@pytest.mark.parametrize("scope", ["assess", "review", "admin"])
def test_any_key_opens_the_metrics(guarded, scope):
    client, tokens = guarded
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=bearer(tokens[scope])).status_code == 200


FREE = {"/livez", "/readyz"}


def test_the_schema_tells_which_routes_ask_for_a_key(guarded, client):
    schema = guarded[0].get("/openapi.json").json()
    asking = {
        path
        for path, verbs in schema["paths"].items()
        for one in verbs.values()
        if one.get("security")
    }
    assert asking == set(schema["paths"]) - FREE
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert "securitySchemes" not in client.get("/openapi.json").json()["components"]


def test_every_other_route_asks_for_a_key(guarded):
    client, _ = guarded
    paths = client.get("/openapi.json").json()["paths"]
    asked = {
        (verb, path): client.request(verb.upper(), path, json={}).status_code
        for path, verbs in paths.items()
        for verb in verbs
        if path not in FREE
    }
    assert set(asked.values()) == {401}, asked


def test_the_body_of_a_stranger_is_not_read(guarded):
    client, _ = guarded
    with socket.create_connection((client.base_url.host, client.base_url.port), 5) as connection:
        head = "POST /v1/assess HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


def test_without_keys_nobody_administers(client):
    answer = client.post("/v1/admin/bundle", json={"bundle": "x"})
    assert answer.status_code == 403
    assert "none in use" in answer.json()["detail"]


def test_a_key_makes_so_many_requests_and_no_more(path):
    first, second = add_key(path, "assess"), add_key(path, "assess")
    with run_server(KeywordAnalyzer(), keys=path, rate_limit="2/hour") as (client, _):
        tokens = [first, first, first, second]
        answers = [client.post("/v1/assess", json=TEXT, headers=bearer(t)) for t in tokens]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert int(answers[2].headers["retry-after"]) >= 1


def test_who_tries_wrong_secrets_is_stopped(path, monkeypatch):
    monkeypatch.setattr(guard, "_FAILURES", guard.limits.parse("2/hour"))
    wrong = add_key(path, "assess")[:16] + "A" * 43
    with run_server(KeywordAnalyzer(), keys=path) as (client, _):
        answers = [client.get("/v1/model", headers=bearer(wrong)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


def test_a_problem_about_a_key_never_repeats_it(guarded):
    client, tokens = guarded
    answers: list[httpx.Response] = [
        client.get("/v1/model", headers=bearer(tokens["review"])),
        client.get("/v1/model", headers=bearer("张秀兰".encode().hex())),
    ]
    assert [answer.status_code for answer in answers] == [403, 401]
    assert tokens["review"][16:] not in answers[0].text
    assert "张秀兰".encode().hex() not in json.dumps(answers[1].json())
