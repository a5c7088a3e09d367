"""Rendering: templates into pages. Everything is escaped; a page may load our own files only."""

from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from models.assessment import NOTICE
from serving.console.visit import Visit

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@cache
def templates() -> Environment:
    """The templates of the console."""
    environment = Environment(
        loader=PackageLoader("serving.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(moment=moment, percent=percent, band=band, tone=tone)
    return environment


def page(visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
    """The page of a template; names of labels come from the bundle in use."""
    html = (
        templates()
        .get_template(template)
        .render(
            visit=visit,
            root=visit.root,
            words=visit.vocabulary,
            notice=NOTICE,
            link=lambda path, **query: link(visit.root, path, **query),
            **values,
        )
    )
    response = HTMLResponse(html, status, headers={"content-security-policy": PAGE_POLICY})
    visit.keep_browser(response)
    return response


def link(root: str, path: str = "", **query: Any) -> str:
    """An address of the console; ids go into the query, for they may hold any character."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{root}{path}{'?' + urlencode(given) if given else ''}"


def moment(text: str) -> str:
    """A stored moment (ISO 8601, UTC) to the minute, by the clock of this machine."""
    local = datetime.fromisoformat(text).astimezone()
    return f"{local:%Y-%m-%d %H:%M}{'' if local.utcoffset() else ' UTC'}"


def percent(share: float) -> str:
    """A share as whole percent; never 0 % or 100 % for what is only nearly so."""
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def band(share: float) -> str:
    """A probability in a word."""
    return "高" if share >= 0.8 else "中" if share >= 0.5 else "低"


def tone(level: str, levels: Any) -> int:
    """The tone of a level, 0 the quietest: its place among the levels."""
    return list(levels).index(level) if level in levels else 0
