"""Measure a day of many small objects from the local AWS against only downloading them with the same pool.

    make bench BENCH=objects                     10,000 objects of 20 spans, three rounds
    make bench BENCH=objects BENCH_OBJECTS=1000

Downloads and landings take turns; seconds are medians by the clock, since both wait for the server. Peak memory is of this
process, which holds no server.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.extract import s3_objects, traces
from ai_finops.lake import Lake
from tests.benchmarks.made_spans import requests

SPANS_PER_OBJECT = 20
DAY, AS_OF = date(2025, 6, 2), date(2025, 7, 2)
BUCKET = "bench-traces"


def main() -> None:
    """Fill a bucket, land it and only download it in turns, and print both."""
    count, rounds = int(os.environ.get("BENCH_OBJECTS", "10000")), int(os.environ.get("BENCH_ROUNDS", "3"))
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "NO_PROXY": "127.0.0.1"}
    with local_aws() as server, tempfile.TemporaryDirectory(prefix="bench-") as home:
        os.environ["AWS_ENDPOINT_URL"] = server.endpoint
        settings = Settings.from_env({"AI_FINOPS_HOME": home, "AI_FINOPS_TRACES_BUCKET": BUCKET})
        s3 = aws.client("s3", settings=settings)
        prefix = traces.day_prefix(DAY, settings=settings)
        _fill(s3, prefix=prefix, count=count)
        downloads, landings = [], []
        for _ in range(rounds):
            downloads.append(_seconds(lambda: _download(s3, prefix=prefix, home=Path(home), count=count)))
            landings.append(_seconds(lambda: _land(s3, settings=settings, count=count)))
    download, landing = statistics.median(downloads), statistics.median(landings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"{count:,} objects of {SPANS_PER_OBJECT} spans, {rounds} rounds, load {os.getloadavg()[0]:.1f}\n")
    print("| What | measured | target |\n|---|---|---|")
    print(f"| only downloading, s | {download:.2f} | |\n| landing, s | {landing:.2f} | |")
    print(f"| landing ÷ downloading | {landing / download:.2f} | ≤ 1.5 |\n| peak, MB | {peak:.0f} | < 600 |")


def _fill(s3: Any, *, prefix: str, count: int) -> None:
    s3.create_bucket(Bucket=BUCKET)
    bodies = requests(count * SPANS_PER_OBJECT, encoding="json", spans_per_request=SPANS_PER_OBJECT)
    with ThreadPoolExecutor(aws.POOL_SIZE) as pool:
        puts = [
            pool.submit(s3.put_object, Bucket=BUCKET, Key=f"{prefix}hour=12/minute=00/{number:06d}.json", Body=body)
            for number, body in enumerate(bodies)
        ]
        for put in puts:
            put.result()


def _download(s3: Any, *, prefix: str, home: Path, count: int) -> None:
    objects = s3_objects.list_objects(s3, bucket=BUCKET, prefix=prefix)
    read = 0
    for fetched in s3_objects.fetch_each(s3, bucket=BUCKET, objects=objects, folder=home):
        with fetched.file as file:
            file.read()
        read += 1
    _require(read, count, "objects downloaded")


def _land(s3: Any, *, settings: Settings, count: int) -> None:
    lake = Lake(settings.lake)
    outcome = traces.land(DAY, settings=settings, lake=lake, clients={"s3": s3}, as_of=AS_OF)
    _require(outcome.loaded_count, count * SPANS_PER_OBJECT, "spans loaded")


def _require(got: int, wanted: int, what: str) -> None:
    if got != wanted:
        raise SystemExit(f"{got} of {wanted} {what}")


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
