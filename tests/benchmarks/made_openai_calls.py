"""Time calls of one OpenAI client, over a transport that answers from memory, with one instrumentation.

    .venv-rivals/bin/python tests/benchmarks/made_openai_calls.py ours 2000

Run by `instrument_rivals`. Prints the median and the 99th percentile of a call in nanoseconds. Spans go through a
BatchSpanProcessor to an exporter that drops them. Nobody keeps texts of prompts or answers: what a library has for that is off.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ |= {
    "TRACELOOP_TRACE_CONTENT": "false",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false",
    "OPENLIT_DISABLE_METRICS": "true",
}

import httpx
import openai
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

MODEL = "gpt-4o-mini-2024-07-18"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_764_000_000,
    "model": MODEL,
    "service_tier": "default",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {
        "prompt_tokens": 1_200,
        "completion_tokens": 5,
        "total_tokens": 1_205,
        "prompt_tokens_details": {"cached_tokens": 1_024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
}
WARM_UP = 300


class Dropped(SpanExporter):
    """Exports to nowhere."""

    count = 0

    def export(self, spans: Any) -> SpanExportResult:
        """Count what would be sent."""
        Dropped.count += len(spans)
        return SpanExportResult.SUCCESS


def main() -> None:
    """Instrument, warm up, time each call, print."""
    way, count = sys.argv[1], int(sys.argv[2])
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Dropped(), max_queue_size=100_000))
    trace.set_tracer_provider(provider)
    ask = WAYS[way](provider)
    for _ in range(WARM_UP):
        ask()
    took = []
    for _ in range(count):
        started = time.perf_counter_ns()
        ask()
        took.append(time.perf_counter_ns() - started)
    took.sort()
    provider.force_flush()
    expected = 0 if way == "none" else count + WARM_UP
    assert Dropped.count >= expected, f"{way} wrote {Dropped.count} spans of {expected} calls"
    print(json.dumps({"median_ns": took[count // 2], "p99_ns": took[int(count * 0.99)]}))
    os._exit(0)  # some libraries' threads would go on


def _ask() -> Callable[[], Any]:
    client = openai.OpenAI(
        api_key="x",
        base_url="http://127.0.0.1/v1",
        http_client=httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=ANSWER))),
    )
    messages = [{"role": "user", "content": "May I return this?"}]
    return lambda: client.chat.completions.create(model=MODEL, messages=messages)


def _none(_: TracerProvider) -> Callable[[], Any]:
    return _ask()


def _bare_span(provider: TracerProvider) -> Callable[[], Any]:
    ask, tracer = _ask(), provider.get_tracer("bare")
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": MODEL,
        "finops.feature": "returns",
        "finops.pipeline": "ask",
    }

    def asked() -> Any:
        with tracer.start_as_current_span("chat", kind=trace.SpanKind.CLIENT, attributes=attributes) as span:
            answer = ask()
            span.set_attribute("gen_ai.usage.input_tokens", answer.usage.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", answer.usage.completion_tokens)
            span.set_attribute("gen_ai.response.model", answer.model)
            return answer

    return asked


def _ours(_: TracerProvider) -> Callable[[], Any]:
    from ai_finops.instrument import track_llm_cost

    return track_llm_cost(feature="returns", model=MODEL)(_ask())


def _ours_both(_: TracerProvider) -> Callable[[], Any]:
    from ai_finops.instrument import configure_metrics, instrument_llm, track_llm_cost
    from ai_finops.instrument.metrics import CloudWatchSink

    configure_metrics(sink=CloudWatchSink(client=object(), interval_s=3_600))
    return instrument_llm(feature="returns", model=MODEL)(track_llm_cost(feature="returns", model=MODEL)(_ask()))


def _openlit(provider: TracerProvider) -> Callable[[], Any]:
    import openlit

    openlit.init(
        otlp_endpoint="http://127.0.0.1:9", capture_message_content=False, disable_metrics=True, disable_events=True
    )  # fmt: skip
    return _ask()


def _openinference(provider: TracerProvider) -> Callable[[], Any]:
    from openinference.instrumentation import TraceConfig
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=provider, config=TraceConfig(hide_inputs=True, hide_outputs=True))
    return _ask()


def _traceloop(provider: TracerProvider) -> Callable[[], Any]:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor(enrich_assistant=False).instrument(tracer_provider=provider)
    return _ask()


WAYS: dict[str, Callable[[TracerProvider], Callable[[], Any]]] = {
    "none": _none,
    "bare_span": _bare_span,
    "ours": _ours,
    "ours_both": _ours_both,
    "openlit": _openlit,
    "openinference": _openinference,
    "traceloop": _traceloop,
}

if __name__ == "__main__":
    main()
