"""A CloudWatch on loopback that keeps PutMetricData's documented rules, and fails in the ways that it is told to."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
MAX_METRICS, MAX_BYTES, MAX_VALUE_CHARS = 1_000, 1_000_000, 1_024
OLDEST_S, FURTHEST_S = 14 * 86_400, 2 * 3_600


@dataclass
class Fault:
    """How one request goes wrong: an answer with an error, or none."""

    status: int = 0
    code: str = ""
    is_taken_first: bool = False
    """Whether CloudWatch takes the data before the answer is lost."""
    hangs_s: float = 0.0


THROTTLED = Fault(400, "ThrottlingException")
BROKEN = Fault(500, "InternalServiceFault")
FORBIDDEN = Fault(403, "AccessDeniedException")
RESET = Fault()
LOST_ANSWER = Fault(is_taken_first=True)


@dataclass
class PutRules:
    """What was taken, and what is to go wrong."""

    endpoint: str = ""
    now: Callable[[], float] = time.time
    faults: list[Fault | None] = field(default_factory=list)
    """Used up one a request; the last one stays if `is_fault_kept`."""
    is_fault_kept: bool = False
    delay_s: float = 0.0
    taken: list[dict] = field(default_factory=list)
    """Every datum that was taken, in its order."""
    request_sizes: list[int] = field(default_factory=list)
    """Data in each request, refused ones included."""
    body_bytes: list[int] = field(default_factory=list)
    """Of each request, without compression."""
    encodings: list[str | None] = field(default_factory=list)
    refused_feature: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self) -> Fault | None:
        """Return what goes wrong with the next request."""
        with self._lock:
            if not self.faults:
                return None
            return self.faults[0] if self.is_fault_kept and len(self.faults) == 1 else self.faults.pop(0)

    def values(self, metric: str, feature: str) -> list[tuple[float, float, float, float]]:
        """Return count, sum, least and most of what was taken of a metric and feature."""
        names = ("SampleCount", "Sum", "Minimum", "Maximum")
        return [
            tuple(each["StatisticValues"][name] for name in names)
            for each in self.taken
            if each["MetricName"] == metric and dimensions(each)["Feature"] == feature
        ]

    def count(self, metric: str) -> float:
        """Return how many values of a metric were taken."""
        return sum(each["StatisticValues"]["SampleCount"] for each in self.taken if each["MetricName"] == metric)

    def refusal(self, namespace: str, data: list[dict], size: int) -> str | None:
        """Return why CloudWatch does not take a request, None when it does. It takes all of one, or nothing."""
        if size > MAX_BYTES:
            return "RequestEntityTooLarge"
        if namespace != "AI/FinOps" or not 1 <= len(data) <= MAX_METRICS:
            return "InvalidParameterValue"
        return next((reason for each in data if (reason := self._refusal_of(each))), None)

    def _refusal_of(self, datum: dict) -> str | None:
        sets, values = datum["StatisticValues"], list(dimensions(datum).values())
        age_s = self.now() - datum["Timestamp"]
        is_fine = (
            all(value.isascii() and value.isprintable() and not value.isspace() for value in values)
            and all(1 <= len(value) <= MAX_VALUE_CHARS and value[0] != ":" for value in values)
            and sets["SampleCount"] > 0
            and sets["Minimum"] <= sets["Sum"] / sets["SampleCount"] + 1e-9
            and sets["Sum"] / sets["SampleCount"] <= sets["Maximum"] + 1e-9
            and -FURTHEST_S <= age_s <= OLDEST_S
            and self.refused_feature not in values
        )
        return None if is_fine else "InvalidParameterValue"


def dimensions(datum: dict) -> dict[str, str]:
    """Return the dimensions of a datum by name."""
    return {each["Name"]: each["Value"] for each in datum["Dimensions"]}


@contextmanager
def put_rules() -> Iterator[PutRules]:
    """Serve on loopback."""
    server = _Server((HOST, 0), _Handler)
    server.rules = PutRules(endpoint=f"http://{HOST}:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.rules
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        rules: PutRules = self.server.rules
        body = self.rfile.read(int(self.headers["Content-Length"]))
        encoding = self.headers.get("Content-Encoding")
        plain = gzip.decompress(body) if encoding == "gzip" else body
        asked = json.loads(plain)
        rules.encodings.append(encoding)
        rules.body_bytes.append(len(plain))
        rules.request_sizes.append(len(asked["MetricData"]))
        time.sleep(rules.delay_s)
        fault = rules.next_fault()
        refusal = rules.refusal(asked["Namespace"], asked["MetricData"], len(plain))
        if fault is None or fault.is_taken_first:
            rules.taken += [] if refusal else asked["MetricData"]
        if fault is not None:
            self._fail(fault)
        elif refusal:
            self._send(413 if refusal == "RequestEntityTooLarge" else 400, refusal)
        else:
            self._send(200)

    def _fail(self, fault: Fault) -> None:
        time.sleep(fault.hangs_s)
        if fault.status:
            self._send(fault.status, fault.code)
        else:
            self.close_connection = True

    def _send(self, status: int, code: str = "") -> None:
        body = json.dumps({"__type": code, "message": "as told"} if code else {}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""
