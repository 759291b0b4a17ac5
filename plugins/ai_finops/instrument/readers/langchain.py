"""LangChain's messages and results. Its usage metadata has one convention for all: details are parts of the counts."""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.model_names import provider_named, provider_of_model
from ai_finops.instrument.readers.counts import Counts, count, including, written_in_all
from ai_finops.instrument.readers.parts import NOTHING, fields_of, text
from ai_finops.instrument.reading import Reading

_MOST_VALUES = 20
"""Of a dictionary that are looked at for a message."""
_PREFIXES = ("", "priority_", "flex_")
"""OpenAI's tiers stand before the names of details."""


def read_message(message: object) -> Reading:
    """Read an AI message, or its dump."""
    fields = fields_of(message)
    metadata = fields_of(fields.get("response_metadata"))
    usage = fields_of(fields.get("usage_metadata"))
    counts = metadata_counts(usage) if usage else _raw_counts(metadata)
    return _with_metadata(metadata, counts, message_id=fields.get("id"))


def read_usage_metadata(usage: dict[str, Any]) -> Reading:
    """Read the usage metadata alone."""
    return _with_metadata(NOTHING, metadata_counts(usage), message_id=None)


def read_result(result: object) -> Reading | None:
    """Read an `LLMResult` or a `ChatResult`: the first answer to each prompt, as all answers to it carry its whole usage."""
    fields = fields_of(result)
    generations = fields.get("generations")
    if type(generations) is not list:
        return None
    firsts = [each[0] if type(each) is list else each for each in generations if each]
    if generations and type(generations[0]) is not list:
        firsts = firsts[:1]  # a ChatResult answers one prompt
    messages = [fields_of(each).get("message") for each in firsts]
    readings = [read_message(message) for message in messages if message is not None]
    readings = [reading for reading in readings if reading.has_usage]
    if readings and len(readings) == len(firsts):
        return _sum(readings)
    output = fields_of(fields.get("llm_output"))
    reading = _with_metadata(output, _raw_counts(output), message_id=None)
    return reading if reading.has_usage else None


def read_held(body: dict[str, Any]) -> Reading | None:
    """Read the one AI message that a dictionary holds (`raw`, `output`, …, or in a list of messages); of several, none.

    A list of messages is a conversation: with several answers in it nobody can say which of them this call made.
    """
    if len(body) > _MOST_VALUES:
        return None
    held = [value for value in body.values() if is_message(type(value))]
    if not held and type(body.get("messages")) is list:
        held = [value for value in body["messages"] if is_message(type(value))]
    if len(held) != 1:
        return None
    reading = read_message(held[0])
    return reading if reading.has_usage else None


def is_message(cls: type) -> bool:
    """Whether a class is LangChain's AI message or one of its kinds."""
    return any(base.__name__ == "AIMessage" and base.__module__.startswith("langchain_core.") for base in cls.__mro__)


def metadata_counts(usage: dict[str, Any]) -> Counts:
    """Return the counts of usage metadata."""
    details, out_details = fields_of(usage.get("input_token_details")), fields_of(usage.get("output_token_details"))
    written, for_an_hour = _detail(details, "cache_creation"), details.get("ephemeral_1h_input_tokens")
    if not written:  # told by duration alone, beside a zero
        written = written_in_all(None, details.get("ephemeral_5m_input_tokens"), for_an_hour) or written
    return including(
        usage.get("input_tokens"),
        _detail(details, "cache_read"),
        written,
        for_an_hour,
        usage.get("output_tokens"),
        _detail(out_details, "reasoning"),
    )


def _detail(details: dict[str, Any], name: str) -> Any:
    for prefix in _PREFIXES:
        if prefix + name in details:
            return details[prefix + name]
    return None


def _raw_counts(metadata: dict[str, Any]) -> Counts:
    """Return what the provider's own usage says where LangChain's metadata is missing."""
    from ai_finops.instrument.readers.bodies import read_usage

    for name in ("token_usage", "usage"):
        usage = fields_of(metadata.get(name))
        reading = read_usage({}, usage) if usage else None
        if reading is not None:
            return reading[8:14]
    return (None,) * 6


def _with_metadata(metadata: dict[str, Any], counts: Counts, *, message_id: object) -> Reading:
    model = text(metadata.get("model_name")) or text(metadata.get("model")) or text(metadata.get("model_id"))
    meta = fields_of(metadata.get("ResponseMetadata"))
    tier = metadata.get("service_tier") or metadata.get("serviceTier")
    reasons = (metadata.get(name) for name in ("finish_reason", "stop_reason", "stopReason"))
    return Reading(
        provider_named(metadata.get("model_provider")) or provider_of_model(model),
        "chat",
        None,
        model,
        text(metadata.get("id")) or _own_id(message_id),
        text(meta.get("RequestId")),
        text(tier.get("type") if type(tier) is dict else tier),
        next((text(reason) for reason in reasons if reason), None),
        *counts,
        None,
        count(meta.get("RetryAttempts")),
    )


def _own_id(message_id: object) -> str | None:
    """Return the provider's id of the answer; ids that LangChain made up are its runs."""
    said = text(message_id)
    return None if said is None or said.startswith(("run-", "lc_")) else said


def _sum(readings: list[Reading]) -> Reading:
    if len(readings) == 1:
        return readings[0]
    names = ("input_tokens", "output_tokens")
    parts = (
        "cache_read_input_tokens",
        "cache_write_input_tokens",
        "cache_write_1h_input_tokens",
        "reasoning_output_tokens",
    )
    said = {name: [getattr(reading, name) for reading in readings] for name in (*names, *parts)}
    whole: dict[str, Any] = {name: None if None in said[name] else sum(said[name]) for name in names}
    part: dict[str, Any] = {name: sum(each or 0 for each in said[name]) if any(said[name]) else None for name in parts}
    return readings[0]._replace(**whole, **part, response_id=None, request_id=None)
