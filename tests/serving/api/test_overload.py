"""Overload: who is told to come back, who is answered in time, and what mends itself."""

import concurrent.futures

import httpx
import pytest

from serving.api.service import service_of
from tests.support.readers import GatedAnalyzer, KeywordAnalyzer
from tests.support.served import run_server, wait_for

TEXT = "理赔资料交了四十天,客服每次都说在审核。"
ALLOW = "X-Request-Deadline-Ms"


def post(client: httpx.Client, text: str, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/assess", json={"text": text}, headers=given)


@pytest.fixture
def gated():
    """A busy service: the analyzer with its gate shut, a client, a pool for calls that wait."""
    analyzer = GatedAnalyzer()
    with run_server(analyzer) as (client, server), concurrent.futures.ThreadPoolExecutor(4) as pool:
        analyzer.shut()
        yield analyzer, client, server, pool
        analyzer.gate.set()


def test_a_wait_that_would_pass_the_deadline_is_refused_at_once(gated):
    analyzer, client, _, pool = gated
    first = pool.submit(post, client, "长" * 20_000)
    analyzer.entered.wait(timeout=10)
    refused = post(client, TEXT, X_Request_Deadline_Ms="20")
    analyzer.gate.set()
    assert (refused.status_code, first.result().status_code) == (429, 200)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert "allowed" in refused.json()["detail"]


def test_who_allows_more_time_is_accepted_meanwhile(gated):
    analyzer, client, server, pool = gated
    first = pool.submit(post, client, "长" * 20_000)
    analyzer.entered.wait(timeout=10)
    backlog = service_of(server.config.app).scheduler.backlog
    before = backlog.tokens
    second = pool.submit(post, client, TEXT, X_Request_Deadline_Ms="30000")
    wait_for(lambda: backlog.tokens > before)
    analyzer.gate.set()
    assert [call.result().status_code for call in (first, second)] == [200, 200]


def test_a_deadline_holds_in_the_queue_too(gated):
    analyzer, client, _, pool = gated
    first = pool.submit(post, client, TEXT)
    analyzer.entered.wait(timeout=10)
    late = post(client, TEXT, X_Request_Deadline_Ms="400")
    analyzer.gate.set()
    assert (late.status_code, first.result().status_code) == (503, 200)
    assert "no answer within 0.4 seconds" in late.json()["detail"]
    assert post(client, TEXT).status_code == 200
    assert analyzer.batches[1:] == [1, 1]  # the late one was never read


@pytest.mark.parametrize("given", ["soon", "0", "-5", "1.5"])
def test_a_deadline_that_is_no_number_of_milliseconds_is_named(client, given):
    answer = post(client, TEXT, X_Request_Deadline_Ms=given)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [ALLOW.lower()]


def test_a_caller_cannot_allow_more_time_than_the_service_does():
    analyzer = GatedAnalyzer()
    with run_server(analyzer, deadline_s=0.1) as (client, _):
        analyzer.shut()
        answer = post(client, TEXT, X_Request_Deadline_Ms="60000")
        analyzer.gate.set()
    assert answer.status_code == 503


def test_what_is_refused_is_not_parsed_before(gated):
    analyzer, client, _, pool = gated
    first = pool.submit(post, client, "长" * 20_000)
    analyzer.entered.wait(timeout=10)
    headers = {"content-type": "application/json", ALLOW: "20"}
    refused = client.post("/v1/assess", content=b'{"text": ', headers=headers)
    analyzer.gate.set()
    first.result()
    assert refused.status_code == 429


def test_a_stuck_thread_is_replaced_and_the_service_is_ready_again():
    analyzer = GatedAnalyzer()
    with run_server(analyzer, stuck_after_s=0.5) as (client, server):
        analyzer.shut()
        lost = post(client, TEXT)
        wait_for(lambda: client.get("/readyz").status_code == 503)
        alive = client.get("/livez").status_code
        analyzer.gate.set()
        wait_for(lambda: client.get("/readyz").status_code == 200)
        again = post(client, TEXT)
        restarts = service_of(server.config.app).scheduler.restarts
    assert (lost.status_code, alive, again.status_code) == (503, 200, 200)
    assert lost.headers["retry-after"] == "1"
    assert restarts >= 1


class Deadly(KeywordAnalyzer):
    """Ends the thread that reads a window of 22 tokens, as a fault of native code may."""

    def infer(self, windows):
        if any(len(window.ids) == 22 for window in windows) and self.batches:
            raise SystemExit
        return super().infer(windows)


def test_a_dead_thread_is_replaced_and_others_are_answered():
    with run_server(Deadly()) as (client, server):
        lost = post(client, "赔" * 20)
        wait_for(lambda: client.get("/readyz").status_code == 200)
        again = post(client, "赔" * 30)
        restarts = service_of(server.config.app).scheduler.restarts
    assert (lost.status_code, again.status_code, restarts) == (503, 200, 1)


def test_what_waited_behind_a_lost_batch_is_answered_by_the_next_thread(gated):
    analyzer, client, server, pool = gated
    scheduler = service_of(server.config.app).scheduler
    lost = pool.submit(post, client, TEXT)
    analyzer.entered.wait(timeout=10)
    behind = pool.submit(post, client, TEXT)
    wait_for(lambda: scheduler.backlog.tokens == 64)
    scheduler.replace_worker()
    assert lost.result().status_code == 503
    analyzer.gate.set()
    assert behind.result().status_code == 200


def test_a_service_that_closes_leaves_nobody_without_an_answer_when_its_thread_gets_lost():
    analyzer = GatedAnalyzer()
    with (
        run_server(analyzer, stuck_after_s=0.5) as (client, server),
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        scheduler = service_of(server.config.app).scheduler
        analyzer.shut()
        calls = [pool.submit(post, client, TEXT) for _ in range(2)]
        wait_for(lambda: len(server.server_state.tasks) == 2)  # else one finds the door shut
        analyzer.entered.wait(timeout=10)
        server.should_exit = True
        wait_for(lambda: scheduler.restarts > 0)
        analyzer.gate.set()
        statuses = sorted(call.result().status_code for call in calls)
    assert statuses[-1] == 503
    assert set(statuses) <= {200, 503}
