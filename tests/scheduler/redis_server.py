"""A Redis of the tests' own: Debian's redis-server on a free port of loopback, with a password, in memory alone."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from ai_finops.demo.airflow_services import free_port


@contextmanager
def redis_server() -> Iterator[str]:
    """Start it, yield its address with the password, and stop it."""
    program = shutil.which("redis-server")
    if program is None:
        said = "redis-server is not installed (Debian: redis-server)"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    port, password = free_port(), secrets.token_urlsafe(16)
    settings = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\nappendonly no\ndir /tmp\n"
    server = subprocess.Popen([program, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        server.stdin.write(settings.encode())  # not as arguments, which everybody on the machine can read
        server.stdin.close()
        _wait(server, redis.Redis(port=port, password=password))
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(30)


def _wait(server: subprocess.Popen, client: redis.Redis) -> None:
    for _ in range(200):
        try:
            client.ping()
        except redis.exceptions.ConnectionError:
            if server.poll() is not None:
                pytest.fail(f"redis-server ended with exit code {server.returncode}")
            time.sleep(0.05)
        else:
            return
    pytest.fail("redis-server does not answer")
