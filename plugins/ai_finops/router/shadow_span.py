"""The span `finops.shadow`: one comparison, as the pipeline reads it. The model in use is the baseline.

Prompt and answers are on it only where that is switched on: `AI_FINOPS_SHADOW_KEEP_CONTENT`, off by default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.context import Context

from ai_finops.instrument.reading import Reading
from ai_finops.router.comparing import Verdict
from ai_finops.router.policy import Model

NAME = "finops.shadow"
SCOPE = "ai_finops.router"
KEEP_CONTENT = "AI_FINOPS_SHADOW_KEEP_CONTENT"
LONGEST_CONTENT = 100_000
"""Characters of a text that is kept; the rest is cut off."""
_ON = {"on", "1", "true", "yes"}


def keeps_content() -> bool:
    """Whether texts are put on spans; anything but a clear yes is no."""
    return os.environ.get(KEEP_CONTENT, "").strip().lower() in _ON


def start_span(
    tracer: trace.Tracer,
    context: Context,
    *,
    of: trace.SpanContext,
    task_type: str,
    baseline: Model,
    candidate: Model,
) -> trace.Span:
    """Begin the span, in a trace of its own that has a link to the request's: a request's trace ends with its answer."""
    attributes = {
        "finops.shadow.task_type": task_type,
        "finops.shadow.baseline_model": baseline.model_id,
        "finops.shadow.candidate_model": candidate.model_id,
    }
    if baseline.provider_name == candidate.provider_name:
        attributes["gen_ai.provider.name"] = baseline.provider_name
    links = [trace.Link(of)] if of.is_valid else None
    return tracer.start_span(NAME, context, attributes=attributes, links=links)


def add_usage(span: trace.Span, *, baseline: Reading, candidate: Reading) -> None:
    """Say what both used, as far as it is known."""
    for side, reading in (("baseline", baseline), ("candidate", candidate)):
        for what, count in (("input", reading.input_tokens), ("output", reading.output_tokens)):
            if count is not None:
                span.set_attribute(f"finops.shadow.{side}_{what}_tokens", count)


def add_verdict(span: trace.Span, verdict: Verdict) -> None:
    """Say both marks, and what made them. Without marks a span is no evidence, and the pipeline passes over it."""
    span.set_attribute("finops.shadow.baseline_correct", verdict.is_baseline_correct)
    span.set_attribute("finops.shadow.candidate_correct", verdict.is_candidate_correct)
    span.set_attribute("finops.shadow.method", verdict.method)
    if verdict.score is not None:
        span.set_attribute("finops.shadow.score", verdict.score)


def add_content(span: trace.Span, texts: Mapping[str, str]) -> None:
    """Put texts on the span: `prompt`, `baseline_answer`, `candidate_answer`."""
    for name, text in texts.items():
        span.set_attribute(f"finops.shadow.{name}", text[:LONGEST_CONTENT])
