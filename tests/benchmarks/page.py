"""Measure how long a person waits for the page: each view in headless Chromium, on published marts of 400 days x 50 features.

    make bench BENCH=page
    make bench BENCH=page BENCH_DAYS=40 BENCH_FEATURES=10

The marts are synthetic (made_marts.py). The server is a process of its own (made_page_server.py) that remembers no view, and
asks nobody for the permission: Airflow's sign-in is not in the time.
*First* is a new process's first request, by a browser that runs already; each other view is opened in a new browser context, so
that nothing is cached. Time is from the start of the navigation to its load event; a view counts when its pictures are there.
A goal is met by the median. The bench ends with 1 when one is missed, and with a line for each of them.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from ai_finops.ui.views import VIEWS
from tests.benchmarks.made_marts import publish_made
from tests.benchmarks.made_page_server import BARE, PREFIX
from tests.ui.chromium import ARGUMENTS, chromium_path

DAY_COUNT = int(os.environ.get("BENCH_DAYS", "400"))
FEATURE_COUNT = int(os.environ.get("BENCH_FEATURES", "50"))
REPEATS, COLD_STARTS = 5, 3
FIRST_GOAL_S, ANY_GOAL_S = 1.0, 2.0
# Besides each view as it opens: addresses with more behind them.
MORE = (
    "features?days=all",
    "features?level=service&feature=feature_00&days=all",
    "projection?feature=feature_00",
    "metrics?metric=token_amplification",
    "anomalies?days=365",
    "health?days=90",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What opening an address once took."""

    load_s: float
    picture_count: int


def main() -> None:
    """Make the marts, open every view, print the tables, and exit with 1 where a goal is missed."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        counts = publish_made(home, day_count=DAY_COUNT, feature_count=FEATURE_COUNT)
        size_mb = next(home.glob("published/builds/*/marts.duckdb")).stat().st_size / 2**20
        print(
            f"{DAY_COUNT} days, {FEATURE_COUNT} features: {sum(counts.values()):,} rows in {size_mb:,.0f} MB of marts\n"
        )
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        _open(browser, "data:text/html,<svg></svg>")
        first = [_first(browser, home) for _ in range(COLD_STARTS)]
        _print_first(first)
        views = _print_views(browser, home)
        browser.close()
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    told = [*missed({"the first view": first}, goal_s=FIRST_GOAL_S), *missed(views, goal_s=ANY_GOAL_S)]
    print("\n".join(told or ["All goals are met."]))
    raise SystemExit(1 if told else 0)


def missed(seen: dict[str, list[Seen]], *, goal_s: float) -> list[str]:
    """Return a sentence for each address whose median is longer than the goal."""
    medians = {name: statistics.median(one.load_s for one in each) for name, each in seen.items()}
    return [
        f"MISSED: {name} took {median_s:.2f} s, its goal is {goal_s:g} s"
        for name, median_s in medians.items()
        if median_s > goal_s
    ]


def _first(browser: Browser, home: Path) -> Seen:
    with _serving(home) as base:
        return _open(browser, f"{base}{PREFIX}/{next(iter(VIEWS))}")


def _print_first(seen: list[Seen]) -> None:
    loads = sorted(each.load_s for each in seen)
    print("| First view of a new process | median, s | worst, s | goal, s |\n|---|---|---|---|")
    print(f"| {next(iter(VIEWS))} | {statistics.median(loads):.2f} | {loads[-1]:.2f} | {FIRST_GOAL_S:g} |\n")


def _print_views(browser: Browser, home: Path) -> dict[str, list[Seen]]:
    views = {}
    print(
        "| View | median, s | worst, s | goal, s | ÷ bare page | server, s | kB | pictures |\n|---|---|---|---|---|---|---|---|"
    )
    with _serving(home) as base:
        bare = _repeat(browser, f"{base}{BARE}")
        bare_s = statistics.median(each.load_s for each in bare)
        _print_view("one query, bare", f"{base}{BARE}", bare, bare_s=bare_s)
        for address in (*VIEWS, *MORE):
            url = f"{base}{PREFIX}/{address}"
            views[address] = _repeat(browser, url)
            _print_view(address, url, views[address], bare_s=bare_s)
    return views


def _print_view(name: str, url: str, seen: list[Seen], *, bare_s: float) -> None:
    loads = [each.load_s for each in seen]
    median_s = statistics.median(loads)
    served = [_serve(url) for _ in range(REPEATS)]
    server_s, kilobytes = statistics.median(each[0] for each in served), served[0][1] / 1000
    print(
        f"| {name} | {median_s:.2f} | {max(loads):.2f} | {ANY_GOAL_S:g} | {median_s / bare_s:.1f} | {server_s:.2f} | "
        f"{kilobytes:,.0f} | {seen[0].picture_count} |"
    )


def _repeat(browser: Browser, url: str) -> list[Seen]:
    _open(browser, url)
    return [_open(browser, url) for _ in range(REPEATS)]


def _open(browser: Browser, url: str) -> Seen:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    response = page.goto(url, wait_until="load")
    if response is not None and response.status != 200:
        raise SystemExit(f"{url} answered {response.status}")
    load_ms = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    pictures = page.locator("figure .plot svg:visible, figure .empty").count()
    context.close()
    return Seen(load_ms / 1000, pictures)


def _serve(url: str) -> tuple[float, int]:
    """Return the seconds of an answer without a browser, and its bytes."""
    began = time.perf_counter()
    with urllib.request.urlopen(url) as response:
        size = len(response.read())
    return time.perf_counter() - began, size


@contextmanager
def _serving(home: Path) -> Iterator[str]:
    """Start a server, wait until its port is open (nothing was asked of it by then), and stop it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.made_page_server", str(home), str(port)])
    try:
        deadline = time.monotonic() + 60
        while not _is_open(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the page's server did not start")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
