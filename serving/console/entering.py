"""Entering and leaving: a page that takes an API key and keeps it in a sealed session."""

import re

from starlette.responses import RedirectResponse, Response

from serving.api.problems import ProblemError
from serving.console.rendering import page
from serving.console.visit import Visit, with_token

_OURS = re.compile(r"/(?:case|group|groups|try)?(?:\?[\x21-\x7e]*)?|")


async def show_enter(visit: Visit) -> Response:
    """The page that asks for a key."""
    return page(visit, "enter.html", fault=None, onward=_onward(visit))


async def enter(visit: Visit) -> Response:
    """Begin a session with a key, checked by the guard as for the API."""
    token = visit.form.one("key")
    try:
        await visit.service.guard.identify(
            with_token(visit.request, token if token.isascii() else None)
        )
    except ProblemError as problem:
        if problem.status not in (401, 429):
            raise
        fault = "密钥无效、已撤销或已过期 · not a valid key"
        if problem.status == 429:
            fault = "尝试次数过多,请一分钟后再试 · too many attempts"
        return page(visit, "enter.html", status=problem.status, fault=fault, onward=_onward(visit))
    response = RedirectResponse(visit.root + _onward(visit), 303)
    visit.begin_session(response, token)
    return response


async def leave(visit: Visit) -> Response:
    """End the session."""
    response = RedirectResponse(f"{visit.root}/enter", 303)
    visit.end_session(response)
    return response


def _onward(visit: Visit) -> str:
    """The page that was asked for first; only one of ours, never an address elsewhere."""
    given = visit.form.one("onward") or visit.request.query_params.get("onward", "")
    return given if _OURS.fullmatch(given) else ""
