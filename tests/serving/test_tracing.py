import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest

from models.extras import MissingExtraError
from models.privacy import find_personal
from serving.register.register import Register
from serving.settings import ServingSettings, SettingsError, read_settings
from serving.tracing import RequestTrace, Traces, open_traces
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server, wait_for

# No person's numbers: the phone is of the invented range, the id number is of no district.
PERSONAL = {
    "phone": "19900001101",
    "id": "990101199001010035",
    "account": "6200000000000000000",
    "name": "贺秀兰",
    "address": "望岚县城关镇东门巷5号",
    "email": "abc.def@mail.example",
}
TEXT = (
    "我叫{name},住在{address},电话{phone},身份证{id},卡号{account},邮箱{email}。理赔太慢。".format(
        **PERSONAL
    )
)
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter() -> Any:
    pytest.importorskip("opentelemetry.sdk.trace", reason="needs the extra telemetry")
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: Any) -> Traces:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Traces(provider)


@pytest.fixture
def traced(traces: Traces, tmp_path: Any) -> Iterator[httpx.Client]:
    url, key_file = f"sqlite:///{tmp_path / 'register.db'}", tmp_path / "identifier.keys"
    with (
        Register.open(url, key_file=key_file) as register,
        run_server(KeywordAnalyzer(), register=register, traces=traces) as (client, _),
    ):
        yield client


def spans(exporter: Any, *, root: str) -> dict[str, Any]:
    """The spans of one request by name, once the last one of them is there."""
    wait_for(lambda: root in [span.name for span in exporter.get_finished_spans()])
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_request_is_a_span_and_each_stage_of_it_one_below(traced, exporter):
    given = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "intake-1"}
    assert traced.post("/v1/assess", json={"text": TEXT}, headers=given).status_code == 200
    found = spans(exporter, root="POST /v1/assess")
    request = found.pop("POST /v1/assess")
    assert set(found) == {"tokenise", "queue", "infer", "decode", "store"}
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == PARENT
    for stage in found.values():
        assert stage.parent.span_id == request.context.span_id
        assert request.start_time <= stage.start_time <= stage.end_time <= request.end_time
    assert dict(request.attributes) == {
        "xiaobao.records": 1,
        "xiaobao.chars": len(TEXT),
        "xiaobao.stored": 1,
        "xiaobao.request_id": "intake-1",
        "http.response.status_code": 200,
        "http.route": "/v1/assess",
        "http.request.method": "POST",
    }


def test_no_span_holds_anything_of_the_text_or_of_what_a_client_typed(traced, exporter):
    assert {one.kind for one in find_personal(TEXT)} >= set(PERSONAL) - {"email"}
    record = {"case_id": f"T-{PERSONAL['phone']}", "text": TEXT, "phone": PERSONAL["phone"]}
    typed = {
        "tracestate": f"a={PERSONAL['phone']}",
        "baggage": f"b={PERSONAL['phone']}",
        "user-agent": f"c {PERSONAL['phone']}",
        "x-request-id": PERSONAL["phone"],
    }
    traced.post("/v1/assess", json=record, headers=typed)
    traced.post("/v1/assess/batch", json={"records": [record, record]}, headers=typed)
    traced.post("/v1/assess", json={"text": TEXT, PERSONAL["name"]: 1}, headers=typed)
    traced.post("/v1/assess", content=TEXT.encode(), headers=typed)
    for address in (f"/v1/cases/T-{PERSONAL['phone']}", f"/{PERSONAL['phone']}?q={TEXT}"):
        traced.get(address, headers=typed)
    assert traced.request(PERSONAL["phone"], "/v1/assess", headers=typed).status_code == 400
    wait_for(lambda: sum(one.parent is None for one in exporter.get_finished_spans()) == 6)
    lines = [json.loads(span.to_json()) for span in exporter.get_finished_spans()]
    exported = json.dumps(lines, ensure_ascii=False)
    assert [word for word in PERSONAL.values() if word in exported] == []
    assert not re.search("[\u4e00-\u9fff]", exported)
    assert "POST /v1/assess/batch" in exported


def test_an_answer_that_fails_is_told_without_its_words(exporter, traces):
    class Failing(KeywordAnalyzer):
        def infer(self, windows):
            if len(self.batches):  # not the warm-up
                raise ValueError(TEXT)
            return super().infer(windows)

    with run_server(Failing(), traces=traces) as (client, _):
        assert client.post("/v1/assess", json={"text": TEXT}).status_code == 500
        request = spans(exporter, root="POST /v1/assess")["POST /v1/assess"]
    assert (request.status.status_code.name, request.events) == ("ERROR", ())
    assert "ValueError" not in request.to_json()


def test_probes_and_metrics_are_not_traced(traced, exporter):
    for path in ("/livez", "/readyz", "/metrics"):
        traced.get(path)
    assert exporter.get_finished_spans() == ()


def test_many_parts_of_a_stage_are_one_span(exporter, traces):
    trace: RequestTrace = traces.begin(traceparent=None)
    for part in range(300):
        trace.watch("infer", 10.0 + part, 10.5 + part)
    trace.end("request", {}, failed=False)
    infer = spans(exporter, root="request")["infer"]
    assert infer.end_time - infer.start_time == pytest.approx(299.5e9, abs=1e5)
    assert dict(infer.attributes) == {"xiaobao.parts": 300, "xiaobao.seconds": 150.0}


class Collector(BaseHTTPRequestHandler):
    """Takes what is sent and keeps it, as (path, body)."""

    taken: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.taken.append((self.path, self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def test_a_collector_gets_the_spans_at_the_latest_when_the_service_ends(exporter, monkeypatch):
    trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        traces = open_traces(ServingSettings(traces=f"http://127.0.0.1:{collector.server_port}/"))
        with run_server(KeywordAnalyzer(), traces=traces) as (client, _):
            client.post("/v1/assess", json={"text": TEXT})
        collector.shutdown()
    ((path, body),) = Collector.taken
    assert path == "/v1/traces"
    (sent,) = trace_service.ExportTraceServiceRequest.FromString(body).resource_spans
    assert "xiaobao" in {one.value.string_value for one in sent.resource.attributes}
    names = [span.name for scope in sent.scope_spans for span in scope.spans]
    assert sorted(names) == ["POST /v1/assess", "decode", "infer", "queue", "tokenise"]


def test_without_the_extra_only_who_wants_traces_is_told(monkeypatch):
    for module in ("opentelemetry.sdk.trace", "opentelemetry.trace"):
        monkeypatch.setitem(sys.modules, module, None)
    assert open_traces(ServingSettings()) is None
    with pytest.raises(MissingExtraError, match=r"XIAOBAO_TRACES: .*'\.\[telemetry\]'"):
        open_traces(ServingSettings(traces="http://127.0.0.1:4318"))


@pytest.mark.parametrize("address", ["127.0.0.1:4318", "grpc://a:1", "http://me:key@a", "http://"])
def test_an_address_that_cannot_be_a_collector_is_refused(address):
    with pytest.raises(SettingsError, match="XIAOBAO_TRACES"):
        read_settings(traces=address)
