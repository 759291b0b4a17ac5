"""From decorated calls to the table: the real exporter, objects as the collector lays them, the extractor and dbt.

One shared pipeline, in two processes, is called by two features and once by nobody. Haiku 3.5 costs $0.80 and $4.00 a million
tokens, GPT-4o mini $0.15 and $0.60. By hand, of input and output tokens:

| who asks | calls | tokens | USD |
|---|---|---|---|
| support_chat | Converse 1,000 + 50, a stream of OpenAI 4,000 + 1,000 | 5,000 + 1,050 | 0.0010 + 0.0012 |
| ticket_triage | Anthropic 2,000 + 100, Converse in the other process 3,000 + 150 | 5,000 + 250 | 0.0020 + 0.0030 |
| nobody: the decorator's own | Converse 500 + 25 | 500 + 25 | 0.0005 |
"""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ai_finops import aws
from ai_finops.build.candidate import prepare
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.extract.history import land_days
from ai_finops.instrument import feature, record_spans, track_llm_cost, tracking, write_headers
from ai_finops.instrument.records import record_context_use, record_retrieval
from tests.extract.stand_in import use_endpoint
from tests.instrument.answers import HAIKU, converse
from tests.instrument.exported import collecting, provider_to
from tests.warehouse.tiny_lake import run_dbt

READ = ("+fct_daily_feature_costs", "+fct_llm_calls", "+int_span_documents_unnested")
"""What is built: these and what they are made of, without dbt's own tests, which other tests run."""

SHARED = {"feature": "document_summarization", "pipeline": "summarise"}


@track_llm_cost(**SHARED)
def summarise(*, model: str, input_tokens: int, output_tokens: int) -> dict:
    return converse(input_tokens=input_tokens, output_tokens=output_tokens, request_id=f"r-{input_tokens}")


@track_llm_cost(**SHARED)
async def summarise_later(*, model: str) -> dict:
    await asyncio.sleep(0)
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "SECRET ANSWER"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 2_000, "output_tokens": 100},
    }


@track_llm_cost(**SHARED)
def summarise_streaming(*, model: str):
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_764_000_000, "model": model}
    yield chunk | {"choices": [{"index": 0, "delta": {"content": "SECRET ANSWER"}, "finish_reason": None}]}
    yield chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 4_000, "completion_tokens": 1_000, "total_tokens": 5_000}
    yield chunk | {"choices": [], "usage": usage}


_OTHER_PROCESS = """
import json, sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from ai_finops.instrument import from_headers, track_llm_cost

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

@track_llm_cost(feature="document_summarization", pipeline="summarise")
def summarise(*, model):
    usage = {"inputTokens": 3000, "outputTokens": 150, "totalTokens": 3150}
    return {"ResponseMetadata": {"RequestId": "r-other"}, "output": {}, "stopReason": "end_turn", "usage": usage}

with from_headers(json.loads(sys.argv[1])):
    summarise(model=sys.argv[2])
"""


@pytest.fixture
def collector():
    with collecting() as collector:
        yield collector


@pytest.fixture
def provider(collector, monkeypatch):
    provider = provider_to(collector)
    tracer = provider.get_tracer(tracking.SCOPE)
    undo = tracking._use_tracer(tracer)
    monkeypatch.setattr(record_spans, "_tracer", tracer)
    yield provider
    undo()
    provider.shutdown()


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Of a deployment on a local AWS over HTTP, with the bucket that the collector writes to."""
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path), "AI_FINOPS_SOURCES": "traces"})
    with local_aws() as running:
        use_endpoint(monkeypatch, running.endpoint)
        aws.client("s3", settings=settings).create_bucket(Bucket=settings.traces_bucket)
        yield settings


def call_everywhere(provider, collector):
    tracer = provider.get_tracer("the service's own")
    with tracer.start_as_current_span("POST /chat"), feature("support_chat", journey_name="returns"):
        record_retrieval([("d1", 0.5), ("d2", 0.25)])
        summarise(model=HAIKU, input_tokens=1_000, output_tokens=50)
        assert len(list(summarise_streaming(model="gpt-4o-mini"))) == 3
        record_context_use(["d2"])
    with tracer.start_as_current_span("POST /tickets"), feature("ticket_triage"):
        asyncio.run(summarise_later(model="claude-3-5-haiku-20241022"))
        _call_other_process(collector)
    summarise(model=HAIKU, input_tokens=500, output_tokens=25)
    provider.force_flush()


def _call_other_process(collector) -> None:
    import json

    env = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
    asked = [sys.executable, "-c", _OTHER_PROCESS, json.dumps(dict(write_headers())), HAIKU]
    subprocess.run(asked, env=env, check=True, timeout=60)


def put_objects(bodies, *, settings, at) -> None:
    """As `awss3exporter` with `otlp_proto` lays them: one object a request, below the minute in which it came."""
    s3 = aws.client("s3", settings=settings)
    for number, body in enumerate(bodies):
        key = f"{settings.traces_prefix}/{at:year=%Y/month=%m/day=%d/hour=%H/minute=%M}/traces_{number}.binpb"
        s3.put_object(Bucket=settings.traces_bucket, Key=key, Body=body)


def test_decorated_calls_come_out_under_the_feature_that_asked(provider, collector, settings):
    began = datetime.now(UTC)
    call_everywhere(provider, collector)
    ended = datetime.now(UTC)
    assert len(collector.bodies) >= 2  # each process sends its own
    assert b"SECRET" not in b"".join(collector.bodies)
    put_objects(collector.bodies, settings=settings, at=ended)

    first, last = began.date(), ended.date()  # two days where midnight fell between
    outcomes = land_days("traces", first=ended.date(), last=last, settings=settings, today=last + timedelta(days=1))
    assert [(each.status, each.quarantined_count) for each in outcomes.values()] == [("loaded", 0)]
    build = prepare(settings=settings, run_day=last)
    built = run_dbt(
        Path(build["warehouse"]), "build", "--select", *READ, "--exclude-resource-type", "test", "unit_test",
        as_of_date=build["as_of_date"],
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr

    with duckdb.connect(build["warehouse"], read_only=True) as warehouse:
        costs = warehouse.execute(
            """
            select feature_id, sum(request_count), sum(input_tokens), sum(output_tokens), sum(allocated_cost_usd),
                any_value(is_known_feature), any_value(cost_status)
            from marts.fct_daily_feature_costs where usage_date between ? and ? group by feature_id order by feature_id""",
            [first, last],
        ).fetchall()
        calls = warehouse.execute(
            "select distinct pipeline_id, journey_name, feature_id from marts.fct_llm_calls order by all"
        ).fetchall()
        cited = warehouse.execute("""
            select document_list, list(document_id order by document_rank)
            from intermediate.int_span_documents_unnested group by document_list order by document_list""").fetchall()
    assert costs == [
        ("document_summarization", 1, 500, 25, Decimal("0.0005"), True, "estimated"),
        ("support_chat", 2, 5_000, 1_050, Decimal("0.0022"), True, "estimated"),
        ("ticket_triage", 2, 5_000, 250, Decimal("0.0050"), True, "estimated"),
    ]
    assert calls == [
        ("summarise", "returns", "support_chat"),
        ("summarise", None, "document_summarization"),
        ("summarise", None, "ticket_triage"),
    ]
    assert cited == [("cited", ["d2"]), ("retrieved", ["d1", "d2"])]
