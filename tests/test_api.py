import concurrent.futures
import io
import json
import logging
import re
import socket

import httpx
import jsonschema
import pytest
import structlog

from models.assessment import as_json
from models.record import GENRES, Record
from serving.api.schemas import RECORD_FIELDS
from serving.logs import configure_logs
from serving.scheduling.job import Lane
from tests.readers import BrokenAnalyzer, GatedAnalyzer, KeywordAnalyzer
from tests.served import run_server, wait_for

TEXT = "理赔资料交了四十天,客服每次都说在审核。"
JSON = {"content-type": "application/json"}


def post(client: httpx.Client, body: object) -> httpx.Response:
    return client.post("/v1/assess", json=body)


def fields_of(response: httpx.Response) -> list[str]:
    return [error["field"] for error in response.json()["errors"]]


def test_one_complaint_gets_the_answer_of_the_analyzer(client):
    answer = post(client, {"text": TEXT, "case_id": "T-1"})
    (wanted,) = KeywordAnalyzer().assess([Record(TEXT, case_id="T-1")])
    assert answer.status_code == 200
    assert answer.json() == as_json(wanted)


def test_a_batch_is_answered_in_the_order_of_the_request(client):
    texts = [f"第{number}件" + "理赔" * (number % 7) for number in range(256)]
    records = [{"text": text, "case_id": str(n)} for n, text in enumerate(texts)]
    answer = client.post("/v1/assess/batch", json={"records": records})
    assert [item["case_id"] for item in answer.json()["assessments"]] == [
        str(n) for n in range(256)
    ]


def test_a_batch_gives_the_answers_of_single_requests(client):
    records = [{"text": TEXT}, {"text": "我要全额退保"}, {"text": ""}]
    batch = client.post("/v1/assess/batch", json={"records": records}).json()["assessments"]
    assert batch == [post(client, record).json() for record in records]


def test_an_empty_batch_is_answered_with_nothing(client):
    answer = client.post("/v1/assess/batch", json={"records": []})
    assert answer.json() == {"assessments": []}


@pytest.mark.parametrize("text", ["", "  \n", "😀😀😡", "我要退钱" * 5000, "𠮷" * 10, "\u200b"])
def test_every_text_is_answered_whole(client, text):
    answer = post(client, {"text": text})
    assert answer.status_code == 200
    assert answer.json()["text"]["chars"] == len(text)


def test_an_empty_text_is_unclear_and_for_a_person_to_read(client):
    answer = post(client, {"text": ""}).json()
    assert answer["root_cause"]["primary"]["id"] == "OTHER.UNCLEAR"
    assert answer["review"]["needed"]


def test_every_field_of_a_record_may_be_sent(client):
    record = {**dict.fromkeys(RECORD_FIELDS, "甲"), "genre": "chat_log"}
    assert post(client, record).status_code == 200


@pytest.mark.parametrize("genre", [*GENRES, "", None])
def test_every_genre_of_the_policy_may_be_sent_or_left_empty(client, genre):
    assert post(client, {"text": TEXT, "genre": genre}).status_code == 200


def test_a_genre_that_the_policy_does_not_know_is_answered_with_those_it_knows(client):
    answer = post(client, {"text": TEXT, "genre": "电邮"})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "genre"
    assert all(genre in fault["reason"] for genre in GENRES)


def test_a_media_type_with_a_json_suffix_is_json(client):
    headers = {"content-type": "application/vnd.case+json; charset=UTF-8"}
    answer = client.post("/v1/assess", content=json.dumps({"text": TEXT}), headers=headers)
    assert answer.status_code == 200


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
    ("method", "path"),
    [("post", "/v1/assess"), ("post", "/v1/assess/batch"), ("get", "/v1/groups")],
)
def test_a_parameter_that_may_be_left_out_is_not_documented_as_null(client, method, path):
    operation = client.get("/openapi.json").json()["paths"][path][method]
    schemas = {one["name"]: one["schema"] for one in operation["parameters"]}
    assert schemas
    assert all("type" in schema for schema in schemas.values())
    if header := schemas.get("x-request-deadline-ms"):
        assert (header["type"], header["minimum"]) == ("integer", 1)


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


