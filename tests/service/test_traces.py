"""Are calls told to a collector of OpenTelemetry where one is configured, and is nothing loaded otherwise?"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from service import traces
from service.app import create_app
from service.settings import Settings
from service.traces import part, trace_id
from service.use_cases import UseCases

_PARENT = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """All spans that a collector on this machine has received, once the provider is shut down."""
    received: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                received.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    traces._provider.cache_clear()
    yield received
    traces._provider.cache_clear()
    server.shutdown()
    server.server_close()


def _client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    settings = Settings(home=tmp_path_factory.mktemp("traces"))
    fields = [name for name in UseCases.__dataclass_fields__ if name != "settings"]
    app = create_app(settings, UseCases(settings=settings, **dict.fromkeys(fields)), warm=False)  # type: ignore[arg-type]
    return TestClient(app, raise_server_exceptions=False)


def test_a_call_is_a_span_of_its_route_in_the_callers_trace(
    spans: list[Any], tmp_path_factory: pytest.TempPathFactory
):
    client = _client(tmp_path_factory)
    headers = {"traceparent": f"00-{_PARENT}-b7ad6b7169203331-01", "X-Request-ID": "call-1"}
    answer = client.get("/v1/deals/SECRET-DEAL?as_of=2026-01-01", headers=headers)
    assert answer.status_code == 401
    client.get("/healthz")
    traces._provider().shutdown()
    by_route = {span.name: span for span in spans}
    assert by_route.keys() == {"GET unmatched", "GET /healthz"}  # refused before a route was looked for
    span = by_route["GET unmatched"]
    told = {one.key: one.value for one in span.attributes}
    assert span.trace_id.hex() == _PARENT
    assert told["http.response.status_code"].int_value == 401
    assert told["sancho.request_id"].string_value == "call-1"
    assert by_route["GET /healthz"].trace_id.hex() != _PARENT
    assert b"SECRET-DEAL" not in b"".join(one.SerializeToString() for one in spans)


def test_parts_of_the_work_are_spans_within_it(spans: list[Any]):
    with part("answer", question="forecast"):
        inside = trace_id()
        with part("simulate", period="2026-Q4"):
            assert trace_id() == inside
    assert trace_id() is None
    traces._provider().shutdown()
    inner, outer = spans
    assert (inner.name, outer.name) == ("simulate", "answer")
    assert inner.parent_span_id == outer.span_id
    assert outer.trace_id.hex() == inside
    assert [(one.key, one.value.string_value) for one in outer.attributes] == [
        ("sancho.question", "forecast")
    ]


def test_a_collector_that_is_away_costs_spans_and_no_answer(
    spans: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    answer = _client(tmp_path_factory).get("/healthz")
    assert answer.status_code == 200
    traces._provider().shutdown()
    assert spans == []


def test_nothing_is_loaded_where_no_address_is_configured():
    code = (
        "import sys; from service.traces import part, trace_id\n"
        "with part('answer'):\n    assert trace_id() is None\n"
        "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
