"""What was recorded by others, and what was really used: fixtures `otlp_replay` and `langfuse_otlp`."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures"
REPLAYED = ("semconv", "openllmetry", "openinference")
FRAMEWORKS = tuple(path.name.removesuffix(".otlp.json") for path in sorted((FIXTURES / "langfuse_otlp").glob("*.json")))
CLASSES = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_write_5m_input_tokens",
    "cache_write_1h_input_tokens",
    "output_tokens",
)
SDK = "com.anthropic.sdk.python"
"""Writes a span of its own beside the instrumentation's."""

NOT_SAID = {("semconv", (125, 1024, 0, 0, 261)): (1149, 0, 0, 0, 261)}
"""What is read where a library does not say what was cached: OpenTelemetry's OpenAI instrumentation never does."""
WITHOUT_USAGE = {"openllmetry": "opentelemetry.instrumentation.bedrock"}
"""A library of each replay whose spans carry no usage."""

FRAMEWORK_CALLS = {
    # The framework's span carries no usage, and the SDK's, which did, has lost its attributes.
    "agno-2025-06-11": {"b38a82eaa62b551e": None, "ca136de468e156c9": None},
    "google-adk-2025-08-28": {"bded677884f031ce": (39, 0, 0, 0, 6), "f6e4c65297e40c96": (28, 0, 0, 0, 3)},
    # Two calls, of which no span says anything.
    "langgraph-python-2025-08-22": {},
    "llamaindex-2025-06-05": {"7ca8b22f6628d0c7": (13, 0, 0, 0, 81)},
    "openai-agents-2025-09-30": {"90d94774e8e3724d": (85, 0, 0, 0, 29), "98870087af69bf06": (55, 0, 0, 0, 15)},
    "pydantic-ai-2025-06-06": {"5cb389a3bdd21a6e": (31, 0, 0, 0, 96)},
    "vercel-aisdk-2025-11-17": {"91a17a2274bfd23f": (62, 0, 0, 0, 85)},
}
"""The calls of each framework's trace by span id, with the usage that Langfuse was told; None where no span tells it."""
NOT_A_CALL = {
    ("agno-2025-06-11", "fc7f61b57ecebbaf"): "the call of b38a82eaa62b551e, in a span without attributes",
    ("agno-2025-06-11", "1f883bb9668167c0"): "the call of ca136de468e156c9, in a span without attributes",
    ("langgraph-python-2025-08-22", "4f6535aaebcda355"): "a call, in a span without attributes",
    ("langgraph-python-2025-08-22", "5ba09605e0929d78"): "a call, in a span without attributes",
    (
        "vercel-aisdk-2025-11-17",
        "1dc6768109615657",
    ): "the outer span of 91a17a2274bfd23f, with tokens that Langfuse estimated",
}
"""Rows of Langfuse's truth with usage that are not a call of their own, or that no span shows."""


def replay(name: str) -> dict:
    """Return the export request of one replay."""
    return json.loads((FIXTURES / "otlp_replay" / f"{name}.otlp.json").read_text())


def framework(name: str) -> dict:
    """Return the export requests of one framework's trace as one."""
    return json.loads((FIXTURES / "langfuse_otlp" / f"{name}.otlp.json").read_text())


def replay_truth(name: str) -> dict[str, tuple]:
    """Return the five classes by trace id, from the provider's own usage object."""
    with (FIXTURES / "otlp_replay" / f"{name}.truth.csv").open() as file:
        return {row["trace_id"]: _classes(row["kind"], json.loads(row["usage"])) for row in csv.DictReader(file)}


def replay_models(name: str) -> dict[str, tuple[str, str]]:
    """Return the model that was asked for and the one that answered, by trace id."""
    with (FIXTURES / "otlp_replay" / f"{name}.truth.csv").open() as file:
        return {row["trace_id"]: (row["request_model"], row["response_model"]) for row in csv.DictReader(file)}


def framework_truth() -> dict[tuple[str, str], tuple[int, int]]:
    """Return input and output tokens by file and span id for each row with usage."""
    with (FIXTURES / "langfuse_otlp" / "truth.csv").open() as file:
        return {
            (row["file"], row["span_id"]): (int(row["input_usage"]), int(row["output_usage"]))
            for row in csv.DictReader(file)
            if int(row["total_usage"])
        }


ID_ATTRIBUTES = ("gen_ai.response.id", "anthropic.request.id", "aws.request_id", "output.value")


def without_ids(request: dict) -> dict:
    """Return the request in other traces (`renamed`) and without anything that names the provider's response or request."""
    return {
        "resourceSpans": [
            {
                **resource_spans,
                "scopeSpans": [
                    {**scope_spans, "spans": [_without_ids(span) for span in scope_spans["spans"]]}
                    for scope_spans in resource_spans["scopeSpans"]
                ],
            }
            for resource_spans in request["resourceSpans"]
        ]
    }


def renamed(trace_id: str) -> str:
    """Return the trace id that `without_ids` gives."""
    return f"{int(trace_id, 16) ^ (0xFFFF << 112):032x}"


def _without_ids(span: dict) -> dict:
    kept = [each for each in span.get("attributes", ()) if each["key"] not in ID_ATTRIBUTES]
    return {**span, "traceId": renamed(span["traceId"]), "attributes": kept}


def only(request: dict, *, scope: str, is_wanted: bool) -> dict:
    """Return the request with only the spans of one library, or without them."""
    return {"resourceSpans": list(_resource_spans(request, scope=scope, is_wanted=is_wanted))}


def _resource_spans(request: dict, *, scope: str, is_wanted: bool) -> Iterator[dict]:
    for resource_spans in request["resourceSpans"]:
        chosen = [each for each in resource_spans["scopeSpans"] if (each["scope"]["name"] == scope) is is_wanted]
        if chosen:
            yield {**resource_spans, "scopeSpans": chosen}


def _classes(kind: str, usage: dict) -> tuple:
    if kind.startswith("bedrock"):
        return usage["inputTokens"], usage.get("cacheReadInputTokens", 0), 0, 0, usage["outputTokens"]
    if kind.startswith("anthropic"):  # input without cached tokens
        written = usage.get("cache_creation") or {}
        five, hour = (written.get(f"ephemeral_{life}_input_tokens", 0) for life in ("5m", "1h"))
        assert five + hour == (usage.get("cache_creation_input_tokens") or 0)
        return usage["input_tokens"], usage.get("cache_read_input_tokens") or 0, five, hour, usage["output_tokens"]
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0  # part of the prompt tokens
    return usage["prompt_tokens"] - cached, cached, 0, 0, usage.get("completion_tokens", 0)
