from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from serving.console.seals import Seal
from serving.keys.key import make_key, today
from serving.keys.keys_file import changing
from serving.register.database import read
from serving.register.register import Register
from serving.register.tables import audit
from tests.support.consoles import TEXT, Fields, open_joining, review
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with open_joining(tmp_path) as register:
        yield register


@pytest.fixture
def keyed(register: Register, tmp_path: Path) -> Iterator[tuple[httpx.Client, dict[str, str]]]:
    """A service with keys, and a key for each scope."""
    file, tokens = tmp_path / "keys.json", {}
    with changing(file) as stored:
        for scope in ("review", "assess"):
            key, tokens[scope] = make_key(
                f"{scope} 一组", frozenset({scope}), now=today(), expires=today() + timedelta(1)
            )
            stored.append(key)
    run = run_server(KeywordAnalyzer(), register=register, keys=file, data_dir=tmp_path)
    with run as (client, _):
        header = {"authorization": f"Bearer {tokens['assess']}"}
        body = {"text": TEXT, "case_id": "T-1"}
        assert client.post("/v1/assess", json=body, headers=header).status_code == 200
        yield client, tokens


def log_in(client: httpx.Client, token: str, onward: str = "") -> httpx.Response:
    form = Fields(client.get("/console/enter", params={"onward": onward}).text).hidden
    return client.post("/console/enter", data={**form, "key": token})


@pytest.mark.parametrize("path", ["", "/case?id=T-1", "/groups", "/group?id=G1", "/try"])
def test_with_keys_every_page_asks_for_one_first(keyed, path):
    answer = keyed[0].get(f"/console{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/enter")
    assert "T-1" not in answer.text


def test_a_reviewer_logs_in_and_goes_on_to_the_page_that_was_asked_for(keyed):
    client, tokens = keyed
    answer = log_in(client, tokens["review"], onward="/case?id=T-1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/case?id=T-1")
    assert client.get("/console/case?id=T-1").status_code == 200


def test_the_session_cookie_is_out_of_reach_and_holds_no_key(keyed):
    client, tokens = keyed
    (cookie,) = [
        c for c in log_in(client, tokens["review"]).headers.get_list("set-cookie") if "session" in c
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/console" in cookie
    assert tokens["review"][3:] not in cookie


@pytest.mark.parametrize("onward", ["//evil.example", "https://evil.example", "/../x", "/case\\x"])
def test_a_log_in_leads_to_no_other_site(keyed, onward):
    client, tokens = keyed
    assert log_in(client, tokens["review"], onward).headers["location"] == "/console"


@pytest.mark.parametrize("token", ["", "xb_0123456789ab_" + "x" * 43, "密钥"])
def test_a_wrong_key_is_told_and_opens_nothing(keyed, token):
    client, _ = keyed
    answer = log_in(client, token)
    assert answer.status_code == 401
    assert "密钥无效" in answer.text
    assert client.get("/console").status_code == 303


def test_a_key_opens_only_what_its_scope_allows(keyed):
    client, tokens = keyed
    log_in(client, tokens["assess"])
    assert client.get("/console/try").status_code == 200
    refused = client.get("/console/case?id=T-1")
    assert refused.status_code == 403
    assert "四十天" not in refused.text


def test_the_reviewer_is_the_key_whatever_the_form_says(keyed, register):
    client, tokens = keyed
    log_in(client, tokens["review"])
    assert review(client, decision="accept", reviewer="别人").status_code == 303
    assert register.get("T-1").reviews[0].reviewer == "review 一组"


def test_the_reviewer_is_the_key_in_the_api_too_and_the_audit_names_its_id(keyed, register):
    client, tokens = keyed
    header = {"authorization": f"Bearer {tokens['review']}"}
    body = {"decision": "accept", "reviewer": "别人"}
    made = client.post("/v1/cases/T-1/review", json=body, headers=header)
    assert made.json()["reviewer"] == "review 一组"
    del body["reviewer"]  # nobody has to tell what does not count
    made = client.post("/v1/cases/T-1/review", json=body, headers=header)
    assert (made.status_code, made.json()["reviewer"]) == (200, "review 一组")
    log_in(client, tokens["review"])
    assert review(client, decision="accept").status_code == 303
    with read(register.engine) as connection:
        told = select(audit.c.actor).where(audit.c.action == "review")
        actors = connection.execute(told).scalars().all()
    assert actors == [tokens["review"].split("_")[1]] * 3


def test_who_has_left_is_asked_for_a_key_again(keyed):
    client, tokens = keyed
    log_in(client, tokens["review"])
    form = Fields(client.get("/console").text).hidden
    assert client.post("/console/leave", data=form).status_code == 303
    assert client.get("/console").status_code == 303


def test_a_session_made_elsewhere_is_none(keyed, tmp_path):
    client, tokens = keyed
    forged = Seal(tmp_path / "other.key").close(tokens["review"])
    client.cookies.set("xiaobao_session", forged, path="/console")
    assert client.get("/console").status_code == 303


def test_a_session_of_yesterday_is_over(tmp_path, monkeypatch):
    seal = Seal(tmp_path / "k")
    session = seal.close("xb_key")
    assert seal.open(session) == "xb_key"
    monkeypatch.setattr("serving.console.seals.SESSION_S", -1)
    assert seal.open(session) is None


def test_servers_that_share_the_file_share_sessions(tmp_path):
    assert Seal(tmp_path / "k").open(Seal(tmp_path / "k").close("xb_key")) == "xb_key"


def test_a_service_that_may_write_no_file_has_sessions_of_its_own(tmp_path):
    (tmp_path / "file").write_text("")
    seal = Seal(tmp_path / "file" / "k")
    assert seal.open(seal.close("xb_key")) == "xb_key"
