"""Where did the time of a call go? Spans for OpenTelemetry, where an address to send them to is configured.

The standard variables of OpenTelemetry say where, how much and under which name: OTEL_EXPORTER_OTLP_ENDPOINT
(or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT), OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_SDK_DISABLED. Spans are
sent over HTTP behind the answers; a collector that does not answer costs them, and nothing else. A span has
the route of a call, its status and its request id: no id of a deal or person, no figure, no secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_NAME = "sancho"


def is_configured() -> bool:
    """Whether spans are sent anywhere."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not is_off and any(os.environ.get(name) for name in _ENDPOINTS)


def provider_of(exporter: SpanExporter) -> TracerProvider:
    """What makes spans and gives them to an exporter in batches, in a thread of its own; the rest at exit."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from crm.distribution import installed_version

    name = os.environ.get("OTEL_SERVICE_NAME") or _NAME
    resource = Resource.create({SERVICE_NAME: name, "service.version": installed_version()})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


@cache
def _provider() -> TracerProvider:
    """That of this process; not OpenTelemetry's global one, which MLflow uses for traces of its own."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return provider_of(OTLPSpanExporter())


@contextmanager
def call_span(method: str, headers: Mapping[str, str], request_id: str) -> Iterator[CallSpan | None]:
    """The span of a call, a child of the caller's where `traceparent` names one; None: nothing is configured.

    Its route and status are told at the end, by `CallSpan.answered`.
    """
    if not is_configured():
        yield None
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = TraceContextTextMapPropagator().extract(headers)
    attributes = {"http.request.method": method, "sancho.request_id": request_id}
    tracer = _provider().get_tracer(_NAME)
    with tracer.start_as_current_span(
        method, context=parent, kind=SpanKind.SERVER, attributes=attributes
    ) as span:
        yield CallSpan(span, method)


class CallSpan:
    """The span of a call that is being answered."""

    def __init__(self, span: Span, method: str) -> None:
        self._span, self._method = span, method

    def answered(self, route: str, status: int) -> None:
        """Names the span for the call's route, and says how it was answered."""
        from opentelemetry.trace import StatusCode

        self._span.update_name(f"{self._method} {route}")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)


@contextmanager
def part(name: str, **attributes: str | int) -> Iterator[None]:
    """A part of the work, as a span within the one that is being done; free where nothing is configured."""
    if not is_configured():
        yield
        return
    tracer = _provider().get_tracer(_NAME)
    told = {f"sancho.{key}": value for key, value in attributes.items()}
    with tracer.start_as_current_span(name, attributes=told):
        yield


def trace_id() -> str | None:
    """The id of the trace that is being written, for lines of the log; None outside of one."""
    if not is_configured():
        return None
    from opentelemetry.trace import get_current_span

    found = get_current_span().get_span_context()
    return format(found.trace_id, "032x") if found.is_valid else None
