"""Measure how the whole of a day grows with its spans, the days behind it and the number of features: where DuckDB ends.

    make bench BENCH=scaling                                    all of CELLS, for hours; begin it on an idle machine
    make bench BENCH=scaling BENCH_CELLS=100K/1/5               one cell: spans a day/days of history/features
    make bench BENCH=scaling BENCH_CELLS=1M/1/5/spark           the same built on Spark (requirements-spark.txt, Java 17)
    make bench BENCH=scaling BENCH_HOME=/data/bench BENCH_MOST_DISK_GB=200

A cell lands its days one by one through the extraction, from objects that are made as they are asked for (made_objects.py),
so the disk holds the lake and the builds alone. Days before the last one are landed and published first, in step `history`;
the steps after it are those of the last day on top: extract, prepare, phase 1, analyses, phase 2, audit, publish. A cell of
one day is a build from nothing.

Each step is a process of its own. Its line goes to `results.csv` in BENCH_HOME (default var/bench/scaling) as soon as it
ends, so that a bench that was broken off goes on where it was; a cell that has ended is not measured again unless its lines
are removed. A step that needs more than the machine has is ended, its line says why, and the next cell begins: in GB,
BENCH_LEAST_FREE_MEMORY_GB (1), BENCH_MOST_MEMORY_GB (none), BENCH_LEAST_FREE_DISK_GB (10) and BENCH_MOST_DISK_GB (50).
Seconds by the clock are true on an idle machine only; the load stands beside them. Making objects takes a core of its own
beside the extraction. What is printed at the end also goes to `results.md`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path

from ai_finops.config import REPOSITORY
from tests.benchmarks.made_cells import STEPS, Cell
from tests.benchmarks.made_curves import Results, table
from tests.benchmarks.made_watch import GB, Bounds, folder_size, run_watched

CELLS = (
    *("1M/1/5", "10M/1/5", "50M/1/5"),
    *("100K/7/5", "100K/90/5", "100K/400/5"),
    *("100K/7/50", "100K/7/500"),
)
MB = 1024**2


def measure(cell: Cell, *, home: Path, results: Results, bounds: Bounds) -> None:
    """Run what is left of a cell's steps; its folder is removed when it has ended, well or not."""
    folder = home / "cells" / cell.name.replace("/", "-")
    if not (folder / "var").exists():
        results.forget(cell)
    known = results.of(cell)
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    with _objects(cell) as (address, _):
        for step in STEPS:
            if step in known or (step == "history" and cell.day_count == 1):
                continue
            before = _counts(address)
            line = _measured(cell, step, folder=folder, address=address, bounds=bounds)
            counts = {name: number - before.get(name, 0) for name, number in _counts(address).items()}
            line |= {
                "get_requests": counts.get("GetObject", 0),
                "list_requests": counts.get("ListObjectsV2", 0),
                "object_mb": round(counts.get("bytes", 0) / MB, 1),
            }
            results.add(line)
            print(_spoken(line), flush=True)
            if line["status"] != "done":
                break
    shutil.rmtree(folder)


def _measured(cell: Cell, step: str, *, folder: Path, address: str, bounds: Bounds) -> dict[str, object]:
    output, result = folder / f"{step}.txt", folder / "result.json"
    result.unlink(missing_ok=True)
    env = os.environ | {
        "TMPDIR": str(folder / "tmp"),
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "tests.benchmarks.made_cells", cell.name, step, str(folder), str(result)]
    watched = run_watched(command, folder=folder, output=output, bounds=bounds, env=env)
    counted = json.loads(result.read_text()) if result.exists() else {}
    status, reason = "done", ""
    if watched.stopped:
        status, reason = "stopped", watched.stopped
    elif watched.exit_code != 0 or not counted:
        said = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
        status, reason = "failed", (said[-1] if said else f"ended with {watched.exit_code}")[:300]
    return {
        "cell": cell.name,
        "step": step,
        "status": status,
        "reason": reason,
        "clock_s": round(watched.clock_seconds, 1),
        "cpu_s": round(counted.get("cpu_s", 0), 1),
        "peak_mb": round(watched.peak_memory / MB),
        "disk_mb": round(folder_size(folder) / MB),
        "peak_disk_mb": round(watched.peak_disk / MB),
        "span_count": counted.get("span_count", 0),
        "load": round(os.getloadavg()[0], 1),
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@contextmanager
def _objects(cell: Cell) -> Iterator[tuple[str, int]]:
    """Serve the cell's objects; give the address and how many spans a day has."""
    command = [sys.executable, "-m", "tests.benchmarks.made_objects", str(cell.spans_a_day), str(cell.feature_count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            said = server.stdout.readline().split()
            if len(said) != 2:
                raise SystemExit("the server of made objects did not start")
            yield said[0], int(said[1])
        finally:
            server.kill()


def _counts(address: str) -> dict[str, int]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{address}/counts", timeout=60) as reply:
        return json.load(reply)


def _spoken(line: dict[str, object]) -> str:
    end = f": {line['status']}, {line['reason']}" if line["status"] != "done" else ""
    return (
        f"{line['cell']} {line['step']}: {line['clock_s']} s, CPU {line['cpu_s']} s, peak {line['peak_mb']} MB, "
        f"disk {line['disk_mb']} MB (peak {line['peak_disk_mb']}){end}"
    )


def _number(name: str, default: float) -> float:
    return float(os.environ.get(f"BENCH_{name}") or default) * GB


def main() -> None:
    """Measure the cells that are left, one at a time, and print the table of all."""
    home = Path(os.environ.get("BENCH_HOME") or REPOSITORY / "var" / "bench" / "scaling").resolve()
    cells = [Cell.parse(name) for name in (os.environ.get("BENCH_CELLS") or ",".join(CELLS)).split(",")]
    bounds = Bounds(
        least_free_memory=_number("LEAST_FREE_MEMORY_GB", 1),
        most_memory=_number("MOST_MEMORY_GB", inf),
        least_free_disk=_number("LEAST_FREE_DISK_GB", 10),
        most_disk=_number("MOST_DISK_GB", 50),
    )
    results = Results(home / "results.csv")
    for cell in cells:
        known = results.of(cell)
        if "publish" in known or any(line["status"] != "done" for line in known.values()):
            print(f"{cell.name}: measured before; remove its lines from {results.path} to measure it again")
            continue
        measure(cell, home=home, results=results, bounds=bounds)
    printed = table(results.lines())
    (home / "results.md").write_text(printed + "\n")
    print(f"\n{os.cpu_count()} CPUs\n\n{printed}")


if __name__ == "__main__":
    main()
