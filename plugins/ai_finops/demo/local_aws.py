"""A local AWS on loopback: moto's server as a child process, for the demo and the tests.

Nothing here reaches a real account. The child listens on 127.0.0.1 only, gets none of the caller's `AWS_*`, `MOTO_*` and
proxy variables, and the environment handed out points every service at it, with made-up credentials. moto 5.2.5 has no usage
reporting; of what it can do over the network (EventBridge and SNS deliveries, Docker for Lambda and Batch) nothing is used
here, and `MOTO_EVENTS_INVOKE_HTTP=false` pins the one switch that lets it call out.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_finops.demo.account import ACCOUNT_ID
from ai_finops.errors import SourceUnavailable

HOST = "127.0.0.1"
_START_ATTEMPTS = 3
_NOT_FOR_THE_CHILD = ("AWS_", "MOTO_", "TEST_SERVER_MODE", "INITIAL_NO_AUTH", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class LocalAws:
    """A running local AWS."""

    endpoint: str
    """Base URL, for example `http://127.0.0.1:40123`."""
    region: str
    log: Path
    """What the server printed."""
    pid: int

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables that send boto3 here; merge them over a process's own environment.

        `base` (default: the process environment) is only read for the proxy exceptions that it already has.
        """
        base = os.environ if base is None else base
        no_proxy = ",".join(part for part in (base.get("NO_PROXY") or base.get("no_proxy"), HOST) if part)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            # A service's own variable would win over the general one, so it is set as well.
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ENDPOINT_URL_CLOUDWATCH": self.endpoint,
            "AWS_ENDPOINT_URL_LOGS": self.endpoint,
            "AWS_ENDPOINT_URL_BEDROCK": self.endpoint,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }


@contextlib.contextmanager
def local_aws(
    *, region: str = "us-east-1", log: Path | None = None, timeout_seconds: float = 60.0, python: str = sys.executable
) -> Iterator[LocalAws]:
    """Start the local AWS, wait until it answers, and stop it on the way out, whatever happened.

    Args:
        region: Region named in the environment handed out.
        log: File for the server's output; default is a temporary file that is removed on a clean exit.
        timeout_seconds: How long to wait for the first answer, per attempt.
        python: Interpreter that has moto.
    Raises:
        SourceUnavailable: It did not come up; the message carries the last line of its log.
    """
    keeps_log = log is not None
    log = log or Path(tempfile.mkstemp(prefix="local-aws-", suffix=".log")[1])
    process, port = _start(log=log, timeout_seconds=timeout_seconds, python=python)
    try:
        yield LocalAws(endpoint=f"http://{HOST}:{port}", region=region, log=log, pid=process.pid)
    finally:
        _stop(process)
    if not keeps_log:
        log.unlink(missing_ok=True)


def _start(*, log: Path, timeout_seconds: float, python: str) -> tuple[subprocess.Popen, int]:
    # A free port can be taken by somebody else before the server binds it, so a lost race is tried again.
    for _ in range(_START_ATTEMPTS):
        port = _free_port()
        process = _spawn(port, log=log, python=python)
        try:
            answered = _wait_for_answer(process, port=port, timeout_seconds=timeout_seconds)
        except BaseException:
            _stop(process)
            raise
        if answered:
            return process, port
        _stop(process)
        if "Address already in use" not in log.read_text(errors="replace"):
            break
    raise SourceUnavailable(
        f"the local AWS did not answer on {HOST}:{port} (exit code {process.returncode}); its log {log} ends with "
        f"{_last_line(log)!r}; install the demo extra (moto[server,s3,cloudwatch]) or free some memory, then try again"
    )


def _spawn(port: int, *, log: Path, python: str) -> subprocess.Popen:
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith(_NOT_FOR_THE_CHILD)}
    env |= {"MOTO_ACCOUNT_ID": ACCOUNT_ID, "MOTO_EVENTS_INVOKE_HTTP": "false", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        return subprocess.Popen(
            [python, "-m", "ai_finops.demo.local_aws", str(port)],
            stdin=subprocess.PIPE,  # held open by us: its end tells the child that we are gone, even if killed
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,  # Ctrl-C in the terminal stops it through us, after those who still use it
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _wait_for_answer(process: subprocess.Popen, *, port: int, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", "/moto-api/")
            if connection.getresponse().status == http.HTTPStatus.OK and process.poll() is None:
                return True
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    return False


def _stop(process: subprocess.Popen) -> None:
    if process.stdin:
        process.stdin.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


def _exit_when_parent_is_gone() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _write_one_at_a_time() -> None:
    """Make a conditional write one step, as S3 does: moto looks first and then writes, and two threads may find nothing."""
    from moto.s3.responses import S3Response

    put, busy = S3Response.put_object, threading.Lock()

    def put_alone(self: S3Response) -> Any:
        with busy:
            return put(self)

    S3Response.put_object = put_alone


def _serve(port: int) -> None:
    from moto.server import main

    _write_one_at_a_time()
    threading.Thread(target=_exit_when_parent_is_gone, daemon=True).start()
    main(["-H", HOST, "-p", str(port)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
