"""The service behind the routes: all that they stand on, made once, started and ended with the app.

A route gets it through ``service_of``, and nothing else of it lies about in the app's state.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from fastapi import FastAPI

from models.analyzer import Analyzer as BundleAnalyzer
from models.record import Record
from serving.api.guard import Guard
from serving.api.readiness import Readiness, RegisterProbe
from serving.contracts import Analyzer
from serving.keys.ring import KeyRing
from serving.metrics import Metrics
from serving.opening import opener_of
from serving.register.register import Register
from serving.scheduling.scheduler import Scheduler
from serving.scheduling.watchdog import watch
from serving.settings import ServingSettings
from serving.shelf import Shelf
from serving.tracing import Traces

_ASKERS = 8
_WARM_UP = Record(text="理赔资料交了四十天,到现在没有结果。")


@dataclass(frozen=True, slots=True)
class Service:
    """Its parts stay; what changes while it runs changes within them."""

    settings: ServingSettings
    metrics: Metrics
    guard: Guard
    shelf: Shelf
    scheduler: Scheduler
    readiness: Readiness
    register: Register | None  # None: nothing is kept
    askers: Executor  # threads that wait for the register's answers, and for nothing else
    traces: Traces | None

    def follow_bundles(self) -> None:
        """Tell the metrics which bundles there are, and the register whose codebook decides."""
        active = self.shelf.active
        if self.register is not None and isinstance(active, BundleAnalyzer):
            self.register.judge_by(active.bundle.codebook)
        roles = self.shelf.roles.items()
        self.metrics.show_bundles({role: one.description for role, one in roles if one})


def service_of(app: FastAPI) -> Service:
    """The service of this app."""
    service: Service = app.state.service
    return service


def make_service(
    analyzer: Analyzer,
    settings: ServingSettings,
    register: Register | None,
    traces: Traces | None,
) -> Service:
    """The service around a loaded analyzer, not yet started."""
    metrics = Metrics()
    probe = RegisterProbe(register, patience_s=settings.database_wait_s) if register else None
    scheduler = Scheduler(
        batch_tokens=settings.batch_tokens,
        queue_tokens=settings.queue_tokens,
        wait_s=settings.batch_wait_ms / 1000,
        observe=metrics.observe,
    )
    service = Service(
        settings=settings,
        metrics=metrics,
        guard=Guard(KeyRing(settings.keys) if settings.keys else None, rate=settings.rate_limit),
        shelf=Shelf(analyzer, directory=settings.bundles, load=opener_of(settings)),
        scheduler=scheduler,
        readiness=Readiness(probe),
        register=register,
        askers=ThreadPoolExecutor(_ASKERS, thread_name_prefix="register-answers"),
        traces=traces,
    )
    _follow(service)
    service.follow_bundles()
    return service


def _follow(service: Service) -> None:
    metrics, scheduler, backlog = service.metrics, service.scheduler, service.scheduler.backlog
    readiness = service.readiness
    metrics.follow("queue_tokens", "Tokens accepted, not yet read", lambda: backlog.tokens)
    metrics.follow("tokens_per_second", "Pace of late", lambda: backlog.rate)
    metrics.follow("worker_restarts", "Reading threads replaced", lambda: scheduler.restarts)
    metrics.follow("ready", "1 while requests are answered", lambda: float(readiness.ready))


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    """Warm it up and watch it; at the end, finish what was accepted and close the traces."""
    scheduler, readiness = service.scheduler, service.readiness
    scheduler.start()
    watching = asyncio.create_task(
        watch(
            scheduler,
            stuck_s=service.settings.stuck_after_s,
            set_ready=readiness.set_ready,
            try_out=lambda: _try_out(service),
        )
    )
    yield
    readiness.set_ready(False)
    if service.shelf.shadow is not None:
        await service.shelf.shadow.stop()
    # Still watched: what was accepted is finished, even if the reading thread gets lost now.
    await scheduler.close()
    service.askers.shutdown(wait=False)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    if service.traces is not None:
        await asyncio.to_thread(service.traces.close)


async def _try_out(service: Service) -> bool:
    """Whether the bundle in use reads a text; warms it up on the way."""
    try:
        await service.scheduler.submit([_WARM_UP], analyzer=service.shelf.active)
    except Exception as error:
        structlog.get_logger("xiaobao").error("warm-up failed", error=type(error).__name__)
        return False
    return True
