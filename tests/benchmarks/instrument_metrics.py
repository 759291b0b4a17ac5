"""Measure what metrics cost on the request path and an event loop, with a CloudWatch well, throttling and dead.

    make bench BENCH=instrument_metrics                 50,000 calls of each sink, 5 s of each loop
    make bench BENCH=instrument_metrics BENCH_CALLS=10000

Beside the sinks stands the way that many articles show: PutMetricData for each call, where the call is made. Its CloudWatch is
the same: a server of another process on loopback that answers after 15 ms. It is measured over fewer calls, as each waits; with
boto3's own retries a throttled or refused one waits for seconds. The sinks send every half second here, 120 times as often as
by default, so that what sending costs the caller is in the figures. Calls are made up: 60 pairs of feature and model; after
every ten calls the thread sleeps a millisecond, as one that serves requests waits for something most of the time.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3

from ai_finops.instrument.call import Call
from ai_finops.instrument.metrics import CloudWatchSink, EmbeddedMetricSink, PrometheusSink
from ai_finops.instrument.metrics.names import NAMESPACE, NS_PER_MS
from tests.benchmarks.made_cloudwatch import answering
from tests.instrument.metrics.made import call

CALLS = int(os.environ.get("BENCH_CALLS", "50000"))
WAITING_CALLS = {"healthy": 200, "throttling": 3, "dead": 3}
PAIRS, INTERVAL_S = 60, 0.5
TASKS, CALL_S, LOOP_S, TICK_S = 100, 0.2, 5.0, 0.001
ROUND_TRIP_S = 0.015
STATES = ("healthy", "throttling", "dead")
NOBODY = "http://127.0.0.1:9"
Add = Callable[[Call], object]


def main() -> None:
    """Print both tables."""
    logging.disable(logging.WARNING)
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n"
    )
    print(f"| One call counted, {CALLS:,} calls | median µs | p99 µs |\n|---|---|---|")
    _print_times("nothing", lambda _: None)
    for state in STATES:
        with _cloudwatch(state):
            _with_sink(lambda add, state=state: _print_times(f"CloudWatchSink, CloudWatch {state}", add))
    with _cloudwatch("healthy"):
        _with_sink(lambda add: _print_times("CloudWatchSink, calls back to back", add, pause_s=0.0))
    with open(os.devnull, "w") as stream:
        _print_both("EmbeddedMetricSink", EmbeddedMetricSink(stream).add)
    try:
        _print_both("PrometheusSink", PrometheusSink().add)
    except ImportError:
        print("| PrometheusSink | prometheus-client is not installed here | |")
    for state in STATES:
        with _cloudwatch(state):
            count = WAITING_CALLS[state]
            _print_times(f"PutMetricData for each call, CloudWatch {state} ({count} calls)", _one_by_one(), count=count)
    print(f"\n| {TASKS} tasks of {CALL_S * 1000:.0f} ms calls | calls/s | a tick's delay, p99 ms | at most, ms |")
    print("|---|---|---|---|")
    _print_loop("nothing", lambda _: None)
    for state in STATES:
        with _cloudwatch(state):
            _with_sink(lambda add, state=state: _print_loop(f"CloudWatchSink, CloudWatch {state}", add))
    with _cloudwatch("healthy"):
        _print_loop("PutMetricData for each call, CloudWatch healthy", _one_by_one())


@contextmanager
def _cloudwatch(state: str) -> Iterator[None]:
    """Send boto3 to a CloudWatch in one of `STATES`."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    with answering(throttles=state == "throttling", delay_s=ROUND_TRIP_S) as endpoint:
        os.environ["AWS_ENDPOINT_URL"] = NOBODY if state == "dead" else endpoint
        yield


def _with_sink(action: Callable[[Add], None]) -> None:
    sink = CloudWatchSink(interval_s=INTERVAL_S)
    sink.connect()  # what a service does at its start
    action(sink.add)
    sink.close(timeout_s=1)


def _one_by_one() -> Add:
    cloudwatch = boto3.session.Session().client("cloudwatch")

    def add(made: Call) -> None:
        dimensions = [{"Name": "Feature", "Value": made.feature_id}, {"Name": "Model", "Value": made.model}]
        values = (
            ("InputTokens", "Count", made.reading.input_tokens),
            ("OutputTokens", "Count", made.reading.output_tokens),
            ("LatencyMs", "Milliseconds", made.duration_ns / NS_PER_MS),
            ("EstimatedCostUSD", "None", made.estimated_cost_usd),
        )
        data = [
            {"MetricName": name, "Unit": unit, "Dimensions": dimensions, "Value": value} for name, unit, value in values
        ]
        try:
            cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
        except Exception:  # noqa: BLE001 a product would not let it out either
            return

    return add


def _print_both(name: str, add: Add) -> None:
    _print_times(name, add)
    _print_times(f"{name}, calls back to back", add, pause_s=0.0)


def _print_times(name: str, add: Add, *, count: int = CALLS, pause_s: float = 0.001) -> None:
    calls = [call(f"feature {number % 20}", f"model {number % 3}") for number in range(PAIRS)]
    clock = time.perf_counter_ns
    times = []
    for number in range(count):
        made = calls[number % PAIRS]
        if number % 10 == 0:
            if pause_s:
                time.sleep(pause_s)
            now_ns = time.time_ns()
        made.started_at_ns = now_ns
        began = clock()
        add(made)
        times.append(clock() - began)
    times.sort()
    print(f"| {name} | {times[count // 2] / 1000:,.1f} | {times[count * 99 // 100] / 1000:,.1f} |", flush=True)


def _print_loop(name: str, add: Add) -> None:
    count, delays_ms = asyncio.run(_loop(add))
    p99 = delays_ms[len(delays_ms) * 99 // 100]
    print(f"| {name} | {count / LOOP_S:,.0f} | {p99:,.1f} | {delays_ms[-1]:,.1f} |", flush=True)


async def _loop(add: Add) -> tuple[int, list[float]]:
    """Run the tasks; return how many calls ended in the time, and how much later than meant each tick came, sorted."""
    end = time.perf_counter() + LOOP_S
    delays_ms: list[float] = []
    counts = [0] * TASKS

    async def serve(number: int) -> None:
        while time.perf_counter() < end:
            made = call(f"feature {number % 20}", f"model {number % 3}", at_s=time.time())
            await asyncio.sleep(CALL_S)
            add(made)
            counts[number] += time.perf_counter() < end

    async def tick() -> None:
        while (began := time.perf_counter()) < end:
            await asyncio.sleep(TICK_S)
            delays_ms.append((time.perf_counter() - began - TICK_S) * 1000)

    await asyncio.gather(tick(), *(serve(number) for number in range(TASKS)))
    return sum(counts), sorted(delays_ms)


if __name__ == "__main__":
    main()
