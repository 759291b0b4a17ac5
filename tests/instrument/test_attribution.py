"""The caller's feature wins: over decorators, threads, queues and headers."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach, get_current

from ai_finops.instrument import carry, feature, from_headers, track_llm_cost, write_headers
from ai_finops.instrument.attribution import NOBODY, Attribution, asked_by
from ai_finops.instrument.names import name_or_none
from tests.instrument.answers import converse


def feature_of(spans):
    return spans.all[-1].attributes.get("finops.feature")


def shared_pipeline():
    """A pipeline that names itself; as many callers as like."""
    return track_llm_cost(feature="summarise", pipeline="summarise")(lambda: converse())


def test_first_baggage_then_an_enclosing_call_then_the_decorator_then_the_service(spans, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_FEATURE", "the_service")
    track_llm_cost()(lambda: None)()
    assert feature_of(spans) == "the_service"
    pipeline = shared_pipeline()
    pipeline()
    assert feature_of(spans) == "summarise"
    track_llm_cost(feature="enclosing")(pipeline)()
    assert feature_of(spans) == "enclosing"
    with feature("asked"):
        track_llm_cost(feature="enclosing")(pipeline)()
        assert {span.attributes["finops.feature"] for span in spans.all[-2:]} == {"asked"}
    pipeline()
    assert feature_of(spans) == "summarise"


def test_a_meter_that_encloses_asks_too(spans):
    from ai_finops.instrument import instrument_llm

    instrument_llm(feature="metered")(shared_pipeline())()
    assert feature_of(spans) == "metered"


def test_an_inner_block_keeps_the_feature_that_asked_unless_it_overrides(spans):
    with feature("outer", journey="j-1"):
        with feature("inner", journey="j-2", journey_name="checkout"):
            assert asked_by() == Attribution("outer", "j-1", "checkout")
        with feature("own_account", override=True):
            assert asked_by() == Attribution("own_account", "j-1")
        assert asked_by() == Attribution("outer", "j-1")
    assert asked_by() == NOBODY


def test_a_block_that_fails_restores_who_asked():
    with pytest.raises(KeyError), feature("f"):
        raise KeyError
    assert asked_by() == NOBODY


def test_tasks_inherit_and_do_not_mix(spans):
    pipeline = shared_pipeline()

    async def serve(name):
        with feature(name):
            await asyncio.sleep(0)
            pipeline()
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(serve(f"f{number}") for number in range(50)))

    asyncio.run(main())
    assert sorted(span.attributes["finops.feature"] for span in spans.all) == sorted(f"f{n}" for n in range(50))


def test_threads_begin_without_who_asked_unless_it_is_carried(spans):
    pipeline = shared_pipeline()
    with (
        feature("asked"),
        trace.use_span(spans.provider.get_tracer("x").start_span("root")),
        ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(pipeline).result()
        assert feature_of(spans) == "summarise"
        pool.submit(carry(pipeline)).result()
        assert feature_of(spans) == "asked"
        assert spans.all[-1].parent is not None
        pool.submit(pipeline).result()  # and nothing of it stays in the thread
        assert feature_of(spans) == "summarise"
    assert spans.all[-1].name == "chat"


def test_fifty_threads_at_once(spans):
    pipeline = shared_pipeline()

    def serve(name):
        with feature(name):
            for _ in range(20):
                pipeline()

    threads = [threading.Thread(target=serve, args=(f"f{number}",)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [span.attributes["finops.feature"] for span in spans.all]
    assert {name: found.count(name) for name in set(found)} == {f"f{number}": 20 for number in range(50)}


def test_a_message_over_a_queue_carries_who_asked_and_the_trace(spans):
    with feature("sender", journey="j", user="person"), spans.provider.get_tracer("x").start_as_current_span("send"):
        headers = write_headers()
    assert set(headers) == {"traceparent", "baggage"}
    assert "person" not in str(headers)
    with from_headers({name.title(): value for name, value in headers.items()}):
        assert asked_by() == Attribution("sender", "j")
        shared_pipeline()()
    sent, received = spans.all
    assert received.context.trace_id == sent.context.trace_id
    assert received.parent.span_id == sent.context.span_id
    assert feature_of(spans) == "sender"
    assert asked_by() == NOBODY


def test_broken_headers_are_no_reason_to_fail():
    with from_headers({"baggage": "===,;;%%%", "traceparent": "not one"}):
        assert asked_by() == NOBODY
    with from_headers({}):
        assert asked_by() == NOBODY


@given(name=st.text(min_size=1, max_size=400))
@settings(deadline=None)
def test_any_name_survives_the_way_over_headers(name):
    with feature(name):
        expected = asked_by().feature_id
        headers = write_headers()
    assert expected == name_or_none(name)
    with from_headers(headers):
        # A name that begins with what a header takes for white space is the same name: names have none outside.
        assert asked_by().feature_id == expected


def test_baggage_of_others_is_left_alone():
    token = attach(baggage.set_baggage("theirs", "x", get_current()))
    try:
        with feature("f"):
            assert dict(baggage.get_all()) == {"theirs": "x", "finops.feature": "f"}
        assert dict(baggage.get_all()) == {"theirs": "x"}
    finally:
        detach(token)


SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry import trace

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.to_json(indent=None) + "\\n")))
trace.set_tracer_provider(provider)
from ai_finops.instrument import from_headers, track_llm_cost

@track_llm_cost(feature="summarise", pipeline="summarise")
def summarise(model):
    return {"usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}, "stopReason": "end_turn", "output": {}}

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with from_headers(dict(self.headers)):
            summarise("m")
        self.send_response(204); self.end_headers()
    def log_message(self, *_): pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
for _ in range(int(sys.argv[1])): server.handle_request()
"""


def test_one_pipeline_in_another_process_is_charged_to_each_feature_that_asks(spans):
    import json
    from urllib.request import Request, urlopen

    callers = ["onboarding", "été search", "billing_help", None]
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(len(callers))], stdout=subprocess.PIPE, text=True
    ) as server:
        port = int(server.stdout.readline())
        traces = []
        for name in callers:
            with feature(name), spans.provider.get_tracer("caller").start_as_current_span("request") as span:
                urlopen(Request(f"http://127.0.0.1:{port}/", headers=dict(write_headers())), timeout=30).close()
                traces.append(f"0x{span.get_span_context().trace_id:032x}")
        served = [json.loads(line) for line in server.stdout]
    assert [span["attributes"]["finops.feature"] for span in served] == [
        "onboarding",
        "été search",
        "billing_help",
        "summarise",
    ]
    assert {span["attributes"]["finops.pipeline"] for span in served} == {"summarise"}
    assert [span["context"]["trace_id"] for span in served] == traces
