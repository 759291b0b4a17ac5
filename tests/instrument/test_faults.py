"""Telemetry never hurts the product: whatever goes wrong inside, the call's result is the same and the loss is counted."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from ai_finops.instrument import configure_metrics, current_call, feature, instrument_llm, run, track_llm_cost, tracking
from ai_finops.instrument.losses import count_loss, forget_losses, losses
from ai_finops.instrument.metrics import CloudWatchSink
from tests.instrument.answers import converse, openai_chat


@pytest.mark.parametrize("part", ["asked_by", "read", "follow", "estimate_cost_usd", "time_ns", "perf_counter_ns"])
@pytest.mark.parametrize("decorator", [track_llm_cost, instrument_llm])
def test_whatever_part_breaks_the_result_is_the_same(spans, monkeypatch, part, decorator):
    def broken(*_args, **_kwargs):
        raise RuntimeError(part)

    answer = converse() if part != "follow" else "no usage"
    wrapped = decorator(feature="f")(lambda: answer)
    monkeypatch.setattr(run, part, broken)
    assert wrapped() is answer
    assert sum(losses().values()) >= 1
    monkeypatch.undo()
    assert wrapped() is answer
    from opentelemetry import trace

    assert trace.get_current_span() is trace.INVALID_SPAN
    assert current_call().call.feature_id is None


@pytest.mark.parametrize("part", ["start_span", "set_attributes", "end", "update_name"])
def test_a_broken_sdk_is_counted(spans, monkeypatch, part):
    from opentelemetry.sdk import trace as sdk

    def broken(*_args, **_kwargs):
        raise RuntimeError

    monkeypatch.setattr(sdk.Tracer if part == "start_span" else sdk.Span, part, broken)
    answer = openai_chat()  # it says the model that nobody had said, so the span gets another name
    assert track_llm_cost(feature="f")(lambda: answer)() is answer
    assert losses()["call_unrecorded"] >= 1


def test_a_hanging_exporter_holds_up_no_call():
    release = threading.Event()

    class Hanging(SpanExporter):
        def export(self, spans):
            release.wait(60)
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Hanging(), max_queue_size=64, max_export_batch_size=8))
    undo = tracking._use_tracer(provider.get_tracer("x"))
    answer = converse()
    answered = []
    worker = threading.Thread(
        target=lambda: answered.extend(track_llm_cost(feature="f")(lambda: answer)() for _ in range(1_000)), daemon=True
    )
    try:
        worker.start()
        worker.join(30)
        assert len(answered) == 1_000
        assert not release.is_set()
    finally:
        release.set()
        undo()
        provider.shutdown()


def test_without_an_sdk_everything_runs():
    code = """
import sys
class NoSdk:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.sdk"): raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoSdk())
from ai_finops.instrument import track_llm_cost, instrument_llm, feature
answer = {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}
@instrument_llm(feature="f")
@track_llm_cost(feature="f")
def ask(): return answer
with feature("asked"):
    assert ask() is answer
from ai_finops import instrument
try:
    instrument.FeatureSpanProcessor
