"""A team that has OpenInference or OpenLLMetry needs no decorator: the processor says the feature on their spans."""

from __future__ import annotations

import httpx2
import pytest
from openai import OpenAI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ai_finops.instrument import FeatureSpanProcessor, feature, track_llm_cost, tracking

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_764_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {"prompt_tokens": 1_200, "completion_tokens": 5, "total_tokens": 1_205},
}


def _openinference():
    from openinference.instrumentation.openai import OpenAIInstrumentor

    return OpenAIInstrumentor(), "openinference.instrumentation.openai", "llm.token_count.prompt"


def _openllmetry():
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    return OpenAIInstrumentor(), "opentelemetry.instrumentation.openai.v1", "gen_ai.usage.input_tokens"


# One after the other: OpenLLMetry leaves wrappers behind when it is taken out.
@pytest.fixture(params=[_openinference, _openllmetry], ids=["openinference", "openllmetry"], scope="module")
def library(request):
    instrumentor, scope, input_tokens = request.param()
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(FeatureSpanProcessor())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor.instrument(tracer_provider=provider)
    undo = tracking._use_tracer(provider.get_tracer(tracking.SCOPE))
    yield exporter, scope, input_tokens
    undo()
    instrumentor.uninstrument()


@pytest.fixture
def instrumented(library):
    exporter, scope, input_tokens = library
    exporter.clear()
    return exporter.get_finished_spans, scope, input_tokens


def ask():
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=ANSWER))
    with OpenAI(api_key="x", base_url="http://127.0.0.1/v1", http_client=httpx2.Client(transport=transport)) as client:
        return client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "May I?"}])


def test_their_spans_say_who_asked(instrumented):
    spans, scope, input_tokens = instrumented
    with feature("returns", journey="j-1"):
        ask()
    (span,) = [each for each in spans() if input_tokens in each.attributes]
    assert span.instrumentation_scope.name == scope
    assert span.attributes[input_tokens] == 1_200
    assert span.attributes["finops.feature"] == "returns"
    assert span.attributes["finops.journey"] == "j-1"


def test_with_a_decorator_both_spans_say_the_same_feature_and_usage(instrumented):
    spans, _, input_tokens = instrumented
    answer = track_llm_cost(feature="returns")(ask)()
    ours = next(each for each in spans() if each.instrumentation_scope.name == tracking.SCOPE)
    theirs = next(each for each in spans() if each is not ours and input_tokens in each.attributes)
    assert theirs.attributes["finops.feature"] == ours.attributes["finops.feature"] == "returns"
    assert theirs.parent.span_id == ours.context.span_id
    assert ours.attributes["gen_ai.usage.input_tokens"] == theirs.attributes[input_tokens] == 1_200
    assert ours.attributes["gen_ai.response.id"] == answer.id == "chatcmpl-1"
