"""The spans of a call as its service's instrumentation writes them; names and types follow recordings of the real libraries.

| service | instrumentation | spans of one call |
|---|---|---|
| docs-api | this package's decorator: today's OpenTelemetry GenAI names | the call; shadow comparisons |
| support-api | OpenInference (`openinference_spans`) | a chat is a trace of five spans |
| growth-api | OpenLLMetry (Traceloop), older names | a workflow that repeats its child's usage, and the call |

Input tokens are counted as each library counts them on Bedrock: the decorator includes cached ones; the other two copy
Converse's `inputTokens`, which leaves them out, and OpenInference's total has them again.

All teams set `finops.*` on every span, by the decorator or by a span processor. Traceloop's model names leave the vendor out;
here the whole id stays, as a team that joins with its bill would set it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from ai_finops.demo.call_rows import Call
from ai_finops.demo.openinference_spans import openinference_spans
from ai_finops.demo.otlp import CLIENT, INTERNAL, Span, Value, hex_id
from ai_finops.demo.span_parts import Surroundings, call_span, finops_attributes, numbered, span_around

SHADOW_SERVICE = "docs-api"
_DECORATOR = ("ai_finops.instrument", "0.1.0")
_TRACELOOP = ("opentelemetry.instrumentation.bedrock", "0.40.14")
_TRACELOOP_WORKFLOW = ("opentelemetry.instrumentation.traceloop", "0.40.14")


def semconv_spans(call: Call, around: Surroundings) -> list[Span]:
    """Render a call as this package's decorator does."""
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": call.operation_name,
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": call.request_model,
        "gen_ai.response.model": call.request_model,
        "aws.request_id": hex_id("request", call.call_number, length=32),
        **finops_attributes(call),
        **numbered("gen_ai.conversation.id", "journey", call.journey_number),
        **numbered("user.id", "user", call.user_number),
    }
    if call.shows_usage:
        attributes |= {
            "gen_ai.usage.input_tokens": call.input_tokens,
            "gen_ai.usage.cache_read.input_tokens": call.cache_read_input_tokens,
            "gen_ai.usage.cache_write.input_tokens": call.cache_write_5m_input_tokens,
            "gen_ai.usage.output_tokens": call.output_tokens,
            "gen_ai.response.finish_reasons": ["end_turn"],
        }
    return [call_span(call, _DECORATOR, f"{call.operation_name} {call.request_model}", CLIENT, attributes)]


def traceloop_spans(call: Call, around: Surroundings) -> list[Span]:
    """Render a call as OpenLLMetry did under its older names, below a workflow span with the same totals."""
    usage: dict[str, Value] = {}
    if call.shows_usage:
        usage = {
            "gen_ai.usage.prompt_tokens": call.uncached_input_tokens,
            "gen_ai.usage.completion_tokens": call.output_tokens,
            "llm.usage.total_tokens": call.uncached_input_tokens + call.output_tokens,
            "gen_ai.usage.cache_read_input_tokens": call.cache_read_input_tokens,
            "gen_ai.usage.cache_creation_input_tokens": call.cache_write_5m_input_tokens,
        }
    entity = {"traceloop.workflow.name": call.pipeline_id, "traceloop.entity.name": call.pipeline_id}
    shared = {
        **entity,
        **finops_attributes(call),
        **numbered("finops.journey", "journey", call.journey_number),
        **numbered("traceloop.association.properties.user_id", "user", call.user_number),
    }
    llm = {"gen_ai.system": "AWS", "gen_ai.request.model": call.request_model, "llm.request.type": "chat"}
    parent_id = hex_id("workflow", call.call_number, length=16)
    workflow_attributes = {"traceloop.span.kind": "workflow", **shared, **usage}
    return [
        span_around(call, _TRACELOOP_WORKFLOW, f"{call.pipeline_id}.workflow", parent_id, workflow_attributes),
        call_span(call, _TRACELOOP, "bedrock.converse", CLIENT, {**llm, **shared, **usage}, parent_id=parent_id),
    ]


def shadow_span(row: Mapping[str, object], *, number: int) -> Span:
    """Render one shadow comparison: the candidate model answered beside the one in use, and both were marked."""
    started_at: datetime = row["started_at"]
    return Span(
        scope=_DECORATOR,
        trace_id=hex_id("shadow-trace", number, length=32),
        span_id=hex_id("shadow", number, length=16),
        parent_span_id="",
        name="finops.shadow",
        kind=INTERNAL,
        started_at=started_at,
        ended_at=started_at + timedelta(milliseconds=5),
        attributes={
            "finops.shadow.task_type": row["task_type"],
            "finops.shadow.baseline_model": row["baseline_model"],
            "finops.shadow.candidate_model": row["candidate_model"],
            "finops.shadow.baseline_correct": row["is_baseline_correct"],
            "finops.shadow.candidate_correct": row["is_candidate_correct"],
        },
    )


DIALECTS: dict[str, Callable[[Call, Surroundings], list[Span]]] = {
    "docs-api": semconv_spans,
    "support-api": openinference_spans,
    "growth-api": traceloop_spans,
}
"""The instrumented services and how their calls are rendered."""
