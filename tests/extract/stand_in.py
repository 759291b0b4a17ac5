"""A stand-in for AWS over HTTP that answers as it is told to: refusals, faults and connections that break off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ai_finops import aws

HOST = "127.0.0.1"


@dataclass
class Answer:
    """One reply; `cut_after` bytes of the body the connection is closed."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None


def s3_error(code: str, status: int) -> Answer:
    """An error as S3 writes it."""
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>as told</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


@dataclass
class StandIn:
    """Where it listens, and what was asked of it."""

    endpoint: str
    clients: dict | None = None
    paths: list[str] = field(default_factory=list)
    answer: Callable[[str, int], Answer] = lambda path, number: Answer()
    """Called with the path and how often it was asked before."""


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Run a stand-in; set its `answer` before asking."""
    server = _Server((HOST, 0), _Handler)
    server.told = StandIn(f"http://{HOST}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.told
    finally:
        server.shutdown()
        server.server_close()


def use_endpoint(monkeypatch, endpoint: str) -> None:
    """Send boto3 to `endpoint` with made-up credentials for the rest of the test."""
    services = ("S3", "CLOUDWATCH", "LOGS", "BEDROCK")
    for name in ("AWS_PROFILE", *(f"AWS_ENDPOINT_URL_{service}" for service in services), "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setenv("NO_PROXY", HOST)


def clients_of(endpoint: str, *, monkeypatch, settings) -> dict:
    """Clients of `endpoint` that try each call twice."""
    use_endpoint(monkeypatch, endpoint)
    return {name: aws.client(name, settings=settings, max_attempts=2) for name in ("s3", "cloudwatch")}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        told: StandIn = self.server.told
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        number = told.paths.count(self.path)
        told.paths.append(self.path)
        answer = told.answer(self.path, number)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.cut_after])
        if answer.cut_after is not None:
            self.close_connection = True

    do_GET = do_POST = do_HEAD = do_PUT = _answer

    def log_message(self, *_):
        """Say nothing."""