def test_the_model_is_described(client):
    assert client.get("/v1/model").json() == KeywordAnalyzer().description


@pytest.mark.parametrize(
    ("path", "model"),
    [("/v1/model", "DescriptionOut"), ("/livez", "StateOut"), ("/readyz", "StateOut")],
)
def test_an_answer_about_the_service_follows_its_schema(client, path, model):
    schema = client.get("/openapi.json").json()
    jsonschema.validate(
        client.get(path).json(), {"$ref": f"#/components/schemas/{model}", **schema}
    )


@pytest.mark.parametrize("text", [TEXT, "我要全额退保,不退就投诉理赔", ""])
def test_an_assessment_follows_its_schema(client, text):
    schema = client.get("/openapi.json").json()
    answer = post(client, {"text": text}).json()
    jsonschema.validate(answer, {"$ref": "#/components/schemas/AssessmentOut", **schema})


def test_a_batch_follows_its_schema(client):
    schema = client.get("/openapi.json").json()
    answer = client.post("/v1/assess/batch", json={"records": [{"text": TEXT}] * 2}).json()
    jsonschema.validate(answer, {"$ref": "#/components/schemas/BatchOut", **schema})


@pytest.mark.parametrize("path", ["/v1/assess", "/v1/assess/batch"])
@pytest.mark.parametrize(
    "status", ["400", "401", "403", "408", "413", "415", "422", "429", "500", "503"]
)
def test_the_schema_tells_of_every_problem(client, path, status):
    operation = client.get("/openapi.json").json()["paths"][path]["post"]
    content = operation["responses"][status]["content"]
    assert content == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


def test_the_schema_knows_the_fields_of_a_record(client):
    schema = client.get("/openapi.json").json()["components"]["schemas"]["RecordIn"]
    assert tuple(schema["properties"]) == RECORD_FIELDS


def test_the_evidence_shown_as_an_example_has_the_length_it_says(client):
    schema = client.get("/openapi.json").json()["components"]["schemas"]["EvidenceOut"]
    example = {
        name: field.get("examples", [None])[0] for name, field in schema["properties"].items()
    }
    assert example["end"] - example["start"] == len(example["text"])


def test_the_docs_need_nothing_from_outside(client):
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) == 4
    assert all(client.get(asset).status_code == 200 for asset in assets)
    assert "://" not in page


def test_the_docs_ask_no_outside_service_about_the_schema(client):
    assert '"validatorUrl": null' in client.get("/docs-start.js").text


