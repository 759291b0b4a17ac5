"""Measure what the decorators add to a function, against a bare OpenTelemetry span with the same attributes and processor.

    make bench BENCH=instrument_overhead
    make bench BENCH=instrument_overhead BENCH_CALLS=20000

Three parts in one run. *One call*: median and 99th percentile of a function that only hands back an answer of Bedrock; the ways
take turns of 500 calls. *A hundred tasks*: each asks a model of 100 to 300 ms again and again; calls a second, and how much
later than without any instrumentation a task comes that wakes every 5 ms. *Metrics* are sent to a process that answers as
CloudWatch does, to one that refuses all as throttled, and to an address where nobody listens.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ai_finops.instrument import configure_metrics, instrument_llm, track_llm_cost, tracking
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.metrics import CloudWatchSink
from tests.benchmarks.made_cloudwatch import answering, client_of

CALLS = int(os.environ.get("BENCH_CALLS", "50000"))
TURN = 500
TASKS = 100
TASK_SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
MODEL_S = (0.1, 0.3)
"""Drawn evenly: tasks that all took the same time would wake in one crowd."""
TICK_S = 0.005
MODEL = "anthropic.claude-3-5-haiku-20241022-v1:0"
ANSWER = {
    "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
    "output": {"message": {"role": "assistant", "content": [{"text": "Yes."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 1_000, "outputTokens": 50, "totalTokens": 1_050},
    "metrics": {"latencyMs": 300},
}


class Dropped(SpanExporter):
    """Exports to nowhere."""

    def export(self, spans: Any) -> SpanExportResult:
        """Take all."""
        return SpanExportResult.SUCCESS


class Given:
    """A sink that is whichever the turn says, without closing the others."""

    def add(self, call: Any) -> None:
        """Nothing yet."""


def main() -> None:
    """Measure the parts and print the tables."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Dropped(), max_queue_size=200_000))
    tracking._use_tracer(provider.get_tracer(tracking.SCOPE))
    attributes = _attributes_of_a_call()
    print(
        f"{CALLS:,} calls a way in turns of {TURN}, load {os.getloadavg()[0]:.1f}, {len(attributes)} attributes a span\n"
    )
    _one_call(provider, attributes)
    _many_tasks(provider, attributes)
    os._exit(0)


