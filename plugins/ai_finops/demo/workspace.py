"""The folder a demo works in: emptied of what an earlier demo made, and never a folder with anything of somebody's."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from ai_finops.errors import SettingsError

_MARKER = ".made-by-the-demo"
_MADE_BY_A_DEMO = ("airflow", "builds", "data_docs", "lake", "logs", "published")
_NEVER_MINE = ("up",)
"""`make up` keeps its own workspace inside the same home."""


@contextlib.contextmanager
def fresh_workspace(home: Path) -> Iterator[Path]:
    """Empty `home` of what an earlier demo left, and hold it until the demo is over.

    Raises:
        SettingsError: There is something in it that no demo made, or another demo is at work in it.
    """
    marker = home / _MARKER
    if home.exists() and not home.is_dir():
        raise SettingsError(f"{home} is a file; set AI_FINOPS_HOME to a folder for the demo")
    if not marker.exists() and (strange := _others_in(home)):
        raise SettingsError(
            f"{home} holds {strange[0].name}, which no demo made; set AI_FINOPS_HOME to another folder for the demo"
        )
    with _writable(home):
        home.mkdir(parents=True, exist_ok=True)
        held = marker.open("w", encoding="utf-8")
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(f"another demo is at work in {home}; wait for it, or set AI_FINOPS_HOME") from error
        with _writable(home):
            held.write("An ai-finops demo owns this folder and empties it when it starts.\n")
            held.flush()
            for name in _MADE_BY_A_DEMO:
                _remove(home / name)
        yield home


@contextlib.contextmanager
def _writable(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"{home} cannot be written ({error.strerror}: {error.filename or home}); free the disk or its permissions, "
            "or set AI_FINOPS_HOME to another folder"
        ) from error


def _others_in(home: Path) -> list[Path]:
    if not home.exists():
        return []
    return sorted(entry for entry in home.iterdir() if entry.name not in _NEVER_MINE and not _holds_only_a_lock(entry))


def _holds_only_a_lock(entry: Path) -> bool:
    """A build that found nothing to build leaves its lock file, and nothing of anybody's."""
    return entry.name == "builds" and entry.is_dir() and [each.name for each in entry.iterdir()] == [".lock"]


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)
