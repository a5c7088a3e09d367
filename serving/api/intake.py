"""Intake: a request body as checked JSON. Counts while it reads; says where the body is broken.

Knows bytes and JSON, not complaints: fields are the business of ``schemas``.
"""

import asyncio
from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any, ClassVar

import orjson
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.api.problems import ProblemError
from serving.api.service import service_of
from serving.keys.key import Scope
from serving.settings import ServingSettings

# A client that is cut off in the middle of its upload never reads the 413. So what is over the
# limit is read and thrown away, up to this many times the limit.
_PATIENCE = 8


class ReadRequest(Request):
    """A request whose body was read and parsed before the route sees it."""

    def __init__(self, request: Request, body: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._read_body = body
        self._read_value = value

    async def body(self) -> bytes:
        """The bytes of the body."""
        return self._read_body

    async def json(self) -> Any:
        """The parsed body."""
        return self._read_value


class JsonRoute(APIRoute):
    """A route that asks for a key with its scope, then reads its JSON body through this module."""

    scope: ClassVar[Scope] = "review"

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of FastAPI, behind guard and intake."""
        answer = super().get_route_handler()
        has_body = self.body_field is not None

        async def admit_then_answer(request: Request) -> Response:
            service = service_of(request.app)
            await service.guard.admit(request, self.scope)
            if not has_body:
                return await answer(request)
            body = await read_body(request, settings=service.settings)
            check_content_type(request.headers.get("content-type", ""))
            self.check_read(request, body)
            return await answer(ReadRequest(request, body, parse_json(body)))

        return admit_then_answer

    def check_read(self, request: Request, body: bytes) -> None:
        """Refuse what need not be parsed to be refused; nothing, unless a route says so."""


class AdminRoute(JsonRoute):
    """A route for operators."""

    scope: ClassVar[Scope] = "admin"


async def read_body(request: Request, *, settings: ServingSettings) -> bytes:
    """The whole body. Raises ProblemError 413 over ``max_body_bytes``, 408 when it never ends."""
    limit = settings.max_body_bytes
    try:
        async with asyncio.timeout(settings.deadline_s):
            body, size = await _read_counted(request, limit=limit)
    except TimeoutError:
        raise ProblemError(408, f"the body did not end in {settings.deadline_s:g} s") from None
    except ClientDisconnect:
        raise ProblemError(499, "the client left while sending") from None
    if size > limit:
        raise ProblemError(
            413, f"body: {size} bytes or more, at most {limit}", headers={"Connection": "close"}
        )
    return body


def check_content_type(header: str) -> None:
    """Refuse (415) everything but JSON in UTF-8."""
    message = Message()
    message["content-type"] = header
    subtype = message.get_content_subtype() if header else ""
    if message.get_content_maintype() != "application" or not (
        subtype == "json" or subtype.endswith("+json")
    ):
        raise ProblemError(415, "Content-Type: wanted application/json")
    if str(message.get_param("charset", "utf-8")).lower().replace("-", "") != "utf8":
        raise ProblemError(415, "Content-Type: charset wanted utf-8; JSON is sent in UTF-8 only")


def parse_json(body: bytes) -> Any:
    """The JSON value of the body. Raises ProblemError 400 with the byte offset of the fault."""
    if not body.strip():
        raise ProblemError(400, "body: empty, wanted a JSON object")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"body: invalid UTF-8 at byte {error.start}") from None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = len(text[: error.pos].encode("utf-8"))
        raise ProblemError(400, f"body: broken JSON at byte {place}: {error.msg}") from None


async def _read_counted(request: Request, *, limit: int) -> tuple[bytes, int]:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit * _PATIENCE:
        return b"", int(declared)
    size = 0
    chunks: list[bytes] = []
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit * _PATIENCE:
            break
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
    return b"".join(chunks), size
