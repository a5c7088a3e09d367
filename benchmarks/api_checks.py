"""Checks of every answer that schemathesis gets, beside its own: what all routes have in common."""

import schemathesis

PROBLEM = "application/problem+json"


@schemathesis.check
def every_answer_can_be_found_in_the_log(
    _: schemathesis.CheckContext, response: schemathesis.Response, __: schemathesis.Case
) -> None:
    assert response.headers.get("x-request-id"), "no request id"


@schemathesis.check
def every_error_is_a_problem(
    _: schemathesis.CheckContext, response: schemathesis.Response, __: schemathesis.Case
) -> None:
    if response.status_code < 400:
        return
    kind = response.headers.get("content-type", ["none"])[0]
    assert kind == PROBLEM, f"{PROBLEM} wanted, found {kind}"
    assert response.json()["status"] == response.status_code, "another status in the body"


@schemathesis.check
def who_must_wait_is_told_how_long(
    _: schemathesis.CheckContext, response: schemathesis.Response, __: schemathesis.Case
) -> None:
    if response.status_code in (429, 503):
        assert response.headers.get("retry-after"), f"{response.status_code} without Retry-After"


@schemathesis.check
def a_503_is_the_callers_own_deadline(
    _: schemathesis.CheckContext, response: schemathesis.Response, __: schemathesis.Case
) -> None:
    if response.status_code == 503:
        detail = response.json()["detail"]
        assert detail.startswith("no answer within"), f"503: {detail}"
