"""Metrics in the format of Prometheus: how long, how many, how full. Counts, never contents."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from models.assessment import Assessment
from serving.scheduling.job import Stage

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STAGES: tuple[Stage, ...] = ("queue", "tokenise", "infer", "decode", "store")


class Metrics:
    """One service's own: two services in one process never add to each other's."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # process_resident_memory_bytes and kin
        PlatformCollector(registry=self._registry)  # python_info
        self._requests = self._counter("requests", "Requests answered", ("route", "status"))
        self._request = self._histogram("request_seconds", "Whole requests", ("route",))
        stage = self._histogram("stage_seconds", "Stages of an answer", ("stage",))
        self._stages = {name: stage.labels(name) for name in _STAGES}
        self._assessments = self._counter("assessments", "Complaints assessed")
        self._causes = self._counter("causes", "Level 1 causes given", ("cause",))
        self._levels = self._counter("levels", "Levels given, of those that get one", ("level",))
        self._routed = self._counter("routed", "Complaints routed, given no level", ("route",))
        self._reviews = self._counter("reviews", "Complaints handed to a person")
        self._bundle = Gauge(
            "xiaobao_bundle_info",
            "The bundles: in use, before it, in the shadow",
            ("role", "bundle", "taxonomy", "codebook", "runtime"),
            registry=self._registry,
        )

    def observe(self, stage: Stage, seconds: float) -> None:
        """So many seconds of one stage: a window's wait, or a call of the other stages."""
        self._stages[stage].observe(seconds)

    @contextmanager
    def timing(self, stage: Stage) -> Iterator[None]:
        """The time that the body takes, as one of the stage."""
        began = perf_counter()
        try:
            yield
        finally:
            self.observe(stage, perf_counter() - began)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """One request answered."""
        self._requests.labels(route, str(status)).inc()
        self._request.labels(route).observe(seconds)

    def count_assessments(self, assessments: Iterable[Assessment]) -> None:
        """What was answered, by level 1 cause, and by level or by the route in its place."""
        for assessment in assessments:
            self._assessments.inc()
            agent = assessment.agent
            if agent.route is None:
                self._levels.labels(agent.level).inc()
            else:
                self._routed.labels(agent.route).inc()
            self._reviews.inc(int(assessment.review.needed))
            for cause in assessment.root_cause.level1:
                self._causes.labels(cause.id).inc()

    def show_bundles(self, descriptions: Mapping[str, Mapping[str, Any]]) -> None:
        """Which bundles there are, by role."""
        self._bundle.clear()
        for role, about in descriptions.items():
            facts = (about[name] for name in ("bundle", "taxonomy", "codebook", "runtime"))
            self._bundle.labels(role, *map(str, facts)).set(1)

    def follow(self, name: str, about: str, value: Callable[[], float]) -> None:
        """A gauge that is read when somebody looks."""
        Gauge(f"xiaobao_{name}", about, registry=self._registry).set_function(value)

    def page(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)

    def _counter(self, name: str, about: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"xiaobao_{name}", about, labels, registry=self._registry)

    def _histogram(self, name: str, about: str, labels: tuple[str, ...]) -> Histogram:
        name = f"xiaobao_{name}"
        return Histogram(name, about, labels, registry=self._registry, buckets=_SECONDS)
