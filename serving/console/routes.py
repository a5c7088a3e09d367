"""The routes of the console: its pages, its files, and every error as a page."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from models.errors import XiaobaoError
from serving.api.problems import ProblemError, as_problem
from serving.api.schemas import TITLES
from serving.api.service import service_of
from serving.console import entering, pages
from serving.console.rendering import page
from serving.console.seals import Seal
from serving.console.visit import PageAnswer, bare_visit, visit_of
from serving.keys.key import Scope
from serving.register.errors import ForgottenCaseError, UnknownCaseError, UnknownGroupError

_ASSETS = Path(__file__).parent / "static"

_PAGES: tuple[tuple[str, str, PageAnswer, Scope | None], ...] = (
    ("GET", "", pages.show_worklist, "review"),
    ("GET", "/case", pages.show_case, "review"),
    ("POST", "/case", pages.review_case, "review"),
    ("GET", "/groups", pages.show_groups, "review"),
    ("GET", "/group", pages.show_group, "review"),
    ("GET", "/try", pages.show_try, "assess"),
    ("POST", "/try", pages.try_text, "assess"),
    ("GET", "/enter", entering.show_enter, None),
    ("POST", "/enter", entering.enter, None),
    ("POST", "/leave", entering.leave, None),
)

_IN_WORDS: dict[type[Exception], str] = {
    UnknownCaseError: "登记中没有这件案件 · no such case",
    ForgottenCaseError: "案件内容已按要求删除 · the case was forgotten",
    UnknownGroupError: "没有这个案件组,可能已并入其他组 · no such group any more",
}


def install_console(app: FastAPI) -> None:
    """Serve the console at /console; it stands on the service of the app."""
    app.state.seal = Seal(service_of(app).settings.data_dir / "console.key")
    app.mount("/console/assets", StaticFiles(directory=_ASSETS), name="console-assets")
    app.include_router(console_routes())


def console_routes() -> APIRouter:
    """``/console`` and what is below it; none of it is part of the API."""
    router = APIRouter(prefix="/console", include_in_schema=False)
    for method, path, answer, scope in _PAGES:
        router.add_api_route(path, _endpoint(answer, scope), methods=[method], response_model=None)
    return router


def _endpoint(answer: PageAnswer, scope: Scope | None) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        try:
            return await answer(await visit_of(request, scope=scope))
        except XiaobaoError as error:
            return await _problem_page(request, as_problem(error), _IN_WORDS.get(type(error)))

    return serve


async def _problem_page(request: Request, problem: ProblemError, words: str | None) -> Response:
    """The problem as a page; who has entered no valid key is asked for one."""
    visit = await bare_visit(request)
    if problem.status == 401 and visit.has_keys:
        onward = request.url.path.partition("/console")[2]
        if request.url.query:
            onward += f"?{request.url.query}"
        query = urlencode({"onward": onward}) if request.method == "GET" and onward else ""
        return RedirectResponse(f"{visit.root}/enter{'?' + query if query else ''}", 303)
    if problem.status >= 500:
        structlog.get_logger("xiaobao").error("page", status=problem.status)
    title = words or TITLES.get(problem.status, "无法完成 · cannot be done")
    detail = "" if words else problem.detail
    response = page(visit, "problem.html", status=problem.status, title=title, detail=detail)
    response.headers.update(problem.headers)
    return response
