"""A local HTTP server for stand-ins of APIs: one function answers requests, with headers, query and body."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.extract.stand_in import HOST, Answer


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of a list parameter, written `name` or `name[]`."""
        return [value for key, value in self.query if key in (name, f"{name}[]")]

    def value(self, name: str) -> str | None:
        return next(iter(self.values(name)), None)


@dataclass
class ApiServer:
    """Where it listens and what it was asked; answers in `first` are given before anything else is."""

    endpoint: str
    answer: Callable[[Request], Answer]
    first: list[Answer | None] = field(default_factory=list)
    """One for each coming request; None lets that one through."""
    requests: list[Request] = field(default_factory=list)
    sent_bytes: int = 0
    """Of bodies."""


def json_answer(document: object, status: int = 200, **headers: str) -> Answer:
    content = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(document).encode(), content)


@contextmanager
def api_server(answer: Callable[[Request], Answer]) -> Iterator[ApiServer]:
    """Serve `answer` on a port of its own."""
    server = _Server((HOST, 0), _Handler)
    server.told = ApiServer(f"http://{HOST}:{server.server_port}", answer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.told
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms for the headers to be acknowledged

    def _serve(self):
        told: ApiServer = self.server.told
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qsl(parts.query, keep_blank_values=True), headers, body)
        told.requests.append(request)
        answer = (told.first.pop(0) if told.first else None) or told.answer(request)
        self.send_response_only(answer.status)  # no Date of its own
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        told.sent_bytes += len(answer.body[: answer.cut_after])
        self.wfile.write(answer.body[: answer.cut_after])
        if answer.cut_after is not None:
            self.close_connection = True

    do_GET = do_POST = _serve

    def log_message(self, *_):
        """Say nothing."""