def _one_call(provider: TracerProvider, attributes: dict[str, Any]) -> None:
    def answer(modelId: str) -> dict[str, Any]:
        return ANSWER

    tracked = track_llm_cost(feature="returns", model_tier="cheap")(answer)
    metered = instrument_llm(feature="returns", model_tier="cheap")(answer)
    both = instrument_llm(feature="returns")(tracked)
    ways: dict[str, tuple[Callable[[str], Any], str | None]] = {
        "the function alone": (answer, None),
        "a bare span": (_bare(provider, attributes, answer), None),
        "track_llm_cost": (tracked, None),
        "instrument_llm, CloudWatch healthy": (metered, "healthy"),
        "instrument_llm, throttling": (metered, "throttling"),
        "instrument_llm, dead": (metered, "dead"),
        "both, healthy": (both, "healthy"),
    }
    given = configure_metrics(sink=Given())
    with _sinks() as sinks:
        took: dict[str, list[int]] = {way: [] for way in ways}
        for _ in range(max(1, CALLS // TURN)):
            for way, (function, state) in ways.items():
                given.add = sinks[state].add if state else given.add
                took[way] += _time(function)
    bare = sorted(took["a bare span"])
    print("| One call | median, µs | p99, µs | target |\n|---|---|---|---|")
    for way, each in took.items():
        each.sort()
        target = "≤ 5 and ≤ 50" if way.startswith("instrument_llm") else ""
        print(f"| {way} | {each[len(each) // 2] / 1e3:.2f} | {each[int(len(each) * 0.99)] / 1e3:.1f} | {target} |")
    ratio = took["track_llm_cost"][len(bare) // 2] / bare[len(bare) // 2]
    print(f"| **track_llm_cost ÷ a bare span** | **{ratio:.2f}** | | ≤ 1.5 |")
    print(f"\nlost: {losses() or 'nothing'}\n")
    forget_losses()


def _many_tasks(provider: TracerProvider, attributes: dict[str, Any]) -> None:
    async def ask(modelId: str) -> dict[str, Any]:
        await asyncio.sleep(random.uniform(*MODEL_S))
        return ANSWER

    tracer = provider.get_tracer("bare")

    async def bare(model: str) -> dict[str, Any]:
        with tracer.start_as_current_span(f"chat {model}", kind=trace.SpanKind.CLIENT) as span:
            answer = await ask(model)
            span.set_attributes(attributes)
            return answer

    both = instrument_llm(feature="returns")(track_llm_cost(feature="returns")(ask))
    ways = {"no instrumentation": (ask, None), "a bare span": (bare, None)} | {
        f"both, CloudWatch {state}": (both, state) for state in ("healthy", "throttling", "dead")
    }
    rounds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    given = configure_metrics(sink=Given())
    with _sinks() as sinks:
        for _ in range(3):
            for way, (function, state) in ways.items():
                given.add = sinks[state].add if state else given.add
                rounds[way].append(asyncio.run(_serve(function)))
    medians = {way: [statistics.median(each) for each in zip(*runs, strict=True)] for way, runs in rounds.items()}
    bare_rate, late_alone = medians["a bare span"][0], medians["no instrumentation"][1]
    tasks = f"{TASKS} tasks of {MODEL_S[0] * 1e3:.0f} to {MODEL_S[1] * 1e3:.0f} ms"
    print(f"| {tasks} | calls a second | ÷ bare span | tick late at p99, ms | more than without, ms |")
    print("|---|---|---|---|---|")
    for way, (rate, late) in medians.items():
        print(f"| {way} | {rate:,.0f} | {rate / bare_rate:.2f} | {late:.2f} | {late - late_alone:+.2f} |")
    print("\ntargets: ≥ 0.9 of the bare span; ticks at most 1 ms later than without\n")


async def _serve(function: Callable[[str], Any]) -> tuple[float, float]:
    """Calls a second of all tasks, and the 99th percentile of how late a tick came, ms."""
    until = time.perf_counter() + TASK_SECONDS
    done, late = 0, []

    async def client() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await function(MODEL)
            done += 1

    async def tick() -> None:
        while (now := time.perf_counter()) < until:
            await asyncio.sleep(TICK_S)
            late.append((time.perf_counter() - now - TICK_S) * 1e3)

    started = time.perf_counter()
    await asyncio.gather(tick(), *(client() for _ in range(TASKS)))
    late.sort()
    return done / (time.perf_counter() - started), late[int(len(late) * 0.99)]


def _time(function: Callable[[str], Any]) -> list[int]:
    took, clock = [], time.perf_counter_ns
    for _ in range(TURN):
        started = clock()
        function(MODEL)
        took.append(clock() - started)
    return took


def _bare(provider: TracerProvider, attributes: dict[str, Any], function: Callable[[str], Any]) -> Callable[[str], Any]:
    tracer = provider.get_tracer("bare")

    def bare(model: str) -> Any:
        with tracer.start_as_current_span(f"chat {model}", kind=trace.SpanKind.CLIENT) as span:
            answer = function(model)
            span.set_attributes(attributes)
            return answer

    return bare


def _attributes_of_a_call() -> dict[str, Any]:
    """What our own span says of this call, for the bare one to say the same."""
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    undo = tracking._use_tracer(provider.get_tracer("x"))
    track_llm_cost(feature="returns", model_tier="cheap")(lambda modelId: ANSWER)(MODEL)
    undo()
    return dict(exporter.get_finished_spans()[0].attributes or {})


@contextmanager
def _sinks(interval_s: float = 1.0) -> Iterator[dict[str, CloudWatchSink]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with answering() as healthy, answering(throttles=True) as throttling:
        yield {
            state: CloudWatchSink(client=client_of(url), interval_s=interval_s)
            for state, url in (("healthy", healthy), ("throttling", throttling), ("dead", dead))
        }


if __name__ == "__main__":
    main()
