"""Points at which a process can be killed: right before the Nth thing that it does to the world, found by Python's audit hooks.

Counted is each file that is opened to be written, renamed, linked, made or removed below a folder, each request that is sent
over HTTP, each statement that psycopg sends, and each process that is started. No product code knows of it. What DuckDB,
Arrow or dbt write by themselves is not seen here: for these a process is killed after some time (`stations.py`).
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_PATHS = {"os.rename": 2, "os.remove": 1, "os.mkdir": 1, "os.rmdir": 1, "os.symlink": 2, "os.link": 2, "os.truncate": 1}
"""How many of an event's first arguments are paths."""


@dataclass
class Counter:
    """Counts the points passed, and kills the process right before the one that it was given."""

    below: str
    stop_before: int | None
    note: str
    """File that says at which point the process was killed, or how many points it passed."""
    count: int = 0

    def passed(self, what: str) -> None:
        """Count a point."""
        self.count += 1
        if self.count == self.stop_before:
            self.write(what)
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, what: str) -> None:
        """Write the note, by bare system calls that are not counted."""
        handle = os.open(self.note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(handle, f"{self.count} {what}".encode())
        os.close(handle)


def install(*, below: str, stop_before: int | None, note: str) -> Counter:
    """Watch this process from now on; an audit hook cannot be taken out again."""
    counter = Counter(below, stop_before, note)

    def hook(event: str, arguments: tuple) -> None:
        what = _point(event, arguments, below)
        if what:
            counter.passed(what)

    sys.addaudithook(hook)
    _watch_postgres(counter)
    return counter


def _point(event: str, arguments: tuple, below: str) -> str | None:
    """Return what is about to be done, or None when it leaves no trace."""
    if event == "open":
        path, mode, flags = arguments
        writes = any(letter in mode for letter in "wax+") if mode else bool(flags & _WRITING)
        return f"write {_short(path, below)}" if writes and _is_below(path, below) else None
    if event in _PATHS:
        paths = [path for path in arguments[: _PATHS[event]] if _is_below(path, below)]
        return f"{event} {_short(paths[-1], below)}" if paths else None
    if event == "http.client.send":
        return "http request"
    if event == "subprocess.Popen":
        return "start of a process"
    return None


def _is_below(path: object, below: str) -> bool:
    return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(below)


def _short(path: object, below: str) -> str:
    return os.fsdecode(path).removeprefix(below).lstrip("/")


def _watch_postgres(counter: Counter) -> None:
    """Count what psycopg sends; its protocol is spoken by C code, which raises no audit events."""
    try:
        import psycopg
    except ImportError:
        return
    for name in ("execute", "executemany", "copy"):
        plain = getattr(psycopg.Cursor, name)

        def watched(cursor, query, *given, plain=plain, **named):
            counter.passed(f"sql {' '.join(str(query).split())[:60]}")
            return plain(cursor, query, *given, **named)

        setattr(psycopg.Cursor, name, watched)
    plain_commit = psycopg.Connection.commit

    def commit(connection):
        counter.passed("sql commit")
        return plain_commit(connection)

    psycopg.Connection.commit = commit
