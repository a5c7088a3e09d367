import io
import json
import logging
from dataclasses import replace

import httpx
import pytest
import structlog

from models.assessment import Assessment
from models.record import Record
from serving.logs import configure_logs
from tests.support.readers import BrokenAnalyzer, KeywordAnalyzer
from tests.support.served import JSON, TEXT, post, run_server

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


class RoutingAnalyzer(KeywordAnalyzer):
    """Who cannot go on (撑不下去) is routed, and gets no level."""

    def _read(self, record: Record) -> Assessment:
        read = super()._read(record)
        route = "safety" if "撑不下去" in record.text else None
        return replace(read, agent=replace(read.agent, route=route))


def test_no_log_line_holds_a_word_of_a_complaint_or_of_a_person(logged):
    with run_server(BrokenAnalyzer()) as (client, _):
        statuses = personal_requests(client)
    assert statuses == [200, 200, 500, 422, 422, 500, 400, 404, 400, 200, 422, 422, 403]
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


def test_who_is_routed_is_counted_by_route_and_given_no_level(logged):
    records = [{"text": TEXT}, {"text": "我撑不下去了"}]
    with run_server(RoutingAnalyzer()) as (client, _):
        client.post("/v1/assess/batch", json={"records": records}, headers={"X-Request-Id": "r-8"})
        page = client.get("/metrics").text
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "r-8"]
    assert (line["levels"], line["routes"]) == ({"NONE": 1}, {"safety": 1})
    assert 'xiaobao_levels_total{level="NONE"} 1.0' in page
    assert 'xiaobao_routed_total{route="safety"} 1.0' in page


def test_a_line_of_another_library_is_kept_to_its_first_line_without_the_error(logged):
    try:
        raise ValueError("张秀兰")
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved\n张秀兰")
    line = json.loads(logged.getvalue())
    assert line["event"] == "Task exception was never retrieved"
    assert line["error"] == "ValueError"
    assert "张秀兰" not in logged.getvalue()
