"""Spans as the decorator and the router write them beside other libraries', on one day; each case is a trace of its own.

Sonnet costs $3 in and $15 out, Haiku $0.80 and $4 per 1M tokens.

| Trace | What | Calls |
|---|---|---|
| enclosing | the decorator's span with usage, OpenLLMetry's inside, the same response | one, of the decorator's feature |
| nameless | the decorator's span without a response id, OpenInference's with one inside | one |
| silent | the decorator's span says no usage, the SDK's inside does | one |
| step | a decorated step without usage of its own over two calls | two |
| summing | the same, but the caller's usage is the sum of the two | two |
| twice | a decorator inside a decorator, the same response | one |
| routed | a decision, its failed cheap call and its capable one | two |
| escalated | the decorator around a decision with a cheap answer and a capable one | two |
| alone | a decision by task type with one call, which OpenLLMetry sees too | one |
| untraced | a decision whose calls nobody traced | none |
"""

from __future__ import annotations

import json
from typing import Any

from tests.warehouse.tiny_lake import HAIKU, SONNET, span

DAY = "2025-06-03"
LATER_DAY = "2025-06-04"
DECORATOR = {"scope_name": "ai_finops.instrument", "dialect": "finops"}
OPENLLMETRY = {"scope_name": "opentelemetry.instrumentation.bedrock", "dialect": "openllmetry", "feature_id": None}
OPENINFERENCE = {"scope_name": "openinference.instrumentation.bedrock", "dialect": "openinference", "feature_id": None}
_UNCACHED = dict.fromkeys(("cache_read_input_tokens", "cache_write_5m_input_tokens", "cache_write_1h_input_tokens"), 0)
USAGE = {"uncached_input_tokens": 1_000, "output_tokens": 100} | _UNCACHED
HALF = {"uncached_input_tokens": 500, "output_tokens": 50} | _UNCACHED
SUM = {"uncached_input_tokens": 1_500, "output_tokens": 150} | _UNCACHED
_NONE = {
    "operation_name": "routing",
    "request_model": None,
    "provider_name": None,
    "pipeline_id": None,
    "user_id": None,
}


def told(
    trace_id: str, span_id: str, model: str = SONNET, *, inside: str | None = None, day: str = DAY, **changes: Any
):
    """Return a call span of the trace; `inside` is its parent."""
    changes = {"pipeline_id": None, "task_type": "extraction"} | changes
    return span(span_id, f"{day} 10:00", model, trace_id=trace_id, parent_span_id=inside, **changes)


def decided(trace_id: str, *, inside: str | None = None, day: str = DAY, task_type: str = "extraction", **said: Any):
    """Return the span of a decision, `d`; `said` are its facts."""
    details = {
        "policy": "support",
        "policy_version": "0123456789ab",
        "strategy": "confidence",
        "reason": "sure",
        "tier": "cheap",
        "model": HAIKU,
        "first_model": HAIKU,
        "is_escalated": False,
        "is_fallback": False,
        "attempt_count": 1,
    } | said
    row = span("d", f"{day} 10:00", SONNET, trace_id=trace_id, parent_span_id=inside, **DECORATOR)
    given = {
        "scope_name": "ai_finops.router",
        "span_name": "finops.routing",
        "feature_id": "search",
        "task_type": task_type,
    }
    return row | _NONE | given | {"details_json": json.dumps(details)}


_CHEAP = DECORATOR | {"feature_id": "search", "model_tier": "cheap"}
_CAPABLE = DECORATOR | {"feature_id": "search", "model_tier": "capable"}

SPANS = [
    told("enclosing", "a", response_id="r1", time_to_first_token_ms=250.0, retry_count=1, **DECORATOR, **USAGE),
    told("enclosing", "b", inside="a", response_id="r1", **OPENLLMETRY, **USAGE),
    told("nameless", "a", **DECORATOR, **USAGE),
    told("nameless", "b", inside="a", response_id="r2", **OPENINFERENCE, **USAGE),
    told("silent", "a", usage_gap="stream_not_followed", **DECORATOR),
    told("silent", "b", inside="a", response_id="r3", **OPENLLMETRY, **USAGE),
    told("step", "a", **DECORATOR | {"feature_id": "docs"}, request_model=None),
    told("step", "b", inside="a", response_id="r4", **OPENLLMETRY, **USAGE),
    told("step", "c", HAIKU, inside="a", response_id="r5", **OPENLLMETRY, **HALF),
    told("summing", "a", **DECORATOR, **SUM),
    told("summing", "b", inside="a", response_id="r6", **OPENLLMETRY, **USAGE),
    told("summing", "c", HAIKU, inside="a", response_id="r7", **OPENLLMETRY, **HALF),
    told("twice", "a", response_id="r8", **DECORATOR | {"feature_id": "docs"}, **USAGE),
    told("twice", "b", inside="a", response_id="r8", pipeline_id="inner", **DECORATOR, **USAGE),
    # The cheap model throttled; the capable one answered. No tokens of the first are known, so that no cost is.
    decided(
        "routed", tier="capable", model=SONNET, is_fallback=True, reason="error", attempt_count=2, capable_cost_usd=0.0045
    ),
    told("routed", "a", HAIKU, inside="d", error_type="ThrottlingException", **_CHEAP),
    told("routed", "b", SONNET, inside="d", response_id="r9", **_CAPABLE, **USAGE),
    # 1,000 and 100 tokens: Haiku $0.0012, Sonnet $0.0045; both are $0.0057, which is $0.0012 more than Sonnet alone.
    told("escalated", "a", **DECORATOR | {"feature_id": "search"}, request_model=None),
    decided(
        "escalated", inside="a", tier="capable", model=SONNET, is_escalated=True, reason="not sure", confidence=0.4,
        attempt_count=2, estimated_cost_usd=0.0057, capable_cost_usd=0.0045,
    ),
    told("escalated", "b", HAIKU, inside="d", response_id="r10", **_CHEAP, **USAGE),
    told("escalated", "c", SONNET, inside="d", response_id="r11", **_CAPABLE, **USAGE),
    decided("alone", strategy="task_type", reason="extraction", estimated_cost_usd=0.0012, capable_cost_usd=0.0045),
    told("alone", "a", HAIKU, inside="d", response_id="r12", **_CHEAP, **USAGE),
    told("alone", "b", HAIKU, inside="a", response_id="r12", **OPENLLMETRY, **USAGE),
    *(
        decided(f"untraced{number}", confidence=0.9, estimated_cost_usd=0.0012, capable_cost_usd=0.0045)
        for number in range(3)
    ),
]  # fmt: skip