except ImportError as error:
    print("needs the SDK:", error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("needs the SDK:")
    assert done.stderr == ""


def test_a_clock_that_jumps_makes_no_negative_latency(spans, monkeypatch):
    wall = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    monkeypatch.setattr(run, "time_ns", lambda: next(wall))
    track_llm_cost(feature="f")(lambda: converse())()
    span = spans.one()
    assert span.start_time == 2_000_000_000_000_000_000
    assert span.end_time >= span.start_time


@pytest.mark.parametrize(
    "name", ["two words", "été 検索 🙂", "x" * 10_240, "a\nb\x00c", "'; drop table", "<b>", "@channel"]
)
def test_any_feature_name_is_recorded(spans, name):
    answer = converse()
    assert track_llm_cost(feature=name)(lambda: answer)() is answer
    said = spans.facts()["finops.feature"]
    assert len(said) <= 200
    assert said.isprintable()


def test_a_fork_records_in_the_child_and_in_the_parent():
    code = """
import os, sys
from ai_finops.instrument import track_llm_cost
from ai_finops.instrument.losses import count_loss, losses as said
import ai_finops.instrument.losses as module
ask = track_llm_cost(feature="f")(lambda: 5)
assert ask() == 5
module._lock.acquire()  # as if another thread counted just then
child = os.fork()
if child == 0:
    count_loss("in_the_child")
    os._exit(0 if ask() == 5 and said() == {"in_the_child": 1} else 1)
module._lock.release()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert ask() == 5 and said() == {}
print("both")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("both\n", 0), done.stderr


def test_losses_are_counted_logged_once_a_minute_and_bounded(caplog, monkeypatch):
    forget_losses()
    clock = [0.0]
    monkeypatch.setattr("ai_finops.instrument.losses.time.monotonic", lambda: clock[0])
    for seconds in (0, 59.9, 60.0):
        clock[0] = seconds
        count_loss("kind", count=2)
    assert losses() == {"kind": 6}
    assert [record.getMessage() for record in caplog.records] == [
        "ai_finops lost kind (2 so far)",
        "ai_finops lost kind (6 so far)",
    ]
    for number in range(500):
        count_loss(f"kind {number}")
    assert len(losses()) <= 101
    assert sum(losses().values()) == 506
    forget_losses()


def test_a_hundred_tasks_with_a_dead_cloudwatch_lose_only_metrics(spans):
    """Nobody listens at the address; the answers, the spans and the order of things are as without."""
    import socket

    import boto3
    from botocore.config import Config

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{probe.getsockname()[1]}"
    client = boto3.client(
        "cloudwatch",
        endpoint_url=dead,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(connect_timeout=1, read_timeout=1, retries={"max_attempts": 0}),
    )
    sink = CloudWatchSink(client=client, interval_s=3600)
    configure_metrics(sink=sink)

    @instrument_llm(feature="own")
    @track_llm_cost(feature="own")
    async def ask(number):
        await asyncio.sleep(0)
        if number % 10 == 9:
            raise ConnectionError(number)
        return converse(input_tokens=number)

    async def serve(number):
        with feature(f"f{number % 5}"):
            return [await asyncio.gather(ask(number), return_exceptions=True) for _ in range(20)]

    async def main():
        return await asyncio.gather(*(serve(number) for number in range(100)))

    try:
        answers = asyncio.run(main())
        assert sink.flush(timeout_s=5) is False
    finally:
        configure_metrics("none")
    for number, ten in enumerate(answers):
        for (answer,) in ten:
            if number % 10 == 9:
                assert isinstance(answer, ConnectionError)
                assert answer.args == (number,)
            else:
                assert answer["usage"]["inputTokens"] == number
    assert len(spans.all) == 2_000
    lost = losses()
    assert lost
    assert all("metric" in kind or "cloudwatch" in kind.lower() for kind in lost), lost


def test_a_task_that_outlives_its_call_holds_little(spans):
    """A background task that never ends holds the run that it was begun in, and nothing more."""
    import gc

    answer = converse()
    inner = track_llm_cost(feature="f")(lambda: answer)

    @track_llm_cost(feature="outer")
    async def outer():
        async def forever():
            for _ in range(2_000):
                inner()
                await asyncio.sleep(0)

        return asyncio.create_task(forever())

    async def main():
        await (await outer())

    asyncio.run(main())
    gc.collect()
    assert sum(isinstance(each, run.Run) for each in gc.get_objects()) <= 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_environment_switches_everything_off():
    code = (
        "from ai_finops.instrument import track_llm_cost; from ai_finops.instrument.switch import is_on;"
        "f = track_llm_cost(feature='f')(lambda: 5); print(f(), is_on())"
    )
    environment = os.environ | {"AI_FINOPS_INSTRUMENT": "Off"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "5 False\n"
