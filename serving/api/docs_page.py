"""The page at /docs: Swagger UI with its scripts served from here, for houses without internet.

FastAPI's own page loads scripts from the web and holds one of its own; this one may load only what
comes from here, and nothing that stands in the page runs. The assets come with the package
``fastapi-offline`` (MIT; Swagger UI itself is Apache-2.0), of which only the files are used.
"""

import json
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

ASSETS_PATH = "/docs-assets"
START_PATH = "/docs-start.js"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a page of the service may load: its own files, and pictures that stand in its styles."""

# The routes first, the schemas folded; no badge that asks an outside service about our schema.
_LOOK = {"defaultModelsExpandDepth": 0, "validatorUrl": None}

_PAGE = """<!DOCTYPE html>
<html lang="zh">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="{root}{assets}/favicon.png">
<link rel="stylesheet" href="{root}{assets}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{root}{assets}/swagger-ui-bundle.js"></script>
<script src="{root}{start}"></script>
</body>
</html>
"""


def install_docs(app: FastAPI) -> None:
    """Serve /docs and its assets; the app itself must have ``docs_url=None``."""
    assets = Path(str(files("fastapi_offline"))) / "static"
    app.mount(ASSETS_PATH, StaticFiles(directory=assets), name="docs-assets")
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/docs", _page, methods=["GET"])
    router.add_api_route(START_PATH, _start, methods=["GET"])
    app.include_router(router)


async def _page(request: Request) -> HTMLResponse:
    root = request.scope.get("root_path", "")
    page = _PAGE.format(title=request.app.title, root=root, assets=ASSETS_PATH, start=START_PATH)
    return HTMLResponse(page, headers={"content-security-policy": PAGE_POLICY})


async def _start(request: Request) -> Response:
    root = request.scope.get("root_path", "")
    look = {"url": f"{root}/openapi.json", "dom_id": "#swagger-ui", **_LOOK}
    script = f"SwaggerUIBundle({json.dumps(look)});\n"
    return Response(script, media_type="text/javascript")
