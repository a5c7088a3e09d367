from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from models.assessment import as_json
from models.record import Record
from serving.register.database import write
from serving.register.register import Register
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

PHONE = "19900001101"
TEXT = f"理赔资料交了四十天,请回电{PHONE},不然全额退保。"
CASE = {"text": TEXT, "case_id": "T-1", "phone": PHONE}


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    monkeypatch.setattr("serving.register.database._BUSY_MS", 50)
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with Register.open(url, key_file=tmp_path / "identifier.keys") as register:
        yield register


@pytest.fixture
def keeping(register: Register) -> Iterator[httpx.Client]:
    """A client of a service that keeps its cases."""
    with run_server(KeywordAnalyzer(), register=register) as (client, _):
        yield client


def assess(client: httpx.Client, **fields) -> httpx.Response:
    return client.post("/v1/assess", json={**CASE, **fields})


def review(client: httpx.Client, case_id: str = "T-1", **body) -> httpx.Response:
    given = {"decision": "accept", "reviewer": "复核一组", **body}
    return client.post(f"/v1/cases/{case_id}/review", json=given)


def test_an_assessed_case_can_be_read_again_masked(keeping):
    answer = assess(keeping).json()
    case = keeping.get("/v1/cases/T-1").json()
    assert (case["case_id"], case["version"]) == ("T-1", 1)
    assert case["text"] == TEXT.replace(PHONE, "*" * 11)
    assert case["assessment"]["root_cause"] == answer["root_cause"]
    assert case["reviews"] == []


def test_the_answer_of_a_kept_case_is_the_analyzers(keeping):
    (wanted,) = KeywordAnalyzer().assess([Record(TEXT, case_id="T-1")])
    assert assess(keeping).json() == as_json(wanted)


def test_a_case_sent_twice_gets_the_same_answer_and_is_kept_once(keeping):
    assert assess(keeping).json() == assess(keeping).json()
    assert keeping.get("/v1/cases/T-1").json()["version"] == 1


def test_a_case_with_other_content_is_answered_for_what_it_says(keeping):
    assess(keeping)
    assert assess(keeping, text="请问怎么办").json()["root_cause"]["primary"]["id"] == (
        "OTHER.UNCLEAR"
    )
    assert keeping.get("/v1/cases/T-1").json()["version"] == 2


def test_a_batch_is_kept_whole_and_a_copy_in_it_once(keeping, register):
    records = [{**CASE, "case_id": f"T-{n % 3}"} for n in range(6)]
    answers = keeping.post("/v1/assess/batch", json={"records": records}).json()["assessments"]
    assert [answer["case_id"] for answer in answers] == [f"T-{n % 3}" for n in range(6)]
    assert register.verify_audit().entries == 3


def test_a_complaint_without_an_id_is_answered_with_the_one_it_got(keeping):
    case_id = assess(keeping, case_id=None).json()["case_id"]
    assert keeping.get(f"/v1/cases/{case_id}").status_code == 200


def test_an_id_with_a_slash_can_be_read_and_reviewed(keeping):
    assess(keeping, case_id="沪/2024/17")
    assert keeping.get("/v1/cases/沪/2024/17").json()["case_id"] == "沪/2024/17"
    assert review(keeping, "沪/2024/17").status_code == 200


def test_a_review_is_kept_with_both_sides(keeping):
    assess(keeping)
    body = {"decision": "modify", "reason": "并无代理", "changes": {"signs": [], "agent_run": True}}
    made = review(keeping, **body)
    assert made.status_code == 200
    (kept,) = keeping.get("/v1/cases/T-1").json()["reviews"]
    assert kept == made.json()
    assert (kept["before"]["signs"], kept["after"]["signs"]) == (["PS_FULL_REFUND_ONLY"], [])
    assert kept["after"]["agent_run"] is True


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "maybe"}, "decision"),
        ({"decision": "reject"}, "reason"),
        ({"reviewer": ""}, "reviewer"),
        ({"decision": "modify", "reason": "错", "changes": {"level": "NONE"}}, "changes.level"),
        ({"decision": "modify", "reason": "错", "changes": {"causes": ["X.Y"]}}, "primary"),
        ({"decision": "modify", "reason": "错", "changes": {"signs": ["PS_X"]}}, "signs"),
    ],
)
def test_a_wrong_review_is_refused_by_its_field(keeping, body, field):
    assess(keeping)
    answer = review(keeping, **body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"decision": "Reject"}, "'accept', 'modify' or 'reject'"),
        ({"reviewer": None}, "required where no keys are in use"),
        ({"reviewer": ""}, "at least 1 characters"),
        ({"changes": {"agent_run": "yes"}}, "true or false"),
        ({"changes": {"spans": [{"start": 0, "end": 1, "labels": []}]}}, "at least 1"),
        ({"changes": {"spans": [{"start": "0", "end": 1, "labels": ["X"]}]}}, "an integer"),
    ],
)
def test_a_wrong_review_is_told_what_is_wanted(keeping, body, wanted):
    assess(keeping)
    (error,) = review(keeping, **body).json()["errors"]
    assert wanted in error["reason"]


