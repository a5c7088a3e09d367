import json
import socket

import pytest

from tests.support.readers import KeywordAnalyzer
from tests.support.served import JSON, TEXT, fields_of, run_server


def test_a_media_type_with_a_json_suffix_is_json(client):
    headers = {"content-type": "application/vnd.case+json; charset=UTF-8"}
    answer = client.post("/v1/assess", content=json.dumps({"text": TEXT}), headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        ('{"text": "理赔",}'.encode(), "byte 17"),
        (b'{"text": "\xc0\xed\xc5\xe2"}', "invalid UTF-8 at byte 10"),
        (b'{"text": "\\ud800"}', "byte"),
        (b'{"text": NaN}', "byte 9"),
        (b"[" * 5000, "byte"),
    ],
)
def test_an_unreadable_body_is_refused_with_the_place(client, content, detail):
    answer = client.post("/v1/assess", content=content, headers=JSON)
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=gbk",
        "json",
        "",
    ],
)
def test_another_content_type_is_refused(client, content_type):
    content = json.dumps({"text": TEXT})
    answer = client.post("/v1/assess", content=content, headers={"content-type": content_type})
    assert answer.status_code == 415


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_of_json_are_too_large(client, chunked):
    body = json.dumps({"text": "a" * 11_000_000}).encode()
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    answer = client.post("/v1/assess", content=pieces if chunked else body, headers=JSON)
    assert answer.status_code == 413
    assert str(8 * 1024 * 1024) in answer.json()["detail"]


def test_a_body_that_is_declared_huge_is_refused_unread(client):
    with socket.create_connection((client.base_url.host, client.base_url.port), 5) as connection:
        head = "POST /v1/assess HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 99999999999\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_never_ends_is_not_waited_for():
    with run_server(KeywordAnalyzer(), deadline_s=0.2) as (client, _):
        place = (client.base_url.host, client.base_url.port)
        with socket.create_connection(place, 5) as connection:
            head = (
                "POST /v1/assess HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            )
            connection.sendall(f"{head}Content-Length: 50\r\n\r\n{{".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_a_text_over_the_limit_is_named_not_cut():
    with run_server(KeywordAnalyzer(), max_text_chars=1000) as (client, _):
        records = [{"text": TEXT}, {"text": "长" * 1001}]
        answer = client.post("/v1/assess/batch", json={"records": records})
    assert answer.status_code == 413
    assert fields_of(answer) == ["records[1].text"]


def test_a_field_over_the_limit_is_named_with_the_limit(client):
    answer = client.post("/v1/assess", json={"text": TEXT, "address": "路" * 1001})
    assert answer.status_code == 422
    assert fields_of(answer) == ["address"]
    assert "1000" in answer.json()["errors"][0]["reason"]
