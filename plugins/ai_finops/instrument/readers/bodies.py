"""What a dictionary is: an answer of one of the known shapes, or nothing that can be read.

Careful by intent: a dictionary of the caller's own is None, and so is one of a known shape that counts nothing.
"""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.readers import anthropic, bedrock, cohere, google, langchain, openai
from ai_finops.instrument.readers.counts import count
from ai_finops.instrument.readers.parts import fields_of
from ai_finops.instrument.reading import Reading


def read_dict(body: dict[str, Any]) -> Reading | None:
    """Read a decoded answer, a dump of an SDK's object, boto3's answer, or a bare usage object."""
    usage = body.get("usage")
    if usage is not None:
        fields = usage if type(usage) is dict else fields_of(usage)
        reading = read_usage(body, fields) if fields else None
        if reading is not None:
            return reading
    return _read_other(body)


def read_usage(body: dict[str, Any], usage: dict[str, Any]) -> Reading | None:
    """Read an answer by the names in its usage; None where they are nobody's, or count nothing."""
    if "inputTokens" in usage or "outputTokens" in usage:
        reading = bedrock.read_converse(body, usage)
    elif "prompt_tokens" in usage or "completion_tokens" in usage:
        if "completion_tokens" not in usage and openai.is_embeddings(body, usage):
            reading = openai.read_embeddings(body, usage)
        else:
            reading = openai.read_chat(body, usage, provider_name=openai.azure_name(body))
    elif "input_tokens" in usage or "output_tokens" in usage:
        reading = _read_input_tokens(body, usage)
    elif "billed_units" in usage or "tokens" in usage:
        return cohere.read_cohere(body, usage)
    else:
        return None
    return reading if reading.input_tokens is not None or reading.output_tokens is not None else None


def _read_input_tokens(body: dict[str, Any], usage: dict[str, Any]) -> Reading:
    """Tell Anthropic's usage, cached tokens beside the input, from that of Responses, with the same names."""
    if "input_token_details" in usage or "output_token_details" in usage:
        return langchain.read_usage_metadata(usage)
    is_response = body.get("object") == "response" or "input_tokens_details" in usage or "total_tokens" in usage
    if is_response and "cache_read_input_tokens" not in usage and "cache_creation_input_tokens" not in usage:
        return openai.read_responses(body, usage)
    is_message = body.get("type") == "message" or "cache_creation" in usage
    return anthropic.read_message(body, usage, provider_name="anthropic" if is_message else None)


def _read_other(body: dict[str, Any]) -> Reading | None:
    if "usageMetadata" in body or "usage_metadata" in body:
        metadata = body.get("usageMetadata") or body.get("usage_metadata")
        metadata = fields_of(metadata)
        if "input_tokens" in metadata:
            return langchain.read_message(body)
        return google.read_gemini(body, metadata)
    metrics = body.get(bedrock.METRICS)
    if type(metrics) is dict:
        return _counted(bedrock.read_metrics(metrics))
    meta = body.get("ResponseMetadata")
    if type(meta) is dict:
        return bedrock.read_response(body, meta)
    if "inputTextTokenCount" in body and not body.keys().isdisjoint(("results", "embedding", "embeddingsByType")):
        return bedrock.read_titan(body)
    if "prompt_token_count" in body and "generation" in body:
        return bedrock.read_llama(body)
    meta = body.get("meta")
    if meta is not None and "billed_units" in fields_of(meta):
        return cohere.read_cohere(body, fields_of(meta))
    if is_usage(body):
        return read_usage({}, body)
    return langchain.read_held(body)


def is_usage(body: dict[str, Any]) -> bool:
    """Whether a dictionary is itself a usage object: it counts input and output, in names that belong together."""
    pairs = (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"), ("inputTokens", "outputTokens"))
    return any(count(body.get(one)) is not None and count(body.get(other)) is not None for one, other in pairs)


def _counted(reading: Reading) -> Reading | None:
    return reading if reading.has_usage else None
