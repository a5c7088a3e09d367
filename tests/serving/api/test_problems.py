import re
from unittest.mock import MagicMock

import jsonschema
import pytest

from tests.support.kept import open_sqlite
from tests.support.readers import BrokenAnalyzer, KeywordAnalyzer
from tests.support.served import JSON, TEXT, fields_of, post, run_server


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": TEXT, "phoen": "1"}, "phoen"),
        ({"text": 5}, "text"),
        ({"text": None}, "text"),
        ({"case_id": "T-1"}, "text"),
        ({"text": TEXT, "case_id": 7}, "case_id"),
        ({"text": TEXT, "phone": ["1"]}, "phone"),
        ({"text": TEXT, "genre": "电邮"}, "genre"),
        ([TEXT], "body"),
        (TEXT, "body"),
    ],
)
def test_a_wrong_field_is_named(client, body, field):
    answer = post(client, body)
    assert answer.status_code == 422
    assert fields_of(answer) == [field]


def test_a_body_of_null_is_a_wrong_field_too(client):
    answer = client.post("/v1/assess", content=b"null", headers=JSON)
    assert (answer.status_code, fields_of(answer)) == (422, ["body"])


def test_each_invalid_record_of_a_batch_is_named_by_index_and_field(client):
    records = [{"text": TEXT}, {"text": 1}, {"text": TEXT, "x": 1}, {}]
    answer = client.post("/v1/assess/batch", json={"records": records})
    assert answer.status_code == 422
    assert fields_of(answer) == ["records[1].text", "records[2].x", "records[3].text"]


def test_a_batch_over_256_is_refused_with_the_limit(client):
    answer = client.post("/v1/assess/batch", json={"records": [{"text": "甲"}] * 257})
    assert answer.status_code == 422
    assert "256" in answer.json()["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/v1/assess", 405), ("DELETE", "/livez", 405)],
)
def test_a_wrong_address_or_method_is_a_problem_too(client, method, path, status):
    answer = client.request(method, path)
    assert answer.json()["status"] == answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/livez", "GET"),
        ("PUT", "/v1/admin/shadow", "GET, POST"),
        ("PUT", "/v1/cases/T-1/review", "GET, POST"),  # an id may end in /review
        ("POST", "/console/assets/console.css", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_all_that_the_address_allows(client, method, path, allowed):
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "GET", "url": "/nowhere"},
        {"method": "POST", "url": "/v1/assess", "json": {}},
        {"method": "POST", "url": "/v1/assess", "content": b"{"},
        {"method": "POST", "url": "/v1/assess", "content": b"{", "headers": JSON},
    ],
)
def test_every_problem_has_the_members_and_the_media_type_of_its_standard(client, request_):
    answer = client.request(**request_)
    schema = client.get("/openapi.json").json()
    assert answer.headers["content-type"] == "application/problem+json"
    jsonschema.validate(answer.json(), {"$ref": "#/components/schemas/Problem", **schema})


def test_a_problem_never_repeats_what_was_sent(client):
    secret = "张秀兰13812345678"
    bodies = [{"text": [secret]}, {"text": "a", "phone": {"x": secret}}, [secret], secret]
    assert all(secret not in post(client, body).text for body in bodies)


def test_a_foreign_field_name_is_shortened(client):
    (field,) = fields_of(post(client, {"text": TEXT, "甲" * 5000: 1}))
    assert len(field) == 64


def test_a_request_id_comes_back(client):
    answer = client.get("/livez", headers={"X-Request-Id": "ab-12"})
    assert answer.headers["x-request-id"] == "ab-12"


@pytest.mark.parametrize("given", ["a b", "a" * 65, "<x>", "13812345678", "11010119900307001X"])
def test_a_request_id_of_another_shape_is_replaced(client, given):
    answer = client.get("/livez", headers={"X-Request-Id": given})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_a_problem_carries_the_request_id(client):
    answer = client.get("/nowhere", headers={"X-Request-Id": "ab-12"})
    assert answer.json()["instance"].endswith(":ab-12")


def test_an_unforeseen_error_says_nothing_but_the_request_id():
    with run_server(BrokenAnalyzer()) as (client, _):
        answer = client.post(
            "/v1/assess", json={"text": "坏 张秀兰"}, headers={"X-Request-Id": "r-1"}
        )
    assert answer.json()["instance"].endswith(":r-1")
    assert "张秀兰" not in answer.text
    assert "Traceback" not in answer.text


def test_a_key_file_that_is_gone_is_told_to_the_operator_alone(tmp_path, monkeypatch):
    log = MagicMock()
    monkeypatch.setattr("serving.api.problems.structlog", MagicMock(get_logger=lambda _: log))
    with (
        open_sqlite(tmp_path) as register,
        run_server(KeywordAnalyzer(), register=register) as (client, _),
    ):
        with open_sqlite(tmp_path) as other:
            other.rotate_key(actor="tests")
        (tmp_path / "identifier.keys").unlink()
        answer = post(client, {"text": TEXT})
    assert (answer.status_code, "identifier.keys" in answer.text) == (503, False)
    (told,) = log.error.call_args_list
    assert "identifier.keys: cannot be read" in told.kwargs["reason"]
