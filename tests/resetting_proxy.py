"""A TCP proxy on loopback that breaks connections in the middle of what they carry, as a bad network does."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ResettingProxy:
    """Passes bytes on, and resets a connection as often as told when a piece of a request has a certain text in it."""

    def __init__(self, endpoint: str) -> None:
        target = urlsplit(endpoint)
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.text, self.resets_left = b"", 0

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for one, other, looks in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass_on, args=(one, other, looks), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _pass_on(self, source: socket.socket, target: socket.socket, looks: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if looks and self.resets_left and self.text in piece:
                    self.resets_left -= 1
                    target.sendall(piece[: len(piece) // 2])
                    for each in (source, target):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    break
                target.sendall(piece)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.close()


@contextlib.contextmanager
def resetting_proxy(endpoint: str) -> Iterator[ResettingProxy]:
    """Run a proxy before `endpoint`."""
    proxy = ResettingProxy(endpoint)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()
