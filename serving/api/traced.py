"""What a trace says of a request: route, status, request id and sizes.

Never text, an address or a method that a client made up, a header, or the message of an error.
"""

from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.access import method_of, route_of
from serving.scheduling.job import Watch, unwatched
from serving.tracing import RequestTrace, Traces

_UNTRACED = frozenset({"/livez", "/readyz", "/metrics"})  # asked every few seconds
_SIZES = ("records", "chars", "stored")


class TracedRequests:
    """ASGI middleware; stands within ``AccessLog``, which knows request id and facts."""

    def __init__(self, app: ASGIApp, *, traces: Traces) -> None:
        self._app = app
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, and send its spans once it was answered."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        trace = self._traces.begin(traceparent=Headers(scope=scope).get("traceparent"))
        scope["state"]["trace"] = trace
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            name = f"{method_of(scope)} {route_of(scope)}"
            trace.end(name, _attributes(scope, status), failed=status >= 500)


def watch_of(state: Any) -> Watch:
    """Who is told of the stages of the request with this state; nobody where nothing is traced."""
    trace: RequestTrace | None = getattr(state, "trace", None)
    return trace.watch if trace is not None else unwatched


def _attributes(scope: Scope, status: int) -> dict[str, str | int]:
    facts = scope["state"]["facts"]
    return {
        "http.request.method": method_of(scope),
        "http.route": route_of(scope),
        "http.response.status_code": status,
        "xiaobao.request_id": scope["state"]["request_id"],
        **{f"xiaobao.{name}": facts[name] for name in _SIZES if name in facts},
    }
