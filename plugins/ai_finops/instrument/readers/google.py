"""Gemini's bodies: thoughts stand beside the candidates, prompts of tools beside the prompt; a count of zero is left out."""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.readers.counts import count, including
from ai_finops.instrument.readers.parts import fields_of, first, text
from ai_finops.instrument.reading import Reading

_NAMES = (
    ("promptTokenCount", "prompt_token_count"),
    ("toolUsePromptTokenCount", "tool_use_prompt_token_count"),
    ("cachedContentTokenCount", "cached_content_token_count"),
    ("candidatesTokenCount", "candidates_token_count"),
    ("thoughtsTokenCount", "thoughts_token_count"),
)
"""In JSON, and as the fields of Google's Python SDK."""


def read_gemini(body: dict[str, Any], usage: dict[str, Any]) -> Reading | None:
    """Read an answer of Gemini or Vertex AI; None where its usage counts nothing."""
    prompt, for_tools, read, candidates, thoughts = (
        usage[json_name] if json_name in usage else usage.get(field) for json_name, field in _NAMES
    )
    if prompt is None and candidates is None and thoughts is None:
        return None
    model = body.get("modelVersion") or body.get("model_version")
    candidate = fields_of(first(body.get("candidates")))
    reason = candidate.get("finishReason") or candidate.get("finish_reason")
    tier = usage.get("serviceTier") or usage.get("trafficType") or usage.get("traffic_type")
    return Reading(
        "gcp.vertex_ai" if usage.get("trafficType") or usage.get("traffic_type") else "gcp.gemini",
        "chat",
        None,
        text(model),
        text(body.get("responseId") or body.get("response_id")),
        None,
        text(tier if tier != "ON_DEMAND" else "on_demand"),
        text(getattr(reason, "value", reason)),
        *including(_sum(prompt, for_tools), read, None, None, _sum(candidates, thoughts), thoughts),
        None,
        None,
    )


def _sum(one: object, other: object) -> int | str:
    counts = [0 if part is None else count(part) for part in (one, other)]
    return "no count" if None in counts else counts[0] + counts[1]  # type: ignore[operator]
