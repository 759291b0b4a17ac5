"""Run a step in a process of its own, watch what it and its children take, and end it before the machine has nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_LOOK_SECONDS, _DISK_SECONDS = 0.2, 2.0
GB = 1024**3


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a step may take; past that it is ended."""

    least_free_memory: float
    """Bytes that the machine has to have left."""
    most_memory: float
    """Bytes of a step, all its processes together."""
    least_free_disk: float
    """Bytes that the disk has to have left."""
    most_disk: float
    """Bytes below the watched folder."""


@dataclass(slots=True)
class Watched:
    """What a step took."""

    exit_code: int | None = None
    stopped: str = ""
    """Why it was ended; empty when it came to its own end."""
    clock_seconds: float = 0.0
    peak_memory: int = 0
    """Bytes of all its processes together, shared pages once."""
    peak_disk: int = 0


def run_watched(
    command: list[str], *, folder: Path, output: Path, bounds: Bounds, env: Mapping[str, str] | None = None
) -> Watched:
    """Run `command` to its end or to a bound.

    Args:
        folder: What the step writes into.
        output: File for what it says.
    """
    watched, began = Watched(), time.perf_counter()
    with (
        output.open("w") as said,
        subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True, env=dict(env or os.environ)
        ) as process,
    ):
        looked = -_DISK_SECONDS
        try:
            while process.poll() is None and not watched.stopped:
                now = time.perf_counter() - began
                if now - looked >= _DISK_SECONDS:
                    looked = now
                    watched.peak_disk = max(watched.peak_disk, folder_size(folder))
                watched.peak_memory = max(watched.peak_memory, _memory(process.pid))
                watched.stopped = _past(bounds, watched, folder=folder)
                time.sleep(_LOOK_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    watched.exit_code = process.returncode
    watched.clock_seconds = time.perf_counter() - began
    watched.peak_disk = max(watched.peak_disk, folder_size(folder))
    return watched


def folder_size(folder: Path) -> int:
    """Return the bytes that the files below a folder take on disk; links are not followed."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return size


def _memory(pid: int) -> int:
    """Return what a process and its children hold; a page that two share is halved between them."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
                info = process.memory_full_info()
                total += getattr(info, "pss", info.rss)
    return total


def _past(bounds: Bounds, watched: Watched, *, folder: Path) -> str:
    """Say which bound was passed, if one was."""
    left, room = psutil.virtual_memory().available, psutil.disk_usage(str(folder)).free
    for is_past, why in (
        (left < bounds.least_free_memory, f"the machine had {left / GB:.1f} GB of memory left"),
        (watched.peak_memory > bounds.most_memory, f"it held {watched.peak_memory / GB:.1f} GB of memory"),
        (room < bounds.least_free_disk, f"the disk had {room / GB:.1f} GB left"),
        (watched.peak_disk > bounds.most_disk, f"its files took {watched.peak_disk / GB:.1f} GB"),
    ):
        if is_past:
            return why
    return ""
