"""Measure a whole day, station by station: what is extracted, built, audited, published, and done after that.

    make bench                                     10,000, 100,000 and 1,000,000 spans on 7 days of history; 90 and 400 days
    make bench BENCH_SPANS=10000 BENCH_DAYS=7,90   less of it
    make bench BENCH_ROUNDS=3 BENCH_HISTORY_SPANS=10000

Each station runs as a process of its own, as a task of Airflow does, so that its peak memory is its own: the highest
resident size of that process or of one that it started. The new day is put into a local AWS and extracted over HTTP from
there: spans as OTLP JSON (made_spans.py), the month's bill as a CUR 2.0 export and hourly metrics. The history before it is
generated and written by the lake's own code (made_days.py). An empty day, of which the sources have nothing new, is the
fixed cost.

A deployment is made once for each length of history, and put back after each measurement. The new days of a round take
turns, so that a machine that is busy is so for all of them. CPU seconds are of the station and what it started, and hold
on a busy machine, where the clock does not; the local AWS is in neither. Medians of the rounds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.demo.deliver_billing import _put_export
from ai_finops.demo.local_aws import local_aws
from ai_finops.extract import traces
from tests.benchmarks import made_spans
from tests.benchmarks.made_days import FIRST_DAY, SPANS_PER_TRACE, bill, land_day
from tests.benchmarks.made_spans import Stretch

SPANS_PER_OBJECT = 5000
EXTRACTING = ("extract traces", "extract billing", "extract CloudWatch")
BUILDING = ("prepare", "phase 1", "analyse", "phase 2", "audit", "publish")
AFTER = ("alarms", "finance")
STATIONS = (*EXTRACTING, *BUILDING, *AFTER)
SERIES, HOURS = 40, 24


@dataclass(frozen=True, slots=True)
class Taken:
    """What one station took."""

    cpu_seconds: float
    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Day:
    """A new day to measure: how much of it, after how long a history."""

    span_count: int
    day_count: int

    def __str__(self) -> str:
        return (
            f"{self.span_count:,} spans on {self.day_count} days"
            if self.span_count
            else f"empty on {self.day_count} days"
        )


def main() -> None:
    """Make the histories, measure the days in turns, and print the table."""
    sizes = _numbers("BENCH_SPANS", "10000,100000,1000000")
    lengths = _numbers("BENCH_DAYS", "7,90,400")
    rounds, history_spans = _numbers("BENCH_ROUNDS", "1")[0], _numbers("BENCH_HISTORY_SPANS", "10000")[0]
    days = [
        *(Day(size, lengths[0]) for size in (0, *sizes)),
        *(Day(sizes[0], length) for length in lengths[1:]),
    ]
    taken: dict[Day, list[dict[str, Taken]]] = {day: [] for day in days}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, local_aws() as server:
        os.environ |= server.env()
        homes = {length: _deployment(Path(folder), length, span_count=history_spans) for length in lengths}
        for _ in range(rounds):
            for day in days:
                _say(f"measuring {day}")
                taken[day].append(
                    _measure(day, home=homes[day.day_count], folder=Path(folder), history_spans=history_spans)
                )
    load, cpus = os.getloadavg()[0], os.cpu_count()
    print(f"{rounds} rounds, history of {history_spans:,} spans a day, {cpus} CPUs, load {load:.1f} at its end\n")
    print("\n".join(Table(taken).lines()))


def _numbers(name: str, default: str) -> list[int]:
    return [int(part) for part in os.environ.get(name, default).split(",")]


def _say(sentence: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {sentence} (load {os.getloadavg()[0]:.1f})", file=sys.stderr)


def _variables(home: Path) -> dict[str, str]:
    return {
        "AI_FINOPS_HOME": str(home),
        "AI_FINOPS_SOURCES": "traces,billing,cloudwatch",
        "AI_FINOPS_TRACES_BUCKET": "bench-traces",
        "AI_FINOPS_BILLING_BUCKET": "bench-billing",
        "AI_FINOPS_ALARMS": "cloudwatch",
    }


def _deployment(folder: Path, day_count: int, *, span_count: int) -> Path:
    """Make a deployment with so many days landed, built and published."""
    _say(f"making a history of {day_count} days")
    home = folder / f"history-{day_count}"
    settings = Settings.from_env(os.environ | _variables(home))
    for number in range(day_count):
        land_day(settings, FIRST_DAY + timedelta(days=number), span_count=span_count)
    for station in BUILDING:
        _run(station, home=home, day=FIRST_DAY)
    return home


def _measure(day: Day, *, home: Path, folder: Path, history_spans: int) -> dict[str, Taken]:
    """Deliver a new day to the sources, and let each station run on a copy of the deployment."""
    # Builds note paths, so the deployment is measured in its place and what it was is put back. Links do: no file that is there
    # is written to, only replaced.
    copy = folder / "copy"
    shutil.copytree(home, copy, symlinks=True, copy_function=os.link)
    new = FIRST_DAY + timedelta(days=day.day_count)
    try:
        settings = Settings.from_env(os.environ | _variables(home))
        _deliver(new, span_count=day.span_count, history_spans=history_spans, settings=settings)
        taken = {station: _run(station, home=home, day=new) for station in STATIONS}
        _check(day, published=settings.published / "current", new=new)
        return taken
    finally:
        shutil.rmtree(home)
        copy.rename(home)
        _forget_deliveries()


def _deliver(day: date, *, span_count: int, history_spans: int, settings: Settings) -> None:
    """Put the day into the sources; of an empty one they have what they had: a bill up to the day before, and nothing else."""
    s3 = aws.client("s3", settings=settings)
    for bucket in (settings.traces_bucket, settings.billing_bucket):
        s3.create_bucket(Bucket=bucket)
    # Somebody wrote there before, as the day's prefix alone would not tell from a place where nobody ever did.
    before = traces.day_prefix(day - timedelta(days=1), settings=settings)
    s3.put_object(Bucket=settings.traces_bucket, Key=f"{before}hour=00/minute=00/0.json", Body=b"")
    prefix = traces.day_prefix(day, settings=settings)
    for number, lines in enumerate(_objects(day, span_count)):
        key = f"{prefix}hour={number % 24:02d}/minute=00/{number:06d}.json"
        s3.put_object(Bucket=settings.traces_bucket, Key=key, Body=lines)
    # Earlier days stand on the bill as they did.
    billed = bill(day - timedelta(days=1), trace_count=history_spans // SPANS_PER_TRACE)
    billed += [
        line for line in bill(day, trace_count=span_count // SPANS_PER_TRACE) if _is_of(day, line) and span_count
    ]
    lines = [_exported(line) for line in billed if line["billing_period"] == f"{day:%Y-%m}"]
    _put_export(lines, period=f"{day:%Y-%m}", delivery=str(day), s3=s3, settings=settings)
    if span_count:
        _put_metrics(day, settings=settings)


def _objects(day: date, span_count: int) -> Iterator[bytes]:
    requests: list[bytes] = []
    stretch = Stretch(first_ns=int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9)
    for request in made_spans.requests(span_count, encoding="json", stretch=stretch):
        requests.append(request)
        if len(requests) * made_spans.SPANS_PER_REQUEST >= SPANS_PER_OBJECT:
            yield b"\n".join(requests) + b"\n"
            requests = []
    if requests:
        yield b"\n".join(requests) + b"\n"


def _is_of(day: date, line: dict[str, Any]) -> bool:
    return line["line_item_usage_start_date"].date() == day


def _exported(line: dict[str, Any]) -> dict[str, Any]:
    """A line of the bill as the export has it: amounts as doubles, and the period's own dates."""
    month = line["line_item_usage_start_date"].replace(day=1, hour=0)
    amounts = ("line_item_usage_amount", "line_item_unblended_cost", "pricing_public_on_demand_cost")
    return (
        line
        | {name: float(line[name]) for name in amounts}
        | {
            "identity_line_item_id": hashlib.sha256(repr(sorted(line.items(), key=str)).encode()).hexdigest(),
            "bill_billing_period_start_date": month,
            "bill_billing_period_end_date": (month + timedelta(days=32)).replace(day=1),
            "bill_bill_type": "Anniversary",
        }
    )


