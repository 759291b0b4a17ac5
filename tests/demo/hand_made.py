"""Samples written by hand, and how to read what was delivered of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from ai_finops.demo.sample_schemas import SCHEMAS

SONNET_4 = "us.anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU = "us.anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA_LITE = "amazon.nova-lite-v1:0"
TITAN_EMBED = "amazon.titan-embed-text-v2:0"
RERANK = "cohere.rerank-v3-5:0"


@dataclass(frozen=True)
class HandMade:
    """A sample written in a test."""

    calls: pa.Table
    queries: pa.Table
    reranks: pa.Table
    shadow: pa.Table


def at(text: str) -> datetime:
    """Read `2025-06-02 10:00:00` as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def call(number: int, started_at: str, **changes) -> dict:
    """Return a row of `calls`: an ordinary instrumented summary by Sonnet 4 that took 2 seconds, but for `changes`."""
    return {
        "call_number": number,
        "started_at": at(started_at),
        "duration_ms": 2000,
        "service_name": "docs-api",
        "feature_id": "document_summarization",
        "pipeline_id": "summarize",
        "task_type": "summarization",
        "operation_name": "chat",
        "provider_name": "aws.bedrock",
        "request_model": SONNET_4,
        "uncached_input_tokens": 1000,
        "cache_read_input_tokens": 0,
        "cache_write_5m_input_tokens": 0,
        "output_tokens": 100,
        "search_units": None,
        "has_usage": True,
        "is_instrumented": True,
        "is_error": False,
        "parent_call_number": None,
        "user_number": 7,
        "journey_number": 8,
        "prompt_version": "v1",
        "query_number": None,
        "rerank_number": None,
        "landing_delay_s": 0,
        "delivery_count": 1,
    } | changes


def sample_of(*calls: dict, queries: tuple = (), reranks: tuple = (), shadow: tuple = ()) -> HandMade:
    """Return a sample with these rows."""
    rows = {"calls": calls, "queries": queries, "reranks": reranks, "shadow": shadow}
    return HandMade(**{name: pa.Table.from_pylist(list(rows[name]), schema=SCHEMAS[name]) for name in rows})


def support_chat(number: int = 10, started_at: str = "2025-06-02 10:00:05") -> tuple[dict, ...]:
    """Return a support chat and its embedding and rerank, one and two numbers up."""
    shared = {
        "service_name": "support-api",
        "feature_id": "support_chat",
        "pipeline_id": "rag_answer",
        "task_type": "chat",
    }
    shared |= {"query_number": 1}
    child = {**shared, "parent_call_number": number, "duration_ms": 200, "output_tokens": 0}
    second = at(started_at).second
    return (
        call(number, started_at, **shared, cache_read_input_tokens=300, cache_write_5m_input_tokens=50),
        call(
            number + 1,
            f"{started_at[:-2]}{second - 2:02d}",
            **child,
            operation_name="embeddings",
            request_model=TITAN_EMBED,
            uncached_input_tokens=12,
        ),
        call(
            number + 2,
            f"{started_at[:-2]}{second - 1:02d}",
            **child,
            operation_name="rerank",
            request_model=RERANK,
            uncached_input_tokens=0,
            search_units=1,
            rerank_number=1,
        ),
    )


QUERY = {"query_number": 1, "text": "Where is my card?", "intent": "card_arrival"}
RERANK_ROW = {
    "rerank_number": 1,
    "docid": ["501", "502"],
    "rank_before": [1, 2],
    "rank_after": [2, 1],
    "score_before": [0.75, 0.5],
    "relevance": [0, 3],
}


def json_spans(body: bytes) -> list[dict]:
    """Return the spans of an OTLP JSON request, attributes as a plain dict of OTLP values."""
    spans = []
    for resource_spans in json.loads(body)["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                attributes = {entry["key"]: entry["value"] for entry in span["attributes"]}
                spans.append(span | {"attributes": attributes, "scope": scope_spans["scope"]["name"]})
    return spans
