"""OpenAI's shapes, which many providers speak: chat, completions, embeddings and Responses.

Input includes cached tokens and output includes reasoning, save where the body's own total shows that reasoning stands beside.
"""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.model_names import provider_of_model
from ai_finops.instrument.readers.counts import count, including
from ai_finops.instrument.readers.parts import fields_of, first, reading_of, text
from ai_finops.instrument.reading import Reading

_ON_DEMAND_BY_ASKING = "auto"
"""A tier that is asked for; an answer that repeats it does not say which was given."""


def read_chat(body: dict[str, Any], usage: dict[str, Any], *, provider_name: str | None = None) -> Reading:
    """Read a chat completion or an older completion, as dictionaries of the answer and of its usage."""
    model, response_id = body.get("model"), body.get("id")
    choices, tier = body.get("choices"), body.get("service_tier")
    details, out_details = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    prompt, output = usage.get("prompt_tokens"), usage.get("completion_tokens")
    read = written = reasoning = None
    if details is not None:
        fields = fields_of(details)
        read, written = fields.get("cached_tokens"), fields.get("cache_write_tokens")
        if written is None:
            written = fields.get("cache_creation_tokens")
    if read is None:
        read = usage.get("prompt_cache_hit_tokens")
    if out_details is not None:
        reasoning = fields_of(out_details).get("reasoning_tokens")
        if reasoning and type(reasoning) is int:
            output = _with_reasoning(prompt, output, reasoning, usage.get("total_tokens"))
    model = model if type(model) is str and model else None
    request_id = body.get("_request_id")
    finish_reason = None
    if type(choices) is list and choices:
        choice = choices[0]
        finish_reason = choice.get("finish_reason") if type(choice) is dict else getattr(choice, "finish_reason", None)
    return reading_of(
        (
            provider_name or provider_of_model(model),
            "text_completion" if body.get("object") == "text_completion" else "chat",
            None,
            model,
            response_id if type(response_id) is str and response_id else None,
            None if request_id is None else text(request_id),
            None if tier is None or tier == _ON_DEMAND_BY_ASKING else text(tier),
            finish_reason if type(finish_reason) is str else None,
            *including(prompt, read, written, None, output, reasoning),
            None,
            None,
        )
    )


def read_embeddings(body: dict[str, Any], usage: dict[str, Any], *, provider_name: str | None = None) -> Reading:
    """Read an embeddings answer; it has no output."""
    model = text(body.get("model"))
    return Reading(
        provider_name=provider_name or provider_of_model(model),
        operation_name="embeddings",
        response_model=model,
        response_id=text(body.get("id")),
        request_id=text(body.get("_request_id")),
        input_tokens=count(usage.get("prompt_tokens")),
    )


def read_responses(body: dict[str, Any], usage: dict[str, Any], *, provider_name: str | None = None) -> Reading:
    """Read an answer of the Responses API."""
    model = text(body.get("model"))
    details, out_details = fields_of(usage.get("input_tokens_details")), fields_of(usage.get("output_tokens_details"))
    return Reading(
        provider_name or provider_of_model(model),
        "chat",
        None,
        model,
        text(body.get("id")),
        text(body.get("_request_id")),
        None if body.get("service_tier") == _ON_DEMAND_BY_ASKING else text(body.get("service_tier")),
        text(fields_of(body.get("incomplete_details")).get("reason")) or text(body.get("status")),
        *including(
            usage.get("input_tokens"),
            details.get("cached_tokens"),
            details.get("cache_write_tokens"),
            None,
            usage.get("output_tokens"),
            out_details.get("reasoning_tokens"),
        ),
        None,
        None,
    )


def _with_reasoning(prompt: object, output: object, reasoning: int, total: object) -> object:
    """Return the output with reasoning: some providers (xAI) count it beside, and their total shows it."""
    is_beside = type(prompt) is int and type(output) is int and total == prompt + output + reasoning
    return output + reasoning if is_beside else output  # type: ignore[operator]


def is_embeddings(body: dict[str, Any], usage: dict[str, Any]) -> bool:
    """Whether OpenAI's usage is that of an embeddings answer: a list of vectors, and no tokens out."""
    if usage.get("completion_tokens"):
        return False
    vector = fields_of(first(body.get("data")))
    return body.get("object") == "list" or vector.get("object") == "embedding" or "embedding" in vector


def azure_name(body: dict[str, Any]) -> str | None:
    """Return Azure's name for an answer that carries its content filter's results."""
    return "azure.ai.openai" if "prompt_filter_results" in body else None
