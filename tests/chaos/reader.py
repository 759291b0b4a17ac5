"""Somebody who reads the published marts all the time, also while a fault happens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

_PAUSE_SECONDS = 0.05


class Reader:
    """Opens `current` again and again, as a dashboard does, and notes what it should not have seen."""

    def __init__(self, home: Path) -> None:
        self._published, self._builds = home / "published", home / "builds"
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self.faults: list[str] = []
        self.read_count = 0
        self.seen: set[str] = set()
        self._whole: set[str] = set()
        self._thread = threading.Thread(target=self._read_on, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """Let nobody read meanwhile: the suite itself puts things back, or damages what is published."""
        with self._lock:
            yield
            self._whole.clear()

    def forget(self) -> None:
        """Begin a new case."""
        with self._lock:
            self.faults.clear()
            self.seen.clear()
            self.read_count = 0

    def _read_on(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                try:
                    self._read()
                except Exception as error:  # noqa: BLE001 - whatever a reader meets is a broken promise
                    self.faults.append(f"a reader met {type(error).__name__}: {error}")
            time.sleep(_PAUSE_SECONDS)

    def _read(self) -> None:
        folder = (self._published / "current").resolve(strict=True)
        self.faults += whole_build_faults(folder, builds=self._builds, is_known=folder.name in self._whole)
        self._whole.add(folder.name)
        self.seen.add(folder.name)
        self.read_count += 1


def whole_build_faults(folder: Path, *, builds: Path, is_known: bool = False) -> list[str]:
    """Return what is wrong with a published build: of another id, not whole, not audited.

    Args:
        is_known: Its files were looked at before; only whose build it is is read again.
    """
    record = json.loads((folder / "build.json").read_text())
    with duckdb.connect(str(folder / "marts.duckdb"), read_only=True) as connection:
        ids = {connection.execute("select build_id from dim_builds").fetchone()[0], record["build_id"]}
        counts = {} if is_known else _counts(connection, record["row_counts"])
    ids.add(pq.read_table(folder / "dim_builds.parquet")["build_id"][0].as_py())
    faults = [] if ids == {folder.name} else [f"{folder.name} says it is {', '.join(sorted(ids))}"]
    if is_known:
        return faults
    for name, count in record["row_counts"].items():
        in_file = pq.read_metadata(folder / f"{name}.parquet").num_rows
        if not count == counts[name] == in_file:
            faults.append(
                f"{folder.name}/{name} has {counts[name]} rows, {in_file} as Parquet, and should have {count}"
            )
    candidate = builds / folder.name
    if candidate.exists() and not json.loads((candidate / "audit.json").read_text())["is_passed"]:
        faults.append(f"{folder.name} is published and did not pass its audit")
    return faults


def _counts(connection: duckdb.DuckDBPyConnection, names: dict[str, int]) -> dict[str, int]:
    counted = {}
    for name in names:
        counted[name] = connection.execute(f'select count(*) from "{name}"').fetchone()[0]
    return counted
