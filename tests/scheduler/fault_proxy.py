"""A proxy before the local AWS that refuses a bucket's requests, or CloudWatch's, when told so: sources fail for real.

Told to break one call, it does what networks and services do: it resets, stalls, cuts an answer off, or says SlowDown.
"""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.resetting_proxy import RESET_ON_CLOSE

BREAKS = ("reset", "reset in the answer", "cut off", "stall", "stall in the answer", "SlowDown")
CLOUDWATCH = "cloudwatch"
FOR_GOOD = 1_000_000
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}
_XML = [("Content-Type", "application/xml")]
_REFUSAL = b"<Error><Code>ServiceUnavailable</Code><Message>refused by the test</Message></Error>"
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class FaultProxy:
    """Stands before an AWS endpoint; everything passes but what `refuse` names."""

    def __init__(self, endpoint: str) -> None:
        self.refused: dict[str, set[str]] = defaultdict(set)
        """Calls refused so far, by what they addressed: botocore's invocation ids, one for all attempts of a call."""
        self.numbers: dict[str, int] = {}
        """The place of each call among all, from 1, by its invocation id."""
        self.broken_count = 0
        """Attempts that were broken."""
        self._broken: tuple[int, str, bool] | None = None
        self._broken_path: str | None = None
        self._stopped = threading.Event()
        self._allowance: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(endpoint).netloc))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def refuse(self, what: str, *, calls: int = FOR_GOOD) -> None:
        """Refuse the next calls, all attempts of each, to a bucket or `CLOUDWATCH`."""
        with self._lock:
            self._allowance[what] = len(self.refused[what]) + calls

    def let_through(self, what: str) -> None:
        """Refuse no more."""
        with self._lock:
            self._allowance.pop(what, None)

    def break_call(self, number: int, how: str, *, lasts: bool) -> None:
        """Count calls from 1 again and break the one of that number: its first attempt, or all of them.

        Args:
            number: 0 breaks none.
            how: One of `BREAKS`.
            lasts: Whether all attempts of the call are broken, and later calls for the same thing: a client may ask anew.
        """
        with self._lock:
            self.numbers.clear()
            self.broken_count, self._broken, self._broken_path = 0, (number, how, lasts), None

    def break_of(self, invocation_id: str, path: str) -> str | None:
        """Return how an attempt is to be broken, and keep count."""
        with self._lock:
            is_first = invocation_id not in self.numbers
            number = self.numbers.setdefault(invocation_id, len(self.numbers) + 1)
            if self._broken is None:
                return None
            wanted, how, lasts = self._broken
            if number == wanted and lasts:
                self._broken_path = path
            if path != self._broken_path and not (number == wanted and is_first):
                return None
            self.broken_count += 1
            return how

    def stall(self) -> None:
        """Wait until nobody is served any more, or a minute."""
        self._stopped.wait(60)

    def stop(self) -> None:
        """Stop answering; the port is closed from then on."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def is_refused(self, what: str, invocation_id: str) -> bool:
        """Decide on one attempt, and keep count."""
        with self._lock:
            refused = self.refused[what]
            if invocation_id not in refused and len(refused) >= self._allowance.get(what, 0):
                return False
            if what not in self._allowance:
                return False
            refused.add(invocation_id)
            return True


def addressed(path: str) -> str:
    """Return what a request is about: the bucket, which botocore puts first in the path; else it is CloudWatch's."""
    first = urlsplit(path).path.strip("/").split("/")[0]
    return CLOUDWATCH if first in ("", "service") else first


def _handler(proxy: FaultProxy, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = self.headers.get("amz-sdk-invocation-id") or "nobody's"
            if proxy.is_refused(addressed(self.path), call):
                return self._reply(503, _XML, _REFUSAL)
            how = proxy.break_of(call, self.path)
            if how == "SlowDown":
                return self._reply(503, _XML, _SLOW_DOWN)
            if how in ("reset", "stall"):
                return self._end(how)
            connection = http.client.HTTPConnection(upstream, timeout=60)
            try:
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
                connection.request(self.command, self.path, body=body, headers=headers)
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            kept = [pair for pair in answer.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
            if how is None:
                return self._reply(answer.status, kept, content)
            self._reply(answer.status, kept, content, sent=len(content) // 2)
            return self._end(how)

        def _end(self, how: str) -> None:
            """Stall, and end the connection as told."""
            self.close_connection = True
            if how.startswith("stall"):
                proxy.stall()
            if how.startswith("reset"):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                os.close(self.connection.detach())

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

        def _reply(
            self, status: int, headers: list[tuple[str, str]], content: bytes, *, sent: int | None = None
        ) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() != "content-length" or self.command == "HEAD":
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[:sent])

        def log_message(self, *_: object) -> None:
            """Say nothing of its own."""

    return Handler
