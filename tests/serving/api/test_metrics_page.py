"""The page of metrics: what it counts, that it tells one service from another, and no words."""

import concurrent.futures

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.readers import GatedAnalyzer, KeywordAnalyzer
from tests.support.served import run_server, wait_for

LATE = "理赔资料交了四十天,客服每次都说在审核。"
FULL = "我要全额退保"


def read(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Every sample: its name and the values of its labels, to its value."""
    page = client.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


@pytest.fixture
def counted():
    """What a service counted that was asked three times."""
    with run_server(KeywordAnalyzer()) as (client, _):
        client.post("/v1/assess", json={"text": LATE})
        client.post("/v1/assess/batch", json={"records": [{"text": FULL}, {"text": ""}]})
        client.post("/v1/assess", json={"text": 5})
        client.get("/nowhere/13812345678")
        yield read(client)


def test_complaints_are_counted_by_cause_level_and_review(counted):
    wanted = {
        ("xiaobao_assessments_total",): 3,
        ("xiaobao_causes_total", "CLAIM"): 1,
        ("xiaobao_levels_total", "NONE"): 2,
        ("xiaobao_levels_total", "WATCH"): 1,
        ("xiaobao_reviews_total",): 2,
    }
    assert {name: counted[name] for name in wanted} == wanted


def test_requests_are_counted_by_route_and_status(counted):
    wanted = {
        ("xiaobao_requests_total", "/v1/assess", "200"): 1,
        ("xiaobao_requests_total", "/v1/assess", "422"): 1,
        ("xiaobao_requests_total", "/v1/assess/batch", "200"): 1,
        ("xiaobao_requests_total", "unknown", "404"): 1,
    }
    assert {name: counted[name] for name in wanted} == wanted


@pytest.mark.parametrize("stage", ["queue", "tokenise", "infer", "decode"])
def test_every_stage_of_an_answer_is_timed(counted, stage):
    assert counted[("xiaobao_stage_seconds_count", stage)] >= 3


def test_the_stage_of_storing_is_there_before_anything_is_stored(counted):
    assert ("xiaobao_stage_seconds_count", "store") in counted


def test_the_bundle_in_use_is_told(counted):
    (labels,) = [labels for name, *labels in counted if name == "xiaobao_bundle_info"]
    assert sorted(labels) == ["0.1", "0.1", "active", "keywords@0000", "words"]


def test_memory_is_told(counted):
    assert counted[("process_resident_memory_bytes",)] > 10_000_000


def test_what_waits_is_told_in_tokens():
    analyzer = GatedAnalyzer()
    with run_server(analyzer) as (client, _), concurrent.futures.ThreadPoolExecutor(1) as pool:
        empty = read(client)[("xiaobao_queue_tokens",)]
        analyzer.shut()
        call = pool.submit(client.post, "/v1/assess", json={"text": "赔" * 14})
        analyzer.entered.wait(timeout=10)
        wait_for(lambda: read(client)[("xiaobao_queue_tokens",)] == 16)
        analyzer.gate.set()
        call.result()
    assert empty == 0


def test_two_services_in_one_process_count_apart():
    with run_server(KeywordAnalyzer()) as (one, _), run_server(KeywordAnalyzer()) as (other, _):
        one.post("/v1/assess", json={"text": LATE})
        counts = [read(client)[("xiaobao_assessments_total",)] for client in (one, other)]
    assert counts == [1, 0]


def test_the_page_holds_no_word_that_was_sent():
    with run_server(KeywordAnalyzer()) as (client, _):
        client.post("/v1/assess", json={"text": LATE, "phone": "13812345678"})
        client.get("/nowhere/13812345678")
        client.request("13812345678", "/v1/assess")
        page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert "13812345678" not in page.text
    assert "理赔" not in page.text
