"""Who is let in: what keys open at the service, and what they do not."""

import json
import socket

import httpx
import pytest

from serving.api import guard
from tests.support.api_keys import add_key, bearer
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

TEXT = {"text": "理赔太慢"}


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


def test_a_key_makes_so_many_requests_and_no_more(tmp_path):
    path = tmp_path / "keys.json"
    first, second = add_key(path, "assess"), add_key(path, "assess")
    with run_server(KeywordAnalyzer(), keys=path, rate_limit="2/hour") as (client, _):
        tokens = [first, first, first, second]
        answers = [client.post("/v1/assess", json=TEXT, headers=bearer(t)) for t in tokens]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert int(answers[2].headers["retry-after"]) >= 1


def test_who_tries_wrong_secrets_is_stopped(tmp_path, monkeypatch):
    path = tmp_path / "keys.json"
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
