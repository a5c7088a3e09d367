"""The service as an application of Ray Serve: the same app in each replica, behind Serve's proxies.

    serve run serving.ray_serve:application keys=/run/keys/keys.json

Settings are those of ``xiaobao serve``: arguments of the application, or XIAOBAO_* where it is
built; the replicas get them whole. Needs the extras serving and ray.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from models.extras import need
from serving.api.service import service_of
from serving.app import create_app
from serving.listening import ServeError
from serving.logs import configure_logs
from serving.opening import open_chosen
from serving.register.opening import register_if_wanted
from serving.settings import ServingSettings, SettingsError, read_settings
from serving.tracing import open_traces

WITHOUT_KEYS = "allow_remote_without_keys"
"""The argument that lets everybody in who reaches a proxy, as the option of ``xiaobao serve``."""

# A replica takes what comes and bounds it itself, in tokens and in time: Serve would stop at five.
_ONGOING = 512


def application(arguments: Mapping[str, Any]) -> Any:
    """Serve's application: what ``serve run`` or the ``import_path`` of a config names.

    A replica reads on as many cores as ``threads``, by default one, and asks Ray for them. Raises
    SettingsError for an argument that is no setting, ServeError where no keys are in use.
    """
    serve = need("ray.serve", extra="ray", use="Ray Serve")
    settings = settings_of(arguments)

    def build() -> FastAPI:
        return open_app(settings)

    deployment = serve.deployment(
        serve.ingress(build)(),
        name="xiaobao",
        max_ongoing_requests=_ONGOING,
        graceful_shutdown_timeout_s=settings.deadline_s + 5,
        ray_actor_options={"num_cpus": settings.threads},
    )
    return deployment.bind()


def settings_of(arguments: Mapping[str, Any]) -> ServingSettings:
    """The settings that these arguments and the environment mean, with a number of threads."""
    given = dict(arguments)
    open_to_all = str(given.pop(WITHOUT_KEYS, False)).lower() == "true"
    if unknown := sorted(set(given) - set(ServingSettings.model_fields)):
        raise SettingsError(f"Ray Serve: {', '.join(unknown)}: no such setting")
    settings = read_settings(**given)
    if settings.keys is None and not open_to_all:
        raise ServeError(
            f"Ray Serve: no keys are in use; wanted keys=FILE, or {WITHOUT_KEYS}=true on a closed "
            "network"
        )
    return settings.model_copy(update={"threads": settings.threads or 1})


def open_app(settings: ServingSettings) -> FastAPI:
    """The app of one replica, with what it stands on; it closes that when it ends."""
    configure_logs(level=settings.log_level)
    traces = open_traces(settings)
    analyzer, settings = open_chosen(settings)
    closing = ExitStack()
    register = closing.enter_context(register_if_wanted(settings))
    app = create_app(analyzer, settings, register, traces)
    inner, readiness = app.router.lifespan_context, service_of(app).readiness

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with closing:
            async with inner(app):
                while not readiness.ready:  # Serve sends callers as soon as this is over
                    await asyncio.sleep(0.05)
                yield

    app.router.lifespan_context = lifespan
    return app
