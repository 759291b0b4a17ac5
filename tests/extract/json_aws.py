"""A stand-in for AWS's JSON services over HTTP that enforces the rules it is given, and fails when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

HOST = "127.0.0.1"


class Refused(Exception):
    """An answer that is an error of the service."""

    def __init__(self, code: str, message: str = "as told", *, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message, status


class CutOff(Exception):
    """The connection closes in the middle of an answer."""


class Rules(Protocol):
    """What a service does."""

    def call(self, operation: str, params: dict) -> dict:
        """Answer one call.

        Raises:
            Refused: The service would answer with an error.
        """


@dataclass
class JsonAws:
    """Where it listens, and what was asked of it."""

    endpoint: str
    rules: Rules
    asked: list[tuple[str, dict]] = field(default_factory=list)
    """Operations and their parameters, refused ones included."""
    faults: list[Exception | None] = field(default_factory=list)
    """Used up one a call before the rules are asked; None lets the call through."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def operations(self) -> list[str]:
        """Return the names of the calls."""
        return [operation for operation, _ in self.asked]

    def answer(self, operation: str, params: dict) -> dict:
        """Answer one call, or fail."""
        with self._lock:  # as the order of a list's entries tells what was asked, one call at a time
            self.asked.append((operation, params))
            if self.faults and (fault := self.faults.pop(0)):
                raise fault
            return self.rules.call(operation, params)


@contextmanager
def json_aws(rules: Rules) -> Iterator[JsonAws]:
    """Serve `rules` on loopback."""
    server = _Server((HOST, 0), _Handler)
    server.aws = JsonAws(f"http://{HOST}:{server.server_port}", rules)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.aws
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target")
        if target:
            operation, params = target.split(".")[-1], json.loads(body or b"{}")
        else:
            parts = urlsplit(self.path)
            operation, params = f"{self.command} {parts.path}", dict(parse_qsl(parts.query))
        try:
            self._send(200, self.server.aws.answer(operation, params))
        except Refused as error:
            self._send(error.status, {"__type": error.code, "message": error.message}, code=error.code)
        except CutOff:
            self._send(200, self.server.aws.rules.call(operation, params), cut=True)

    def _send(self, status: int, plain: dict, *, code: str = "", cut: bool = False):
        body = json.dumps(plain).encode()
        length = len(body)
        body = body[: length // 2] if cut else body
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = cut

    do_GET = do_POST = _answer

    def log_message(self, *_):
        """Say nothing."""
