"""A Pushgateway over HTTP that takes what the real one takes: a group by PUT, whole, as text, without timestamps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Pushgateway:
    """Where it listens, and what it holds."""

    url: str
    groups: dict[str, str] = field(default_factory=dict)
    """Text by path."""
    status: int | None = None
    """What it answers instead, when a test says so."""


@contextmanager
def pushgateway() -> Iterator[Pushgateway]:
    """Run one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.held = Pushgateway(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.held
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        held: Pushgateway = self.server.held
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        samples = [line for line in text.splitlines() if line and not line.startswith("#")]
        has_timestamps = any(len(line.rpartition("}")[2].split()) > 1 for line in samples if "}" in line)
        status = held.status or (400 if has_timestamps or not text.endswith("\n") else 200)
        if status == 200:
            held.groups[self.path] = text
        body = b"" if status == 200 else b"as told"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
