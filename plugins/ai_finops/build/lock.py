"""One writer at a time: a lock on the builds folder, given back by the system when its holder dies."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from ai_finops.errors import BuildBusy, BuildError

WAIT_SECONDS = 900.0
_POLL_SECONDS = 0.2

_held: ContextVar[frozenset[Path]] = ContextVar("held_build_locks", default=frozenset())
logger = logging.getLogger(__name__)


@contextmanager
def one_writer(builds: Path, *, doing: str, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of `builds`; a caller that holds it already passes straight through.

    Args:
        builds: Folder of the candidate builds; made when missing.
        doing: What the lock is held for, shown to whoever waits.
        wait_seconds: How long to wait for another writer.
    Raises:
        BuildBusy: Another writer still holds it; the message says which process, and what it is doing.
        BuildError: The folder cannot be written.
    """
    path = builds / ".lock"
    if path in _held.get():
        yield
        return
    with _open(path) as lock:
        _wait_for(lock, path=path, wait_seconds=wait_seconds)
        _say_holder(lock, doing=doing)
        token = _held.set(_held.get() | {path})
        try:
            yield
        finally:
            _held.reset(token)


def _say_holder(lock: IO[str], *, doing: str) -> None:
    """Tell those who wait who holds the lock; on a full disk they are not told, and the lock is held all the same."""
    with suppress(OSError):
        os.ftruncate(lock.fileno(), 0)
        os.write(lock.fileno(), f"process {os.getpid()}, {doing}".encode())


def _open(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")
    except OSError as error:
        raise BuildError(
            f"the builds folder {path.parent} cannot be written ({error}); correct AI_FINOPS_HOME or what lies there"
        ) from error


def _wait_for(lock: IO[str], *, path: Path, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    is_told = False
    while not _try(lock):
        lock.seek(0)
        holder = lock.read() or "another process"
        if time.monotonic() >= deadline:
            raise BuildBusy(
                f"{path.parent} is being written by {holder}; waited {wait_seconds:.0f} s, "
                "wait for it to end or stop it, then run this again"
            )
        if not is_told:
            logger.warning("waiting for %s, which holds %s", holder, path)
            is_told = True
        time.sleep(_POLL_SECONDS)


def _try(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
