"""The page of error shapes: each problem as the service itself writes it."""

import json

from handbook.markdown import code, page, table
from serving.api.problems import MEDIA_TYPE, ProblemError, problem_response
from serving.api.schemas import TITLES

_ABOUT = (
    f"每个错误都是 `{MEDIA_TYPE}`(RFC 9457)。"
    "`detail` 和 `errors` 说明位置和要求,从不重复来件内容。 "
    "Every error is a problem detail: it names the place and what is wanted, "
    "and never repeats what was sent.\n"
)


def problems_page() -> str:
    """Status, type and title of every problem, and one in full."""
    bodies = {status: _body(ProblemError(status, "")) for status in TITLES}
    rows = ((status, code(body["type"]), body["title"]) for status, body in bodies.items())
    errors = [("text", "必填 · required")]
    example = _body(ProblemError(422, "text: 必填 · required (1 in all)", errors=errors))
    shown = json.dumps(example, ensure_ascii=False, indent=2)
    return page(
        "错误 · Errors",
        _ABOUT,
        table(("状态 status", "类型 type", "标题 title"), rows),
        "## 例 · An example\n",
        f"```json\n{shown}\n```\n",
    )


def _body(problem: ProblemError) -> dict[str, object]:
    body: dict[str, object] = json.loads(bytes(problem_response(problem, request_id="…").body))
    return body
