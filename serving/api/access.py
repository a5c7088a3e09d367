"""The outermost layer: a request id in and out, one log line a request, no error unanswered.

A line holds ids, sizes, levels and times. It never holds text, names or values of fields, nor an
address typed by a client: unforeseen errors are logged by type and place, not by their message.
"""

import re
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.problems import METHODS, as_problem, problem_response

HEADER = "x-request-id"
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PERSONAL_ID = re.compile(
    r"(?<!\d)(?:1[3-9]\d{9}|\d{6}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx])(?!\d)"
)  # phone, citizen
# Ids that are hexadecimal by their standard: UUID (RFC 9562), trace context (W3C), B3, AWS X-Ray.
_HEXADECIMAL = (
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    r"(?:[0-9a-f]{2}-)?[0-9a-f]{32}-[0-9a-f]{16}(?:-[0-9a-f]{1,2})?",
    r"1-[0-9a-f]{8}-[0-9a-f]{24}",
    r"[0-9a-f]{32}",
)
_HEX_ID = re.compile(rf"(?<![^._-])(?:{'|'.join(_HEXADECIMAL)})(?![^._-])", re.IGNORECASE)
_SAFE = {
    # A page that may load something says so itself; an answer may load nothing.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def _parted_numbers() -> re.Pattern[str]:
    """A phone, a country code perhaps before it, and a citizen's number, parted as people do."""
    between, digit = "[._-]*", r"\d"
    phone = ("1", "[3-9]", *[digit] * 9)
    year = (f"(?:1{between}9|2{between}0)", digit, digit)
    citizen = (*[digit] * 6, *year, "[01]", digit, "[0-3]", *[digit] * 4, r"[\dXx]")
    numbers = (phone, (*"86", *phone), (*"0086", *phone), citizen)
    return re.compile(rf"(?<!\d)(?:{'|'.join(map(between.join, numbers))})(?!\d)")


_PARTED_ID = _parted_numbers()


class AccessLog:
    """ASGI middleware; puts ``request_id``, ``facts`` and ``began`` into the request's state."""

    def __init__(self, app: ASGIApp, *, count: Callable[[str, int, float], None]) -> None:
        """Count is told route, status and seconds of every request."""
        self._app = app
        self._count = count
        self._log = structlog.get_logger("xiaobao.access")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        try:
            await self._app(scope, receive, exchange.send)
        except Exception as error:
            exchange.facts.update(error=type(error).__name__, at=_frames(error))
            if not exchange.status:
                response = problem_response(as_problem(error), request_id=exchange.request_id)
                await response(scope, receive, exchange.send)
        line = exchange.line()
        self._log.log(exchange.severity, "request", **line)
        self._count(str(line["route"]), exchange.status, line["ms"] / 1000)


class _Exchange:
    def __init__(self, scope: Scope, send: Send) -> None:
        given = Headers(scope=scope).get(HEADER, "")
        self.request_id = given if _is_plain(given) else uuid.uuid4().hex
        self.facts: dict[str, Any] = {}
        self.status = 0
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()
        state = {"request_id": self.request_id, "facts": self.facts, "began": self._began}
        scope.setdefault("state", {}).update(state)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[HEADER] = self.request_id
            for name, value in _SAFE.items():
                headers.setdefault(name, value)
        await self._send(message)

    @property
    def severity(self) -> int:
        return 40 if self.status in (0, 500) else 20  # logging.ERROR, logging.INFO

    def line(self) -> dict[str, Any]:
        ms = round((time.perf_counter() - self._began) * 1000, 1)
        asked = {"method": method_of(self._scope), "route": route_of(self._scope)}
        answered = {"status": self.status, "ms": ms}
        return {"request_id": self.request_id, **asked, **answered, **self.facts}


def method_of(scope: Scope) -> str:
    """The method of a request, one of those there are: any word may stand there."""
    typed: str = scope["method"]
    return typed if typed in METHODS else "other"


def route_of(scope: Scope) -> str:
    """The pattern of the route that answered a request, once it did; never the address typed."""
    path: str = getattr(scope.get("route"), "path", "unknown")
    return path


def _is_plain(given: str) -> bool:
    # An id of any other shape could carry a name, a phone number or a line break into the log;
    # one of this shape still could hold a number among its letters.
    if not _PLAIN_ID.fullmatch(given) or _PERSONAL_ID.search(given):
        return False
    return not _PARTED_ID.search(_HEX_ID.sub("id", given))


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames]
