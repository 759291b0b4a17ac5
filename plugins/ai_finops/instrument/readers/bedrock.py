"""Bedrock: Converse's answers, InvokeModel's headers and the bodies of models that speak no other provider's shape.

Converse and the headers count cached tokens beside the input. A body that is still a stream is the caller's to read.
"""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.readers.counts import beside, count, written_in_all
from ai_finops.instrument.readers.parts import NOTHING, first, text
from ai_finops.instrument.reading import Reading

BEDROCK = "aws.bedrock"
METRICS = "amazon-bedrock-invocationMetrics"
"""In the last part of a stream of InvokeModelWithResponseStream."""
_HEADER = "x-amzn-bedrock-"
_reading: Any = tuple.__new__
"""Of all fields in order, in half the time of its own constructor."""


def read_converse(body: dict[str, Any], usage: dict[str, Any]) -> Reading:
    """Read an answer of Converse, or of Nova through InvokeModel, which spells some counts otherwise."""
    read, written = usage.get("cacheReadInputTokens"), usage.get("cacheWriteInputTokens")
    if read is None:
        read = usage.get("cacheReadInputTokenCount")
    if written is None:
        written = usage.get("cacheWriteInputTokenCount")
    details = usage.get("cacheDetails")
    for_minutes = for_an_hour = None
    if details:
        for_minutes, for_an_hour = _kept(details, "5m"), _kept(details, "1h")
        written = written_in_all(written, for_minutes, for_an_hour)
    meta = body.get("ResponseMetadata") or NOTHING
    tier, performance, trace = body.get("serviceTier"), body.get("performanceConfig"), body.get("trace")
    request_id, reason, retries = meta.get("RequestId"), body.get("stopReason"), meta.get("RetryAttempts")
    whole, read, written, for_an_hour, output, reasoning = beside(
        usage.get("inputTokens"), read, written, for_an_hour, usage.get("outputTokens"), None
    )
    return _reading(  # spelled out, as this is on the request path: each call of a small function costs as much as ten names
        Reading,
        (
            BEDROCK,
            "chat",
            None,
            None if trace is None else _routed_model(trace),
            None,
            request_id if type(request_id) is str and request_id else None,
            None if tier is None is performance else _tier(tier, performance),
            reason if type(reason) is str and reason else None,
            whole,
            read,
            written,
            for_an_hour,
            output,
            reasoning,
            None,
            retries if type(retries) is int and retries >= 0 else None,
        ),
    )


def read_metrics(metrics: dict[str, Any]) -> Reading:
    """Read the invocation metrics that Bedrock adds to the end of a stream."""
    return Reading(
        BEDROCK,
        "chat",
        *(None,) * 6,
        *beside(
            metrics.get("inputTokenCount"),
            metrics.get("cacheReadInputTokenCount"),
            metrics.get("cacheWriteInputTokenCount"),
            None,
            metrics.get("outputTokenCount"),
            None,
        ),
    )


def read_response(body: dict[str, Any], meta: dict[str, Any]) -> Reading | None:
    """Read boto3's answer by its metadata alone: InvokeModel's headers, a rerank. A stream, or another service, is None."""
    headers = meta.get("HTTPHeaders")
    if not isinstance(headers, dict) or "EventStream" in (type(body.get(name)).__name__ for name in ("stream", "body")):
        return None
    result = first(body.get("results"))
    if type(result) is dict and "relevanceScore" in result:
        return read_metadata(meta, operation_name="rerank")
    return read_metadata(meta, operation_name=None) if any(name.startswith(_HEADER) for name in headers) else None


def read_metadata(meta: dict[str, Any], *, operation_name: str | None) -> Reading:
    """Read the metadata of boto3's answer from Bedrock: the request, its retries, and the headers that count."""
    headers = meta.get("HTTPHeaders")
    headers = headers if isinstance(headers, dict) else NOTHING
    kinds = ("input", "cache-read-input", "cache-write-input", "output")
    uncached, read, written, output = (_digits(headers.get(f"{_HEADER}{kind}-token-count")) for kind in kinds)
    return Reading(
        BEDROCK,
        operation_name,
        None,
        None,
        None,
        text(meta.get("RequestId")),
        _tier(headers.get(f"{_HEADER}service-tier"), headers.get(f"{_HEADER}performanceconfig-latency")),
        None,
        *beside(uncached, read, written, None, output, None),
        None,
        count(meta.get("RetryAttempts")),
    )


def read_titan(body: dict[str, Any]) -> Reading | None:
    """Read Titan's own body: text, or the embedding of a text."""
    said = count(body["inputTextTokenCount"])
    if "embedding" in body or "embeddingsByType" in body:
        return None if said is None else Reading(BEDROCK, "embeddings", input_tokens=said)
    results = body.get("results")
    parts = [count(part.get("tokenCount")) for part in results if type(part) is dict] if type(results) is list else []
    output = sum(parts) if parts and None not in parts else None  # type: ignore[arg-type]
    if said is None and output is None:
        return None
    result = first(results)
    finish_reason = text(result.get("completionReason")) if type(result) is dict else None
    return Reading(BEDROCK, "text_completion", finish_reason=finish_reason, input_tokens=said, output_tokens=output)


def read_llama(body: dict[str, Any]) -> Reading | None:
    """Read Llama's own body."""
    said, output = count(body["prompt_token_count"]), count(body.get("generation_token_count"))
    if said is None and output is None:
        return None
    finish_reason = text(body.get("stop_reason"))
    return Reading(BEDROCK, "text_completion", finish_reason=finish_reason, input_tokens=said, output_tokens=output)


def _kept(details: object, ttl: str) -> Any:
    """Return the cache writes that are kept for `ttl`, None where none are told."""
    for detail in details if type(details) is list else ():
        if type(detail) is dict and detail.get("ttl") == ttl:
            return detail.get("inputTokens")
    return None


def _routed_model(trace: object) -> str | None:
    router = trace.get("promptRouter") if type(trace) is dict else None
    return text(router.get("invokedModelId")) if type(router) is dict else None


def _tier(tier: object, performance: object) -> str | None:
    """Return the tier that served the call; a call that was optimized for latency has a price of its own."""
    tier = tier.get("type") if type(tier) is dict else tier
    latency = performance.get("latency") if type(performance) is dict else performance
    if latency == "optimized" and tier in (None, "default"):
        return "latency_optimized"
    return text(tier)


def _digits(said: object) -> Any:
    """Return the number in a header, what it says where that is none, and None where it says nothing."""
    return int(said) if type(said) is str and said.isascii() and said.isdigit() and len(said) < 16 else said