def _put_metrics(day: date, *, settings: Settings) -> None:
    cloudwatch = aws.client("cloudwatch", settings=settings)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for series in range(SERIES):
        cloudwatch.put_metric_data(
            Namespace="AI/FinOps",
            MetricData=[
                {
                    "MetricName": "InputTokens",
                    "Dimensions": [{"Name": "Feature", "Value": f"feature-{series}"}],
                    "Timestamp": midnight + timedelta(hours=hour),
                    "Value": 100.0 * hour,
                    "Unit": "Count",
                }
                for hour in range(HOURS)
            ],
        )


def _check(day: Day, *, published: Path, new: date) -> None:
    """Stop where what was measured is not the day: a build passes over spans of other days quickly."""
    with duckdb.connect() as connection:
        (count,) = connection.execute(
            "select count(*) from read_parquet(?) where started_at::date = ?",
            [str(published / "fct_llm_calls.parquet"), new],
        ).fetchone()
    # A call has at most a handful of spans.
    if not day.span_count / 5 <= count <= day.span_count:
        raise SystemExit(f"{day}: the marts have {count:,} calls of {new}, which is not the day that was delivered")
    _say(f"{count:,} calls of {new} in the marts")


def _forget_deliveries() -> None:
    """Let the local AWS be empty again."""
    httpx.post(f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset", timeout=60).raise_for_status()


def _run(station: str, *, home: Path, day: date) -> Taken:
    """Run a station as a process of its own; stop with what it said where it fails."""
    command = [sys.executable, "-m", "tests.benchmarks.whole_day", station, str(day)]
    clock = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=os.environ | _variables(home), stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{station} of {day} failed:\n{said.read().decode(errors='replace')[-4000:]}")
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Taken(usage.ru_utime + usage.ru_stime, time.perf_counter() - clock, peak)


def _land(source: str) -> Callable[[Settings, date], None]:
    def land(settings: Settings, day: date) -> None:
        from ai_finops import extract

        as_of = morning_after(day)
        outcome = extract.land(source, day, settings=settings, as_of=as_of)
        extract.record(source, day, settings=settings, as_of=as_of, outcome=outcome, error=None)

    return land


def _on_newest(run: Callable[[Settings, dict[str, str]], object]) -> Callable[[Settings, date], None]:
    def on_newest(settings: Settings, _day: date) -> None:
        from ai_finops import build

        run(settings, build.find_build(settings))

    return on_newest


def _phase(name: str) -> Callable[[Settings, date], None]:
    from ai_finops import build

    return _on_newest(lambda settings, candidate: build.run_dbt(name, settings=settings, build=candidate))


def _prepare(settings: Settings, _day: date) -> None:
    from ai_finops import build

    build.prepare(settings=settings)


def _analyse(settings: Settings, candidate: dict[str, str]) -> None:
    from ai_finops import build

    build.analyse(settings=settings, build=candidate)


def _audit(settings: Settings, candidate: dict[str, str]) -> None:
    from ai_finops import quality

    quality.audit(settings=settings, build=candidate)


def _publish(settings: Settings, candidate: dict[str, str]) -> None:
    from ai_finops import publish

    publish.publish(settings=settings, build=candidate)


def _alarms(settings: Settings, day: date) -> None:
    from ai_finops import alarms

    alarms.sync(settings=settings, now=datetime(day.year, day.month, day.day, 8, tzinfo=UTC) + timedelta(days=1))


def _finance(settings: Settings, _day: date) -> None:
    from ai_finops import finance

    finance.export(settings=settings)


def _stations() -> dict[str, Callable[[Settings, date], None]]:
    return {
        "extract traces": _land("traces"),
        "extract billing": _land("billing"),
        "extract CloudWatch": _land("cloudwatch"),
        "prepare": _prepare,
        "phase 1": _phase("phase_1"),
        "analyse": _on_newest(_analyse),
        "phase 2": _phase("phase_2"),
        "audit": _on_newest(_audit),
        "publish": _on_newest(_publish),
        "alarms": _alarms,
        "finance": _finance,
    }


class Table:
    """What was taken, as it is printed."""

    def __init__(self, taken: dict[Day, list[dict[str, Taken]]]) -> None:
        self.taken, self.days = taken, list(taken)
        self.empty = self.days[0]
        self.sizes = [day for day in self.days[1:] if day.day_count == self.empty.day_count]
        self.longer = [day for day in self.days if day.day_count != self.empty.day_count]

    def lines(self) -> list[str]:
        """Return the stations and the ratios."""
        rows = [*((one, (one,)) for one in STATIONS), ("**whole day**", STATIONS)]
        return [
            "CPU s / clock s / peak MB",
            "",
            _row("Station", *map(str, self.days)),
            _row(*["---"] * (1 + len(self.days))),
            *(_row(name, *(self._cell(day, stations) for day in self.days)) for name, stations in rows),
            "",
            _row("Ratio", "CPU", "clock", "goal"),
            _row(*["---"] * 4),
            *self._of_extraction(),
            *self._of_history(),
            _row(
                "highest peak, MB",
                f"{max(self._middle(day, STATIONS, 'peak_mb') for day in self.days):.0f}",
                "",
                "< 3,072",
            ),
        ]

    def _of_extraction(self) -> Iterator[str]:
        for day in self.sizes:
            ratios = [
                (self._middle(day, STATIONS, what) - self._middle(self.empty, STATIONS, what))
                / self._middle(day, ("extract traces",), what)
                for what in ("cpu_seconds", "seconds")
            ]
            goal = "≤ 3" if day == self.sizes[-1] else ""
            name = f"(whole day − empty day) ÷ its extraction of traces, {day.span_count:,} spans"
            yield _row(name, *(f"{ratio:.2f}" for ratio in ratios), goal)

    def _of_history(self) -> Iterator[str]:
        short = self.sizes[0]
        for day in self.longer:
            ratios = [
                self._middle(day, STATIONS, what) / self._middle(short, STATIONS, what)
                for what in ("cpu_seconds", "seconds")
            ]
            goal = "≤ 1.3" if day == self.longer[-1] else ""
            name = f"whole day on {day.day_count} ÷ on {short.day_count} days, {day.span_count:,} spans"
            yield _row(name, *(f"{ratio:.2f}" for ratio in ratios), goal)

    def _cell(self, day: Day, stations: tuple[str, ...]) -> str:
        cpu, clock, peak = (self._middle(day, stations, what) for what in ("cpu_seconds", "seconds", "peak_mb"))
        return f"{cpu:.1f} / {clock:.1f} / {peak:.0f}"

    def _middle(self, day: Day, stations: tuple[str, ...], what: str) -> float:
        combined = max if what == "peak_mb" else sum
        return statistics.median(combined(getattr(of[station], what) for station in stations) for of in self.taken[day])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        _stations()[sys.argv[1]](Settings.from_env(), date.fromisoformat(sys.argv[2]))
    else:
        main()
