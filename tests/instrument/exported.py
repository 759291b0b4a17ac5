"""Spans on the whole way out: the SDK, its OTLP exporter over HTTP, and what a collector would put into the bucket."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from ai_finops.extract.accounts import Accounts
from ai_finops.extract.span_loader import SpanLoader
from ai_finops.privacy.users import Users
from tests.extract.loading import users_in


class Collector:
    """Takes OTLP over HTTP and keeps each request's body, as `awss3exporter` with `otlp_proto` makes objects of them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.status = 200
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.bodies.append(body)
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of this machine."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.close()


def provider_to(collector: Collector, *, service: str = "support-api") -> TracerProvider:
    """A service's provider as its guide has it; `force_flush` sends what has ended."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{collector.endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def sent(bodies: list[bytes]) -> list[str]:
    """The names of the spans that were sent."""
    requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    return [
        span.name
        for request in requests
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def extracted(folder: Path, bodies: list[bytes]) -> tuple[dict[str, dict], list[dict]]:
    """What the extractor makes of the objects: spans by name, and queries. Nothing may be quarantined."""
    today = datetime.now(UTC).date()
    accounts = Accounts("traces", today)
    with users_in(folder, day=today) as users:
        return _extracted(folder, bodies, users=users, accounts=accounts)


def _extracted(
    folder: Path, bodies: list[bytes], *, users: Users, accounts: Accounts
) -> tuple[dict[str, dict], list[dict]]:
    loader = SpanLoader(folder, accounts=accounts, users=users, as_of=accounts.landing_date + timedelta(days=1))
    try:
        for number, body in enumerate(bodies):
            accounts.open(str(number), bytes_read=len(body))
            loader.add_protobuf(number, io.BytesIO(body))
        tables = loader.tables()
        queries = pq.read_table(loader.queries().file).to_pylist()
    finally:
        loader.close()
    assert tables["quarantine"].to_pylist() == []
    assert tables["unmapped_attributes"].to_pylist() == []
    return {row["span_name"]: row for row in pq.read_table(tables["spans"]).to_pylist()}, queries
