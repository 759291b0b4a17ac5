"""Stands where docker-compose.yaml has the OpenTelemetry Collector, for metrics: OTLP over HTTP in, Prometheus' text out.

Names as the collector's `prometheus` exporter writes them with `UnderscoreEscapingWithoutSuffixes`. It knows what Airflow
sends: sums, gauges and exponential histograms, of which the collector's configuration makes ordinary ones. It is no collector:
nothing of the real one's configuration is read here.
"""

from __future__ import annotations

import gzip
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

_series: dict[str, float] = {}
_lock = Lock()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == "/v1/metrics":
            with _lock:
                _series.update(samples(ExportMetricsServiceRequest.FromString(body)))
        self._answer("application/x-protobuf", b"")

    def do_GET(self) -> None:
        with _lock:
            text = "".join(f"{name} {value!r}\n" for name, value in sorted(_series.items()))
        self._answer("text/plain; version=0.0.4", text.encode())

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def samples(request: ExportMetricsServiceRequest) -> dict[str, float]:
    """What Prometheus is shown of a request, by name and labels."""
    found = {}
    for resource in request.resource_metrics:
        said = {each.key: each.value.string_value for each in resource.resource.attributes}
        who = {"job": said.get("service.name", ""), "instance": said.get("service.instance.id", "")}
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            kind = metric.WhichOneof("data")
            for point in getattr(metric, kind).data_points:
                labels = who | {_safe(each.key): each.value.string_value for each in point.attributes}
                found |= _points(_safe(metric.name), kind, point, labels)
    return found


def _points(name: str, kind: str, point, labels: dict[str, str]) -> dict[str, float]:
    if kind in ("histogram", "exponential_histogram"):
        return {_key(f"{name}_sum", labels): point.sum, _key(f"{name}_count", labels): float(point.count)}
    value = point.as_double if point.WhichOneof("value") == "as_double" else float(point.as_int)
    return {_key(name, labels): value}


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_:]", "_", name)


def _key(name: str, labels: dict[str, str]) -> str:
    said = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()) if value)
    return f"{name}{{{said}}}" if said else name


def start() -> None:
    """Listen where the collector does: 4318 for OTLP, 8889 for Prometheus."""
    for port in (4318, 8889):
        server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        Thread(target=server.serve_forever, daemon=True).start()
