"""A visit: one request of a page, admitted, its form read and its cookies looked at.

Keys and rates are the guard's affair as for the API: the key in the session stands in for the
header that a browser does not send.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from serving.api.intake import read_body
from serving.api.problems import ProblemError
from serving.api.service import Service, service_of
from serving.console.seals import SESSION_S, Seal, new_browser
from serving.keys.key import ApiKey, Scope
from serving.register.register import Register
from serving.vocabulary import Vocabulary, vocabulary_of

SESSION_COOKIE = "xiaobao_session"
BROWSER_COOKIE = "xiaobao_browser"
_MOST_FIELDS = 500


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; a name may come several times."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """The first value, trimmed, or nothing."""
        return self.fields.get(name, ("",))[0].strip()

    def all(self, name: str) -> tuple[str, ...]:
        """All values, each once."""
        return tuple(dict.fromkeys(self.fields.get(name, ())))


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page needs to know of its request. ``key`` None: keys are not in use, or not yet."""

    request: Request
    browser: str
    form: Form
    key: ApiKey | None

    @property
    def root(self) -> str:
        """Where the console stands, behind whatever path a proxy puts before it."""
        return f"{self.request.scope.get('root_path', '')}/console"

    @property
    def service(self) -> Service:
        """What the page stands on."""
        return service_of(self.request.app)

    @property
    def has_keys(self) -> bool:
        """Whether keys are in use."""
        return self.service.guard.has_keys

    @property
    def register(self) -> Register | None:
        """The register, None where nothing is kept."""
        return self.service.register

    @property
    def vocabulary(self) -> Vocabulary:
        """Names by the bundle in use."""
        return vocabulary_of(self.service.shelf.active)

    @property
    def form_token(self) -> str:
        """What the forms of this page carry."""
        return seal_of(self.request).form_token(self.browser)

    def may(self, scope: Scope) -> bool:
        """Whether this visitor may see what asks for a scope."""
        if not self.has_keys:
            return scope != "admin"
        return self.key is not None and scope in self.key.scopes

    def keep_browser(self, response: Response) -> None:
        """Name the browser, where it has no name yet."""
        if self.request.cookies.get(BROWSER_COOKIE) != self.browser:
            self._set_cookie(response, BROWSER_COOKIE, self.browser)

    def begin_session(self, response: Response, token: str) -> None:
        """Keep the key that was entered with the browser, sealed."""
        sealed = seal_of(self.request).close(token)
        self._set_cookie(response, SESSION_COOKIE, sealed, max_age=SESSION_S)

    def end_session(self, response: Response) -> None:
        """Forget the key."""
        response.delete_cookie(SESSION_COOKIE, path=self.root, httponly=True, samesite="strict")

    def _set_cookie(self, response: Response, name: str, value: str, **more: Any) -> None:
        response.set_cookie(
            name,
            value,
            path=self.root,
            secure=self.request.url.scheme == "https",
            httponly=True,
            samesite="strict",
            **more,
        )


PageAnswer = Callable[[Visit], Awaitable[Response]]


def seal_of(request: Request) -> Seal:
    """The seal of this service."""
    seal: Seal = request.app.state.seal
    return seal


async def visit_of(request: Request, *, scope: Scope | None) -> Visit:
    """The visit, admitted for a scope (None: anybody). Raises ProblemError.

    A form must come from a page of ours: another site's can neither read the token that it must
    carry nor make the browser send the cookie that the token fits.
    """
    if scope is not None:
        await service_of(request.app).guard.admit(_with_key(request), scope)
    visit = await bare_visit(request)
    if request.method == "POST":
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise ProblemError(403, "form: from another site")
        visit = replace(visit, form=await _read_form(visit.request))
        if not seal_of(request).fits(visit.form.one("form_token"), visit.browser):
            raise ProblemError(403, "form_token: 页面已过期,请刷新后重试 · reload the page")
    return visit


async def bare_visit(request: Request) -> Visit:
    """The visit of whoever it is, its form not read: for pages that ask for nothing."""
    request = _with_key(request)
    try:
        key = await _key_of(request)
    except ProblemError:
        key = None
    return Visit(request, request.cookies.get(BROWSER_COOKIE) or new_browser(), Form(), key)


async def _key_of(request: Request) -> ApiKey | None:
    guard = service_of(request.app).guard
    return await guard.identify(request) if guard.has_keys else None


def _with_key(request: Request) -> Request:
    """The request with the key of its session in the header; only there, whatever was sent."""
    sealed = request.cookies.get(SESSION_COOKIE)
    token = seal_of(request).open(sealed) if sealed else None
    return with_token(request, token)


def with_token(request: Request, token: str | None) -> Request:
    """The request with this key in its header, and no other."""
    scope = {**request.scope, "headers": list(request.scope["headers"])}
    headers = MutableHeaders(scope=scope)
    del headers["authorization"]
    if token:
        headers["authorization"] = f"Bearer {token}"
    return Request(scope, request.receive)


async def _read_form(request: Request) -> Form:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise ProblemError(415, "Content-Type: wanted application/x-www-form-urlencoded")
    body = await read_body(request, settings=service_of(request.app).settings)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS,
            errors="strict",
        )  # fmt: skip
    except ValueError:
        raise ProblemError(400, "form: cannot be read") from None
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        # Browsers send line ends as CR LF, whatever was typed.
        fields[name] = (*fields.get(name, ()), value.replace("\r\n", "\n"))
    return Form(fields)