@pytest.mark.parametrize("path", ["/livez", "/nowhere", "/openapi.json", "/docs"])
def test_every_answer_forbids_what_it_does_not_need(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"


def test_nothing_that_stands_in_the_page_of_the_docs_may_run(client):
    page = client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert re.findall(r"<script[^>]*>[^<]|<style| style=| on[a-z]+=", page.text) == []


def test_every_route_is_named_in_chinese(client):
    paths = client.get("/openapi.json").json()["paths"].values()
    summaries = [route["summary"] for path in paths for route in path.values()]
    assert [words for words in summaries if not re.match("[\u4e00-\u9fff]", words)] == []


def test_a_service_that_warms_up_lives_but_is_not_ready():
    analyzer = GatedAnalyzer()
    analyzer.shut()
    with run_server(analyzer, wait_ready=False) as (client, _):
        states = {path: client.get(path) for path in ("/livez", "/readyz")}
        refused = post(client, {"text": TEXT})
        analyzer.gate.set()
        wait_for(lambda: client.get("/readyz").status_code == 200)
    assert {path: state.status_code for path, state in states.items()} == {
        "/livez": 200,
        "/readyz": 503,
    }
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


def test_each_of_many_callers_gets_the_own_answer_from_a_shared_batch():
    analyzer = GatedAnalyzer()
    texts = [f"第{number}封信" + "理赔" * number for number in range(24)]
    with run_server(analyzer) as (client, _), concurrent.futures.ThreadPoolExecutor(24) as pool:
        analyzer.shut()
        futures = [pool.submit(post, client, {"text": text, "case_id": text}) for text in texts]
        analyzer.entered.wait(timeout=10)
        analyzer.gate.set()
        answers = [future.result().json() for future in futures]
    assert [answer["case_id"] for answer in answers] == texts
    assert [answer["text"]["chars"] for answer in answers] == [len(text) for text in texts]


def test_requests_that_wait_together_are_read_together():
    analyzer = GatedAnalyzer()
    with run_server(analyzer) as (client, server), concurrent.futures.ThreadPoolExecutor(9) as pool:
        analyzer.shut()
        first = pool.submit(post, client, {"text": TEXT})
        analyzer.entered.wait(timeout=10)
        rest = [pool.submit(post, client, {"text": TEXT}) for _ in range(8)]
        backlog = server.config.app.state.scheduler.backlog
        wait_for(lambda: backlog._lanes.tokens[Lane.QUICK] == 8 * 32)
        analyzer.gate.set()
        assert {future.result().status_code for future in [first, *rest]} == {200}
    assert analyzer.batches[1:] == [1, 8]  # the first is the warm-up


def test_a_full_queue_says_when_to_come_back():
    analyzer = GatedAnalyzer()
    with (
        run_server(analyzer, queue_tokens=1000) as (client, _),
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        analyzer.shut()
        first = pool.submit(post, client, {"text": "理" * 900})
        analyzer.entered.wait(timeout=10)
        refused = post(client, {"text": "赔" * 200})
        analyzer.gate.set()
        assert first.result().status_code == 200
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_a_request_larger_than_the_queue_is_answered_when_nothing_waits():
    with run_server(KeywordAnalyzer(), queue_tokens=1000) as (client, _):
        assert post(client, {"text": "理赔" * 900}).status_code == 200


def test_a_request_past_its_deadline_is_told_so():
    analyzer = GatedAnalyzer()
    with run_server(analyzer, deadline_s=0.1) as (client, _):
        analyzer.shut()
        answer = post(client, {"text": TEXT})
        analyzer.gate.set()
    assert answer.status_code == 503
    assert "0.1 seconds" in answer.json()["detail"]


def test_what_a_client_that_left_had_asked_is_not_read():
    analyzer = GatedAnalyzer()
    with run_server(analyzer) as (client, server), concurrent.futures.ThreadPoolExecutor(1) as pool:
        backlog = server.config.app.state.scheduler.backlog
        analyzer.shut()
        first = pool.submit(post, client, {"text": TEXT})
        analyzer.entered.wait(timeout=10)
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/assess", json={"text": "没人等了"}, timeout=0.2)
        wait_for(lambda: backlog.tokens == 32)  # what is in flight, nothing behind it
        analyzer.gate.set()
        assert first.result().status_code == 200
    assert analyzer.batches[1:] == [1]


def test_a_service_that_stops_finishes_what_it_accepted():
    analyzer = GatedAnalyzer()
    with run_server(analyzer) as (client, server), concurrent.futures.ThreadPoolExecutor(3) as pool:
        backlog = server.config.app.state.scheduler.backlog
        analyzer.shut()
        futures = [pool.submit(post, client, {"text": TEXT}) for _ in range(3)]
        analyzer.entered.wait(timeout=10)
        wait_for(lambda: backlog.tokens == 3 * 32)
        server.should_exit = True
        analyzer.gate.set()
        assert [future.result().status_code for future in futures] == [200, 200, 200]


def test_one_text_that_cannot_be_read_does_not_fail_its_neighbours():
    with (
        run_server(BrokenAnalyzer(), batch_wait_ms=50) as (client, _),
        concurrent.futures.ThreadPoolExecutor(6) as pool,
    ):
        texts = ["好", "坏", "好", "好", "坏", "好"]
        answers = list(pool.map(lambda text: post(client, {"text": text}), texts))
    assert [answer.status_code for answer in answers] == [200, 500, 200, 200, 500, 200]


def test_an_unforeseen_error_says_nothing_but_the_request_id():
    with run_server(BrokenAnalyzer()) as (client, _):
        answer = client.post(
            "/v1/assess", json={"text": "坏 张秀兰"}, headers={"X-Request-Id": "r-1"}
        )
    assert answer.json()["instance"].endswith(":r-1")
    assert "张秀兰" not in answer.text
    assert "Traceback" not in answer.text


PERSONAL = {
    "text": "坏 我叫张秀兰,电话13812345678,身份证110101199003070011,理赔一直不给",
    "case_id": "CASE-张秀兰",
    "phone": "13812345678",
    "address": "朝阳区幸福路8号",
    "payee_account": "6222021234567890123",
    "policyholder": "张秀兰",
    "policy_no": "P2021000123456",
    "seller": "王建国",
    "attachment_author": "李法务",
}


def personal_requests(client: httpx.Client) -> list[int]:
    readable = {**PERSONAL, "text": PERSONAL["text"].removeprefix("坏")}
    typed = {"X-Request-Id": "13812345678 张秀兰".encode()}
    return [
        post(client, readable).status_code,
        client.post("/v1/assess", json=readable, headers=typed).status_code,
        post(client, PERSONAL).status_code,
        post(client, {**PERSONAL, "电话13812345678": 1}).status_code,
        post(client, {"text": [PERSONAL]}).status_code,
        client.post("/v1/assess/batch", json={"records": [PERSONAL, readable]}).status_code,
        client.post("/v1/assess", content=str(PERSONAL).encode(), headers=JSON).status_code,
        client.get("/v1/cases/13812345678", params={"name": "张秀兰"}).status_code,
        client.request("13812345678", "/v1/assess").status_code,
        client.get("/v1/model", headers={"Authorization": "Bearer 13812345678"}).status_code,
        client.post("/v1/assess", json=readable, headers=patience("13812345678")).status_code,
        client.post("/v1/assess", json=readable, headers=patience("张秀兰")).status_code,
        client.post("/v1/admin/bundle", json={"bundle": "张秀兰13812345678"}).status_code,
    ]


def patience(value: str) -> dict[str, bytes]:
    return {"X-Request-Deadline-Ms": value.encode()}


@pytest.fixture
def logged():
    """What the service logs, as text; the logging of the test run is put back afterwards."""
    root, client_side = logging.getLogger(), logging.getLogger("httpx")
    kept, level, structured = list(root.handlers), root.level, structlog.get_config()
    client_side.setLevel(logging.WARNING)  # it runs in this process and logs typed addresses
    stream = io.StringIO()
    configure_logs(level="info", stream=stream)
    yield stream
    root.handlers[:] = kept
    root.setLevel(level)
    client_side.setLevel(logging.NOTSET)
    structlog.configure(**structured)


def test_no_log_line_holds_a_word_of_a_complaint_or_of_a_person(logged):
    with run_server(BrokenAnalyzer()) as (client, _):
        statuses = personal_requests(client)
    assert statuses == [200, 200, 500, 422, 422, 500, 400, 404, 400, 200, 200, 422, 403]
    log = logged.getvalue()
    lines = [json.loads(line) for line in log.splitlines()]
    # A method that HTTP does not know is refused before there is a request.
    told = [line["event"].startswith(("request", "Invalid HTTP request")) for line in lines]
    assert sum(told) >= len(statuses)
    words = [*PERSONAL.values(), "张秀兰", "13812345678", "110101199003070011", "电话", "理赔"]
    assert [word for word in words if word in log] == []


def test_a_log_line_tells_id_route_sizes_levels_and_time(logged):
    with run_server(KeywordAnalyzer()) as (client, _):
        client.post("/v1/assess", json={"text": TEXT}, headers={"X-Request-Id": "r-7"})
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "r-7"]
    wanted = {"route": "/v1/assess", "status": 200, "records": 1, "chars": len(TEXT)}
    assert {name: line[name] for name in wanted} == wanted
    assert line["levels"] == {"NONE": 1}
    assert line["ms"] > 0


def test_a_line_of_another_library_is_kept_to_its_first_line_without_the_error(logged):
    try:
        raise ValueError("张秀兰")
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved\n张秀兰")
    line = json.loads(logged.getvalue())
    assert line["event"] == "Task exception was never retrieved"
    assert line["error"] == "ValueError"
    assert "张秀兰" not in logged.getvalue()
