"""Measure what pseudonyms of users take of the landing of traces, on the first day of all users and on a later one.

    make bench BENCH=pseudonyms                       200,000 spans
    make bench BENCH=pseudonyms BENCH_SPANS=1000000

A landing from JSON on disk to the lake's Parquet, with one thread; CPU seconds, and of them those in `Users.hide`. Each number
of users is a share of the spans; ids are drawn evenly, so that with many of them some are drawn by no span.
"""

from __future__ import annotations

import io
import os
import random
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.span_loader import SpanLoader
from ai_finops.privacy import user_keys
from ai_finops.privacy.users import Users, landing_users
from tests.benchmarks.made_spans import requests

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)
SHARES = (0.005, 0.05, 0.43)
GOAL = 0.05
"""Of the landing, where users are 5 % of the spans."""
_USER = re.compile(rb"\buser-\d+")


def main() -> None:
    """Land the same spans for each number of users twice, and print the table."""
    span_count = int(os.environ.get("BENCH_SPANS", "200000"))
    print(
        "| Users drawn of | with a key | day | landing, CPU s | pseudonyms, CPU s | share |\n|---|---|---|---|---|---|"
    )
    missed = False
    for share in SHARES:
        user_count = int(span_count * share)
        lines = list(_with_users(requests(span_count, encoding="json"), user_count))
        with tempfile.TemporaryDirectory(prefix="bench-") as home:
            settings = Settings.from_env({"AI_FINOPS_HOME": home})
            for day in ("first", "later"):
                whole, hiding = _land(lines, settings)
                with user_keys.opened(settings) as keys:
                    known, _ = keys.counts()
                took = hiding / (whole - hiding)
                missed |= share == 0.05 and took > GOAL
                print(f"| {user_count:,} | {known:,} | {day} | {whole:.2f} | {hiding:.2f} | {took:.1%} |", flush=True)
    if missed:
        raise SystemExit(f"more than {GOAL:.0%} where users are 5 % of the spans")


def _with_users(lines: Iterator[bytes], user_count: int) -> Iterator[bytes]:
    chance = random.Random(1)
    for line in lines:
        yield _USER.sub(lambda _: b"user-%06d@example.com" % chance.randrange(user_count), line)


def _land(lines: list[bytes], settings: Settings) -> tuple[float, float]:
    """Return the CPU seconds of a landing, and those of them that pseudonyms took."""
    hiding, hide = 0.0, Users.hide

    def timed(users: Users, spans: object) -> object:
        nonlocal hiding
        began = time.process_time()
        try:
            return hide(users, spans)
        finally:
            hiding += time.process_time() - began

    Users.hide = timed
    try:
        with tempfile.TemporaryDirectory() as folder, landing_users(DAY, settings=settings, as_of=AS_OF) as users:
            began, accounts = time.process_time(), Accounts("traces", DAY)
            loader = SpanLoader(Path(folder), accounts=accounts, users=users, as_of=AS_OF, threads=1)
            for start in range(0, len(lines), 20):
                content = b"\n".join(lines[start : start + 20]) + b"\n"
                loader.add_json(accounts.open(f"{start:08}.json", bytes_read=len(content)), io.BytesIO(content))
            loader.tables()
            loader.close()
            return time.process_time() - began, hiding
    finally:
        Users.hide = hide


if __name__ == "__main__":
    main()
