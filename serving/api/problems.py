"""Problems: every error of the service as problem details (RFC 9457), in one place.

A problem names place, value found and value wanted. It never repeats what was sent: pydantic's
``input`` and the messages of unforeseen errors stop here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount

from models.errors import XiaobaoError
from models.record import GENRES
from serving.api.schemas import TITLES
from serving.register.errors import (
    ForgottenCaseError,
    RegisterError,
    RegisterUnavailableError,
    ReviewError,
    UnknownCaseError,
    UnknownGroupError,
)
from serving.scheduling.refusals import (
    DeadlineError,
    NotReadyError,
    QueueFullError,
    WorkerLostError,
)

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 100
_LONGEST_NAME = 64
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_NOT_USABLE = "the register cannot be used"
_OF_FILES = "GET, HEAD"  # what a mount serves

_KINDS = {
    400: "unreadable-body",
    401: "key-needed",
    403: "not-allowed",
    404: "no-such-address",
    405: "method-not-allowed",
    408: "body-too-slow",
    409: "conflict",
    410: "forgotten",
    413: "too-large",
    415: "content-type",
    422: "invalid-field",
    429: "too-much",
    499: "client-gone",
    500: "internal",
    503: "not-available",
}

_TITLES_OF_KINDS = {"unknown-host": "主机名不在允许之列 · the host name is not an allowed one"}

_REASONS = {
    "missing": "必填 · required",
    "extra_forbidden": "未知字段 · unknown field",
    "string_type": "应为字符串 · must be a string",
    "string_too_long": "最多 {max_length} 字 · at most {max_length} characters",
    "string_too_short": "至少 {min_length} 字 · at least {min_length} characters",
    "too_long": "最多 {max_length} 件 · at most {max_length}",
    "too_short": "至少 {min_length} 件 · at least {min_length}",
    "literal_error": "应为以下之一 · must be {expected}",
    "greater_than_equal": "不小于 {ge} · at least {ge}",
    "less_than_equal": "不大于 {le} · at most {le}",
    "int_type": "应为整数 · must be an integer",
    "int_parsing": "应为整数 · must be an integer",
    "int_parsing_size": "应为整数 · must be an integer",
    "bool_type": "应为 true 或 false · must be true or false",
    "list_type": "应为数组 · must be an array",
    "model_type": "应为对象 · must be an object",
    "model_attributes_type": "应为对象 · must be an object",
    "dict_type": "应为对象 · must be an object",
    "foreign_genre": f"应为以下之一 · must be one of {', '.join(GENRES)}",
}


class ProblemError(XiaobaoError):
    """Ends a request with this status; ``errors`` are pairs of field and reason.

    ``kind`` tells problems of one status apart; by default it is that of the status.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        kind: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind or _KINDS.get(status, "other")
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


def field_problem(field: str, reason: str) -> ProblemError:
    """What is wrong with one field; the reason says what is wanted."""
    return ProblemError(422, f"{field}: {reason}", errors=[(field, reason)])


def problem_response(problem: ProblemError, *, request_id: str) -> Response:
    """The problem as a response, with the request id as its instance."""
    body = {
        "type": f"urn:xiaobao:problem:{problem.kind}",
        "title": _title(problem),
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:xiaobao:request:{request_id}",
        "errors": [{"field": field, "reason": reason} for field, reason in problem.errors],
    }
    return Response(
        orjson.dumps(body),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )


def _title(problem: ProblemError) -> str:
    default = TITLES.get(problem.status, "无法完成 · cannot be done")
    return _TITLES_OF_KINDS.get(problem.kind, default)


def as_problem(error: Exception) -> ProblemError:
    """The problem that tells of this error; anything unforeseen is a 500 without a word more."""
    match error:
        case ProblemError():
            return error
        case RequestValidationError():
            return _field_problem(error.errors())
        case QueueFullError():
            return ProblemError(429, str(error), headers={"Retry-After": str(error.retry_after)})
        case DeadlineError() | NotReadyError() | WorkerLostError():
            return ProblemError(503, str(error), headers={"Retry-After": "1"})
        case RegisterError():
            return _register_problem(error)
        case HTTPException():
            return ProblemError(error.status_code, error.detail, headers=error.headers)
        case _:
            return ProblemError(
                500, "请把请求编号告诉管理员 · give the request id to your operator"
            )


def _register_problem(error: RegisterError) -> ProblemError:
    match error:
        case UnknownCaseError() | UnknownGroupError():
            return ProblemError(404, str(error))
        case ForgottenCaseError():
            return ProblemError(410, str(error))
        case ReviewError():
            return ProblemError(422, str(error), errors=[(error.field, error.reason)])
        case RegisterUnavailableError():
            return ProblemError(503, str(error), headers={"Retry-After": "1"})
        case _:  # a key is missing: its file is the operator's affair
            return ProblemError(503, _NOT_USABLE, headers={"Retry-After": "30"})


def install_problems(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    for kind in (XiaobaoError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)
    app.add_exception_handler(405, _refuse_method)


async def _refuse_method(request: Request, _: Exception) -> Response:
    """Names every method of the address: the router would name those of its first route alone."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    fitting = (
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    )
    allowed = ", ".join(fitting) or _OF_FILES
    problem = ProblemError(405, f"method: wanted {allowed}", headers={"Allow": allowed})
    return problem_response(problem, request_id=request.state.request_id)


async def _answer(request: Request, error: Exception) -> Response:
    problem, id_ = as_problem(error), request.state.request_id
    if isinstance(error, RegisterError) and problem.detail == _NOT_USABLE:
        # Who called cannot mend it and is not told of files; who operates the service must be.
        structlog.get_logger(__name__).error(_NOT_USABLE, request_id=id_, reason=str(error))
    return problem_response(problem, request_id=id_)


def _field_problem(faults: Sequence[Mapping[str, Any]]) -> ProblemError:
    errors = [(_path(fault["loc"]), _reason(fault)) for fault in faults[:_MOST_ERRORS]]
    first, reason = errors[0]
    return ProblemError(422, f"{first}: {reason} ({len(faults)} in all)", errors=errors)


def _path(places: Sequence[int | str]) -> str:
    """``("body", "records", 3, "text")`` as ``records[3].text``."""
    path = ""
    for place in places[1:]:
        # A name that nobody knows came from outside: never longer than a name should be.
        path += f"[{place}]" if isinstance(place, int) else f".{place[:_LONGEST_NAME]}"
    return path.removeprefix(".") or "body"


def _reason(fault: Mapping[str, Any]) -> str:
    reason = _REASONS.get(fault["type"], "值无效 · not a valid value")
    # A context holds what our schema wants; that of other kinds may hold what was sent.
    return reason.format_map(fault.get("ctx", {})) if "{" in reason else reason
