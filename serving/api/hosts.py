"""The names that the service may be called by: against web pages that rebind their name to it.

A page of a stranger can point its own name at this machine (DNS rebinding); the browser then takes
the service for a part of that site and lets the page read answers. It still sends the stranger's
name as Host. An address in digits needs no check: nobody can rebind one.
"""

import ipaddress
import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.api.problems import ProblemError, problem_response
from serving.settings import ANY_HOST, ServingSettings

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
_THIS_MACHINE = "localhost"


class KnownHosts:
    """ASGI middleware: 400 for a request whose Host is not one address or one name of ours."""

    def __init__(self, app: ASGIApp, *, settings: ServingSettings) -> None:
        self._app = app
        self._names = frozenset({_THIS_MACHINE, settings.host.lower(), *settings.host_names})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it here, before anything of it is read."""
        if scope["type"] != "http" or self._knows(Headers(scope=scope).getlist("host")):
            await self._app(scope, receive, send)
            return
        problem = ProblemError(
            400,
            "Host: 不是本服务的名称 · not a name of this service; wanted an address, localhost or "
            "one of XIAOBAO_ALLOWED_HOSTS",
            kind="unknown-host",
        )
        answer = problem_response(problem, request_id=scope["state"]["request_id"])
        await answer(scope, receive, send)

    def _knows(self, headers: Sequence[str]) -> bool:
        if len(headers) > 1:
            return False
        if ANY_HOST in self._names:
            return True
        found = _HOST.fullmatch("".join(headers))
        if found is None:
            return False
        name = found[1].rstrip(".").lower()
        return name in self._names or self._is_below(name) or _is_address(name)

    def _is_below(self, name: str) -> bool:
        """Whether ``*.a.b`` is allowed for this x.a.b, or x.y.a.b."""
        return any(
            known.startswith("*.") and name.endswith(known[1:]) and len(name) >= len(known)
            for known in self._names
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
