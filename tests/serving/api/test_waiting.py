import concurrent.futures

import httpx
import pytest

from serving.api.service import service_of
from serving.scheduling.job import Lane
from tests.support.readers import BrokenAnalyzer, GatedAnalyzer, KeywordAnalyzer
from tests.support.served import TEXT, post, run_server, wait_for


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
        backlog = service_of(server.config.app).scheduler.backlog
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
        backlog = service_of(server.config.app).scheduler.backlog
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
        backlog = service_of(server.config.app).scheduler.backlog
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
