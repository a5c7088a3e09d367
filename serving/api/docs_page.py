"""The page at /docs: Swagger UI with its scripts served from here, for houses without internet.

FastAPI's own page loads scripts from the web. The assets come with the ``fastapi-offline`` package
(MIT; Swagger UI itself is Apache-2.0), of which only the files are used.
"""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

ASSETS_PATH = "/docs-assets"

# The routes first, the schemas folded; no badge that asks an outside service about our schema.
_LOOK = {"defaultModelsExpandDepth": 0, "validatorUrl": None}


def install_docs(app: FastAPI) -> None:
    """Serve /docs and its assets; the app itself must have ``docs_url=None``."""
    assets = Path(str(files("fastapi_offline"))) / "static"
    app.mount(ASSETS_PATH, StaticFiles(directory=assets), name="docs-assets")
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/docs", _page, methods=["GET"])
    app.include_router(router)


async def _page(request: Request) -> HTMLResponse:
    root = request.scope.get("root_path", "")
    return get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title=request.app.title,
        swagger_js_url=f"{root}{ASSETS_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{ASSETS_PATH}/swagger-ui.css",
        swagger_favicon_url=f"{root}{ASSETS_PATH}/favicon.png",
        swagger_ui_parameters=_LOOK,
    )
