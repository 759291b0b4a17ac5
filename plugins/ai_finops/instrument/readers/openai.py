"""OpenAI's shapes, which many providers speak: chat, completions, embeddings and Responses.

Input includes cached tokens and output includes reasoning, save where the body's own total shows that reasoning stands beside.
"""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.model_names import provider_of_model
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.readers.counts import count, including
from ai_finops.instrument.readers.parts import NOTHING, fields_of, first, text

_ON_DEMAND_BY_ASKING = "auto"
"""A tier that is asked for; an answer that repeats it does not say which was given."""


def read_chat(body: dict[str, Any], usage: dict[str, Any], *, provider_name: str | None = None) -> Reading:
    """Read a chat completion or an older completion, as dictionaries of the answer and of its usage."""
    model = body.get("model")
    choice = first(body.get("choices"))
    details, out_details = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    details = fields_of(details) if details is not None else NOTHING
    out_details = fields_of(out_details) if out_details is not None else NOTHING
    prompt, output = usage.get("prompt_tokens"), usage.get("completion_tokens")
    reasoning = out_details.get("reasoning_tokens")
    if reasoning and type(reasoning) is int:
        output = _with_reasoning(prompt, output, reasoning, usage.get("total_tokens"))
    read = details.get("cached_tokens")
    if read is None:
        read = usage.get("prompt_cache_hit_tokens")
    written = details.get("cache_write_tokens")
    if written is None:
        written = details.get("cache_creation_tokens")
    kind = body.get("object")
    return Reading(
        provider_name or provider_of_model(text(model)),
        "text_completion" if kind == "text_completion" else "chat",
        None,
        text(model),
        text(body.get("id")),
        text(body.get("_request_id")),
        _tier(body.get("service_tier")),
        _finish_reason(choice),
        *including(prompt, read, written, None, output, reasoning),
        None,
        None,
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
        _tier(body.get("service_tier")),
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


def _tier(said: object) -> str | None:
    return None if said == _ON_DEMAND_BY_ASKING else text(said)


def _finish_reason(choice: object) -> str | None:
    if choice is None:
        return None
    if type(choice) is dict:
        return text(choice.get("finish_reason"))
    return text(getattr(choice, "finish_reason", None))


def is_embeddings(body: dict[str, Any], usage: dict[str, Any]) -> bool:
    """Whether OpenAI's usage is that of an embeddings answer: a list of vectors, and no tokens out."""
    if usage.get("completion_tokens"):
        return False
    vector = fields_of(first(body.get("data")))
    return body.get("object") == "list" or vector.get("object") == "embedding" or "embedding" in vector


def azure_name(body: dict[str, Any]) -> str | None:
    """Return Azure's name for an answer that carries its content filter's results."""
    return "azure.ai.openai" if "prompt_filter_results" in body else None
