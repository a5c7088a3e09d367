"""The service as one app: the API with the console beside it. Composes them, and knows no route."""

from fastapi import FastAPI

from serving.api.app import create_api
from serving.console.routes import install_console
from serving.contracts import Analyzer
from serving.register.register import Register
from serving.settings import ServingSettings
from serving.tracing import Traces


def create_app(
    analyzer: Analyzer,
    settings: ServingSettings,
    register: Register | None = None,
    traces: Traces | None = None,
) -> FastAPI:
    """The service around a loaded analyzer; without a register it keeps nothing.

    What it is given it uses; traces it closes, too.
    """
    app = create_api(analyzer, settings, register, traces)
    install_console(app)
    return app
