"""`make collector`: an OTLP endpoint on loopback that writes what it is sent into a local AWS, to try the instrumentation with.

It stands where a deployment has OpenTelemetry's collector with its `awss3` exporter, and lays objects as that does: one
request, one object, below the minute in which it came. Nothing leaves this machine; Ctrl-C stops it, and what came is gone.
"""

from __future__ import annotations

import gzip
import os
import shlex
import signal
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

from ai_finops.config import Settings
from ai_finops.demo.account import create_account
from ai_finops.demo.local_aws import HOST, LocalAws, local_aws
from ai_finops.demo.run import clients_for
from ai_finops.demo.signals import stop_when_asked
from ai_finops.errors import AiFinopsError, SettingsError

PORT = 4318
"""Where an OTLP exporter over HTTP sends when nobody says otherwise."""
PATH = "/v1/traces"
MAX_BYTES = 64 * 1024 * 1024
HOME = Path("var") / "try"


@contextmanager
def collecting(s3: Any, *, settings: Settings, port: int, tell: Callable[[str], None]) -> Iterator[int]:
    """Take OTLP requests on `port` (0: any free one) and write each as an object; yields the port.

    Raises:
        SettingsError: The port is taken.
    """
    handler = type(
        "_Handler", (_Receiver,), {"s3": s3, "settings": settings, "tell": staticmethod(tell), "numbers": count()}
    )
    try:
        server = ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise SettingsError(
            f"port {port} of {HOST} cannot be used ({error}); stop what listens there, or set AI_FINOPS_COLLECTOR_PORT"
        ) from error
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Receiver(BaseHTTPRequestHandler):
    """One request; made with the S3 client and the settings as attributes of its class."""

    s3: Any
    settings: Settings
    tell: Callable[[str], None]
    numbers: Iterator[int]

    def do_POST(self) -> None:
        """Write the body of a request for traces; other signals have no reader."""
        size = int(self.headers.get("Content-Length") or 0)
        if self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND)
        elif not 0 < size <= MAX_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if size else HTTPStatus.LENGTH_REQUIRED)
        else:
            self._keep(self.rfile.read(size))

    def _keep(self, body: bytes) -> None:
        is_json = "json" in (self.headers.get("Content-Type") or "")
        try:
            content = _unpacked(body, self.headers.get("Content-Encoding"))
        except (OSError, zlib.error):
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        # JSON goes into lines, and exporters may write it over several.
        content = content.replace(b"\n", b" ") if is_json else content
        prefix, now = self.settings.traces_prefix.strip("/"), datetime.now(UTC)
        name = f"traces_{now:%f}_{next(self.numbers)}.{'json' if is_json else 'binpb'}"
        key = f"{prefix}/{now.strftime(self.settings.traces_partition_format)}/{now:hour=%H/minute=%M}/{name}"
        self.s3.put_object(Bucket=self.settings.traces_bucket, Key=key, Body=content)
        self.tell(f"{len(content):,} bytes from {self.headers.get('User-Agent', 'somebody')}: {key}")
        self._answer(HTTPStatus.OK)

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Type", self.headers.get("Content-Type") or "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of its own."""


def _unpacked(body: bytes, encoding: str | None) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if encoding == "deflate" else body


def environment(aws: LocalAws, *, home: Path) -> dict[str, str]:
    """What the pipeline's verbs need to read what was collected."""
    return aws.env() | {"AI_FINOPS_HOME": str(home.absolute()), "AI_FINOPS_SOURCES": "traces"}


def write_environment(path: Path, variables: Mapping[str, str]) -> None:
    """Write a file for a shell's `source`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())))


def main() -> int:
    """Run until interrupted."""
    stop_when_asked()
    file = HOME / "env"
    try:
        with local_aws() as aws:
            settings = Settings.from_env(environment(aws, home=HOME))
            clients = clients_for(aws.env(), settings)
            create_account(clients, settings)
            write_environment(file, environment(aws, home=HOME))
            port = int(os.environ.get("AI_FINOPS_COLLECTOR_PORT") or PORT)
            with collecting(clients["s3"], settings=settings, port=port, tell=_say) as used:
                print(
                    f"OTLP over HTTP   http://{HOST}:{used}\nfor the pipeline   source {file}\nCtrl-C stops it",
                    flush=True,
                )
                while True:
                    signal.pause()
    except AiFinopsError as error:
        print(f"ai-finops: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        file.unlink(missing_ok=True)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
