"""Measure the way from OTLP objects on disk to the lake's Parquet against what the JSON decoder alone needs.

    make bench BENCH=extract                          200,000 spans, three rounds
    make bench BENCH=extract BENCH_SPANS=1000000

Every path runs in a process of its own, so that its peak memory is its own, and the paths take turns, so that a busy moment of
the machine hits all of them. Seconds are medians of the rounds. Ratios are of CPU seconds: one thread against one thread they
are the same as wall-clock ones on an idle machine, and they hold on a busy one, too; two threads are compared by the clock.
"""

from __future__ import annotations

import gc
import gzip
import io
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import orjson

from ai_finops.config import Settings
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.span_loader import SpanLoader
from ai_finops.privacy.users import Users, landing_users
from tests.benchmarks.made_spans import requests

LINES_PER_OBJECT = 20
DAY, AS_OF = date(2025, 6, 2), date(2025, 7, 2)
MB = 1024 * 1024


def main() -> None:
    """Make the spans, measure every path, and print the table."""
    span_count, rounds = int(os.environ.get("BENCH_SPANS", "200000")), int(os.environ.get("BENCH_ROUNDS", "3"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder)
        make_objects(home, span_count=span_count)
        taken: dict[str, list[dict]] = {path: [] for path in PATHS}
        for _ in range(rounds):
            for path in PATHS:
                taken[path].append(_measured(path, home=home, span_count=span_count))
    print(_table(taken, span_count=span_count, rounds=rounds))


def make_objects(home: Path, *, span_count: int) -> None:
    """Write the spans as JSON Lines, the same compressed, and as one protobuf request an object."""
    for kind in ("json", "gzip", "protobuf"):
        (home / kind).mkdir()
    lines = requests(span_count, encoding="json")
    number = 0
    while part := list(islice(lines, LINES_PER_OBJECT)):
        content = b"\n".join(part) + b"\n"
        (home / "json" / f"{number:06d}.json").write_bytes(content)
        (home / "gzip" / f"{number:06d}.json.gz").write_bytes(gzip.compress(content, 6, mtime=0))
        number += 1
    for number, request in enumerate(requests(span_count, encoding="protobuf")):
        (home / "protobuf" / f"{number:06d}.binpb").write_bytes(request)


def _decode_only(home: Path) -> None:
    gc.disable()
    for file in _files(home / "json"):
        with file.open("rb") as lines:
            for line in lines:
                orjson.loads(line)


def _decompress_only(home: Path) -> None:
    for file in _files(home / "gzip"):
        with gzip.open(file) as content:
            while content.read(MB):
                pass


def _load(kind: str, *, threads: int) -> Callable[[Path], int]:
    def load(home: Path) -> int:
        accounts = Accounts("traces", DAY)
        with tempfile.TemporaryDirectory(prefix="bench-load-") as folder, _users(folder) as users:
            loader = SpanLoader(Path(folder), accounts=accounts, users=users, as_of=AS_OF, threads=threads)
            add = loader.add_protobuf if kind == "protobuf" else loader.add_json
            for path in _files(home / kind):
                with path.open("rb") as file:
                    add(accounts.open(path.name, bytes_read=path.stat().st_size), file)
            loader.tables()
            loader.close()
        return accounts.totals()["loaded_count"]

    return load


def _users(home: str) -> AbstractContextManager[Users]:
    """The users of a landing in a deployment of its own: each of them is new, as on its first day."""
    return landing_users(DAY, settings=Settings.from_env({"AI_FINOPS_HOME": home}), as_of=AS_OF)


PATHS: dict[str, Callable[[Path], int | None]] = {
    "orjson.loads alone": _decode_only,
    "JSON to lake": _load("json", threads=1),
    "JSON to lake, 2 threads": _load("json", threads=2),
    "protobuf to lake": _load("protobuf", threads=1),
    "gunzip alone": _decompress_only,
    "gzip JSON to lake": _load("gzip", threads=1),
}


def _files(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.iterdir()))


def _measured(path: str, *, home: Path, span_count: int) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.extract", path, str(home)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    result = json.loads(ended.stdout)
    if result["loaded"] not in (None, span_count):
        raise SystemExit(f"{path} loaded {result['loaded']} of {span_count} spans")
    return result


def _run(path: str, home: Path) -> None:
    _warm_up()
    clock, cpu = time.perf_counter(), time.process_time()
    loaded = PATHS[path](home)
    seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu
    # Linux counts in KiB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak / MB, "loaded": loaded}))


def _warm_up() -> None:
    """Import what is imported on first use, which takes a second and is no part of any path."""
    accounts = Accounts("traces", DAY)
    with tempfile.TemporaryDirectory(prefix="bench-warm-") as folder, _users(folder) as users:
        loader = SpanLoader(Path(folder), accounts=accounts, users=users, as_of=AS_OF)
        for kind, add in (("json", loader.add_json), ("protobuf", loader.add_protobuf)):
            add(accounts.open(kind), io.BytesIO(next(requests(10, encoding=kind))))
        loader.tables()
        loader.close()


def _table(taken: dict[str, list[dict]], *, span_count: int, rounds: int) -> str:
    def median(path: str, what: str) -> float:
        return statistics.median(each[what] for each in taken[path])

    def cpu(path: str) -> float:
        return median(path, "cpu_seconds")

    whole = cpu("JSON to lake")
    unzipped = cpu("gzip JSON to lake") - cpu("gunzip alone")
    peak = max(median(path, "peak_mb") for path in PATHS)
    ratios = [
        ("JSON to lake ÷ orjson.loads alone", whole / cpu("orjson.loads alone"), "≤ 2.5"),
        ("2 threads ÷ 1 thread, by the clock", _by_clock(median), "reported"),
        ("protobuf ÷ JSON, a span", cpu("protobuf to lake") / whole, "≤ 1"),
        ("(gzip JSON − gunzip) ÷ JSON", unzipped / whole, "≤ 1.25"),
        ("highest peak, MB", peak, "< 600"),
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "orjson", "ptars", "pyarrow"))
    machine = f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {versions}"
    lines = [
        f"{span_count:,} spans, {rounds} rounds · {machine}",
        "",
        "| Path | CPU s | clock s | spans a CPU second | peak MB |",
        "|---|---|---|---|---|",
    ]
    for path in PATHS:
        rate = f"{span_count / cpu(path):,.0f}"
        lines.append(
            f"| {path} | {cpu(path):.2f} | {median(path, 'seconds'):.2f} | {rate} | {median(path, 'peak_mb'):.0f} |"
        )
    lines += ["", "| Ratio | measured | target |", "|---|---|---|"]
    lines += [f"| {name} | {value:.2f} | {target} |" for name, value, target in ratios]
    return "\n".join(lines)


def _by_clock(median: Callable[[str, str], float]) -> float:
    return median("JSON to lake, 2 threads", "seconds") / median("JSON to lake", "seconds")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _run(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
