"""Anthropic's Messages, from its own API, Bedrock or Vertex AI: cached tokens stand beside the input."""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.model_names import provider_of_model
from ai_finops.instrument.readers.counts import Counts, beside, sum_of, written_in_all
from ai_finops.instrument.readers.parts import fields_of, reading_of, text
from ai_finops.instrument.reading import Reading

_SOLD_BY = {"msg_bdrk": "aws.bedrock", "msg_vrtx": "gcp.vertex_ai"}
"""By the first letters of the message's id."""


def read_message(body: dict[str, Any], usage: dict[str, Any], *, provider_name: str | None = None) -> Reading:
    """Read a message, as dictionaries of the answer and of its usage."""
    model, response_id = text(body.get("model")), text(body.get("id"))
    counts = message_counts(usage)
    iterations = usage.get("iterations")
    for iteration in iterations if type(iterations) is list else ():
        fields = fields_of(iteration)
        if fields.get("type") == "compaction":  # billed beside what the counts at the top say
            counts = sum_of(counts, message_counts(fields))
    return reading_of(
        (
            (response_id and _SOLD_BY.get(response_id[:8])) or provider_name or provider_of_model(model),
            "chat",
            None,
            model,
            response_id,
            text(body.get("_request_id")),
            "fast" if usage.get("speed") == "fast" else text(usage.get("service_tier")),
            text(body.get("stop_reason")),
            *counts,
            None,
            None,
        )
    )


def message_counts(usage: dict[str, Any]) -> Counts:
    """Return the counts of one usage object."""
    kept, details = usage.get("cache_creation"), usage.get("output_tokens_details")
    written = usage.get("cache_creation_input_tokens")
    for_an_hour = None
    if kept is not None:
        fields = fields_of(kept)
        for_an_hour = fields.get("ephemeral_1h_input_tokens")
        if written is None:
            written = written_in_all(None, fields.get("ephemeral_5m_input_tokens"), for_an_hour)
    return beside(
        usage.get("input_tokens"),
        usage.get("cache_read_input_tokens"),
        written,
        for_an_hour,
        usage.get("output_tokens"),
        None if details is None else fields_of(details).get("thinking_tokens"),
    )