def test_a_review_without_a_reviewer_is_refused_where_no_keys_are_in_use(keeping):
    assess(keeping)
    answer = keeping.post("/v1/cases/T-1/review", json={"decision": "accept"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "reviewer")


def test_a_case_that_is_not_there_is_404(keeping):
    assert keeping.get("/v1/cases/T-404").status_code == 404
    assert review(keeping, "T-404").status_code == 404


def test_a_forgotten_case_is_410(keeping, register):
    assess(keeping)
    register.forget("T-1", actor="tests")
    answer = keeping.get("/v1/cases/T-1")
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:xiaobao:problem:forgotten")


def test_without_a_register_cases_are_assessed_and_not_kept(client):
    assert assess(client).status_code == 200
    assert client.get("/v1/cases/T-1").status_code == 404


def test_while_the_database_fails_nothing_is_acknowledged_and_the_client_may_try_again(
    keeping, register
):
    with write(register.engine):
        answer = assess(keeping)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert PHONE not in answer.text
    assert keeping.get("/v1/cases/T-1").status_code == 404
    assert assess(keeping).status_code == 200


def test_a_deadline_holds_while_another_holds_the_database(tmp_path):
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with (
        Register.open(url, key_file=tmp_path / "identifier.keys") as register,
        run_server(KeywordAnalyzer(), register=register) as (client, _),
    ):
        with write(register.engine):
            headers = {"X-Request-Deadline-Ms": "1000"}
            late = client.post("/v1/assess", json=CASE, headers=headers)
        assert (late.status_code, late.headers["retry-after"]) == (503, "1")
        assert "nothing was stored" in late.json()["detail"]
        assert assess(client, case_id="T-2").status_code == 200  # written after the late one
        assert client.get("/v1/cases/T-1").status_code == 404


def test_reviews_that_wait_for_the_database_keep_no_complaint_waiting(tmp_path):
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with (
        Register.open(url, key_file=tmp_path / "identifier.keys") as register,
        run_server(KeywordAnalyzer(), register=register, deadline_s=5.0) as (client, _),
        ThreadPoolExecutor(40) as reviewers,
    ):
        assert assess(client).status_code == 200
        with write(register.engine):
            waiting = [reviewers.submit(review, client) for _ in range(40)]
            headers = {"X-Request-Deadline-Ms": "500"}
            late = client.post("/v1/assess", json={**CASE, "case_id": "T-2"}, headers=headers)
            kept_waiting = sum(not one.done() for one in waiting)
        assert (late.status_code, kept_waiting) == (503, 40)
        assert {one.result().status_code for one in waiting} == {200}


def test_a_review_that_comes_too_late_is_not_stored(tmp_path):
    url = f"sqlite:///{tmp_path / 'register.db'}"
    with (
        Register.open(url, key_file=tmp_path / "identifier.keys") as register,
        run_server(KeywordAnalyzer(), register=register, deadline_s=0.5) as (client, _),
    ):
        assert assess(client).status_code == 200
        with write(register.engine):
            late = review(client)
        assert (late.status_code, late.headers["retry-after"]) == (503, "1")
        assert review(client, reviewer="复核二组").status_code == 200  # written after the late one
        told = client.get("/v1/cases/T-1").json()["reviews"]
        assert [one["reviewer"] for one in told] == ["复核二组"]


def test_a_closed_register_is_503_too(keeping, register):
    register.close()
    assert assess(keeping).status_code == 503
