"""Measure a day of traces landed whole and in shards, from a bucket over HTTP: CPU seconds and peak memory of each task.

    make bench BENCH=trace_shards                          200,000 spans, 4 shards
    make bench BENCH=trace_shards BENCH_SPANS=1000000

Every task runs in a process of its own, one after the other, so its CPU seconds and its peak memory are its own; what they
would take side by side is the plan, the longest shard and the join. The two lakes are held against each other.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ai_finops import aws, extract
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.extract import trace_shards, traces
from ai_finops.privacy import user_keys
from tests.benchmarks.made_spans import requests
from tests.extract.divided import AS_OF, DAY, content, twin

LINES_PER_OBJECT = 20


def main() -> None:
    """Put the objects, land them both ways, and print the table."""
    span_count, shard_count = int(os.environ.get("BENCH_SPANS", "200000")), int(os.environ.get("BENCH_SHARDS", "4"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_aws() as running:
        os.environ |= {
            "AWS_ENDPOINT_URL": running.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AI_FINOPS_HOME": f"{folder}/whole",
            "AI_FINOPS_TRACE_SHARDS": str(shard_count),
        }
        settings = Settings.from_env()
        object_count = put_objects(settings, span_count=span_count)
        with user_keys.changing(settings) as keys:
            keys.pseudonyms(f"user-{number}" for number in range(100_000))  # as after some weeks
        divided = twin(settings, Path(folder) / "divided")
        taken = [("whole", measured("whole", settings))]
        plan = measured("plan", divided)
        taken.append(("plan", plan))
        taken += [
            (f"shard {number}", measured(f"shard {number} {plan['said']}", divided)) for number in range(plan["shards"])
        ]
        taken.append(("join", measured(f"join {plan['said']}", divided)))
        wrote = sum(path.stat().st_size for path in (divided.home / "lake" / "shards").rglob("*") if path.is_file())
        same = {path: each for path, each in content(divided).items() if "/shards/" not in path} == content(settings)
    print(
        _table(
            taken,
            head=f"{span_count:,} spans in {object_count:,} objects, {plan['shards']} shards",
            wrote=wrote,
            same=same,
        )
    )
    if not same:
        raise SystemExit("the two lakes differ")


def put_objects(settings: Settings, *, span_count: int) -> int:
    """Put the spans as JSON Lines, spread over the hours of the day; return in how many objects."""
    s3 = aws.client("s3", settings=settings)
    s3.create_bucket(Bucket=settings.traces_bucket)
    lines, number = requests(span_count, encoding="json"), 0
    whole = -(-span_count // LINES_PER_OBJECT)
    while part := list(islice(lines, LINES_PER_OBJECT)):
        hour = min(23, number * 24 * 8 // whole)
        key = f"{traces.day_prefix(DAY, settings=settings)}hour={hour:02d}/{number:06d}.json"
        s3.put_object(Bucket=settings.traces_bucket, Key=key, Body=b"\n".join(part) + b"\n")
        number += 1
    return number


def measured(what: str, settings: Settings) -> dict:
    """Run a task alone."""
    command = [sys.executable, "-m", "tests.benchmarks.trace_shards", *what.split()]
    env = os.environ | {"AI_FINOPS_HOME": str(settings.home)}
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout)


def run(what: str, *more: str) -> None:
    """Do one task and print what it took."""
    settings = Settings.from_env()
    clock, cpu, made = time.perf_counter(), time.process_time(), None
    if what == "whole":
        extract.land("traces", DAY, settings=replace(settings, trace_shards=1), as_of=AS_OF)
    elif what == "plan":
        made = trace_shards.plan(DAY, run="bench", settings=settings, as_of=AS_OF)
    elif what == "shard":
        trace_shards.land_shard(DAY, plan_id=more[1], number=int(more[0]), settings=settings)
    else:
        trace_shards.join(DAY, plan_id=more[0], settings=settings, as_of=AS_OF)
    taken = {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - cpu}
    taken |= {"said": made and made.plan_id, "shards": made and made.shard_count}
    print(json.dumps(taken | {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def _table(taken: list[tuple[str, dict]], *, head: str, wrote: int, same: bool) -> str:
    by_name = dict(taken)
    lines = [head, "", "| Task | CPU s | clock s | peak MB |", "|---|---|---|---|"]
    lines += [f"| {n} | {t['cpu_seconds']:.1f} | {t['seconds']:.1f} | {t['peak_mb']:.0f} |" for n, t in taken]
    cpu = {name: each["cpu_seconds"] for name, each in taken}
    parts = sum(seconds for name, seconds in cpu.items() if name != "whole")
    longest = max(seconds for name, seconds in cpu.items() if name.startswith("shard"))
    beside = by_name["plan"]["cpu_seconds"] + longest + by_name["join"]["cpu_seconds"]
    lines += [
        "",
        f"CPU ÷ whole: all tasks {parts / cpu['whole']:.2f}, plan with longest shard and join {beside / cpu['whole']:.2f}",
        f"Between the tasks: {wrote / 1024**2:.0f} MB · the lakes are {'the same' if same else 'DIFFERENT'}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(*sys.argv[1:])
    else:
        main()
