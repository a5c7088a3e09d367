"""Traces: a span a request and one a stage of its answer, for a collector that speaks OTLP.

What a span of a request says of it stands in ``serving.api.traced``; a stage has times and counts
alone. Needs the extra telemetry where it is on. Knows no HTTP.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from models.extras import need
from serving.scheduling.job import Stage
from serving.settings import ServingSettings

_PATIENCE_S = 5  # for the collector, at each sending and at the end


class Traces:
    """Where spans go. ``provider`` is a TracerProvider of OpenTelemetry, which ``close`` ends."""

    def __init__(self, provider: Any) -> None:
        self._api = _need("trace")
        self._parents = _need("trace.propagation.tracecontext").TraceContextTextMapPropagator()
        self._provider = provider
        self._tracer = provider.get_tracer("xiaobao")

    @classmethod
    def to(cls, address: str) -> Self:
        """Spans to the collector at this address, in batches, beside the requests."""
        sdk, exporting = _need("sdk.trace"), _need("sdk.trace.export")
        resources = _need("sdk.resources")
        otlp = _need("exporter.otlp.proto.http.trace_exporter")
        resource = resources.Resource.create({"service.name": "xiaobao"})
        provider = sdk.TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = otlp.OTLPSpanExporter(f"{address.rstrip('/')}/v1/traces", timeout=_PATIENCE_S)
        provider.add_span_processor(exporting.BatchSpanProcessor(exporter))
        return cls(provider)

    def begin(self, *, traceparent: str | None) -> "RequestTrace":
        """The span of a request, below the caller's where it names one (W3C Trace Context)."""
        # Only this header: tracestate and baggage may hold whatever a caller puts there.
        parent = self._parents.extract({"traceparent": traceparent} if traceparent else {})
        span = self._tracer.start_span("request", context=parent, kind=self._api.SpanKind.SERVER)
        return RequestTrace(self._tracer, span, self._api)

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        self._provider.shutdown()


@dataclass(slots=True)
class _StageTime:
    """A stage of one request: it may have many parts, in several threads at once."""

    began: float  # time.monotonic() of the first part
    ended: float  # of the last one
    parts: int = 0
    seconds: float = 0.0  # of all parts, added up


class RequestTrace:
    """One request: ``watch`` is told of parts of stages, from any thread; ``end`` sends the spans.

    One span a stage, from the beginning of its first part to the end of its last: a long letter
    has hundreds of windows.
    """

    def __init__(self, tracer: Any, span: Any, api: Any) -> None:
        self._tracer, self._span, self._api = tracer, span, api
        self._zero = time.time() - time.monotonic()  # spans have times of the day
        self._stages: dict[Stage, _StageTime] = {}
        self._lock = threading.Lock()

    def watch(self, stage: Stage, began: float, ended: float) -> None:
        """A part of a stage, on the clock of ``time.monotonic``."""
        with self._lock:
            seen = self._stages.setdefault(stage, _StageTime(began, ended))
            seen.began, seen.ended = min(seen.began, began), max(seen.ended, ended)
            seen.parts += 1
            seen.seconds += ended - began

    def end(self, name: str, attributes: Mapping[str, str | int], *, failed: bool) -> None:
        """The request was answered, or not; ``name`` is what it is called."""
        below = self._api.set_span_in_context(self._span)
        with self._lock:
            for stage, seen in self._stages.items():
                told = {"xiaobao.parts": seen.parts, "xiaobao.seconds": round(seen.seconds, 6)}
                span = self._tracer.start_span(
                    stage, context=below, start_time=self._ns(seen.began), attributes=told
                )
                span.end(self._ns(seen.ended))
        self._span.set_attributes(attributes)
        if failed:
            self._span.set_status(self._api.StatusCode.ERROR)
        self._span.update_name(name)
        self._span.end()

    def _ns(self, moment: float) -> int:
        return int((moment + self._zero) * 1e9)


def open_traces(settings: ServingSettings) -> Traces | None:
    """Traces as the settings want them; None where they want none.

    Raises MissingExtraError where they do and the extra telemetry is missing.
    """
    return Traces.to(settings.traces) if settings.traces else None


def _need(module: str) -> Any:
    return need(f"opentelemetry.{module}", extra="telemetry", use="XIAOBAO_TRACES")
