"""What the span dialects share: the tables that a call's spans draw on, and the spans' common frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ai_finops.demo.call_rows import Call
from ai_finops.demo.otlp import INTERNAL, STATUS_ERROR, STATUS_UNSET, Span, Value, hex_id

ERROR_TYPE = "ThrottlingException"


@dataclass(frozen=True, slots=True)
class Rerank:
    """One rerank's documents: (id, rank before, rank after, score before)."""

    documents: tuple[tuple[str, int, int, float], ...]


@dataclass(frozen=True, slots=True)
class SaidQuery:
    """What is sent of a query beside its text: fingerprint and embedding as the product's code makes them."""

    fingerprint: str
    embedding: str
    embedder_id: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a call's spans take from other tables."""

    queries: Mapping[int, str]
    """Query text by query number."""
    said_queries: Mapping[int, SaidQuery]
    """What a product sends of a query, by query number."""
    reranks: Mapping[int, Rerank]
    """Documents by rerank number."""
    children: Mapping[int, Sequence[Call]]
    """Embedding and rerank calls by the number of their chat call."""


JOURNEY_NAMES = {
    "document_summarization": "reading",
    "batch_summarization": "archiving",
    "support_chat": "getting_help",
    "ticket_triage": "getting_help",
    "invoice_extraction": "bookkeeping",
    "onboarding_assistant": "onboarding",
}
"""What users of a feature are doing, as invented as the journeys are; two features serve one kind."""


def finops_attributes(call: Call) -> dict[str, Value]:
    """Return what a team sets on every span of a call, by the decorator or by a span processor."""
    attributes: dict[str, Value] = {
        "finops.feature": call.feature_id,
        "finops.pipeline": call.pipeline_id,
        "finops.task_type": call.task_type,
    }
    if call.prompt_version:
        attributes["finops.prompt_version"] = call.prompt_version
    if call.journey_number is not None and call.feature_id in JOURNEY_NAMES:
        attributes["finops.journey.name"] = JOURNEY_NAMES[call.feature_id]
    return attributes


def numbered(key: str, kind: str, number: int | None) -> dict[str, Value]:
    """Return `key` with a text such as `user-7`, or nothing for no number."""
    return {} if number is None else {key: f"{kind}-{number}"}


def call_span(
    call: Call,
    scope: tuple[str, str],
    name: str,
    kind: int,
    attributes: dict[str, Value],
    *,
    parent_id: str = "",
    ok_status: int = STATUS_UNSET,
) -> Span:
    """Return the span of the call itself; a failed call has an error status and type."""
    if call.is_error:
        attributes = {**attributes, "error.type": ERROR_TYPE}
    return Span(
        scope=scope,
        trace_id=hex_id("trace", call.root_call_number, length=32),
        span_id=hex_id("span", call.call_number, length=16),
        parent_span_id=parent_id,
        name=name,
        kind=kind,
        started_at=call.started_at,
        ended_at=call.ended_at,
        attributes=attributes,
        status_code=STATUS_ERROR if call.is_error else ok_status,
        status_message=ERROR_TYPE if call.is_error else "",
    )


def span_around(
    call: Call,
    scope: tuple[str, str],
    name: str,
    span_id: str,
    attributes: dict[str, Value],
    *,
    started_at: datetime | None = None,
) -> Span:
    """Return a span over the call: same trace, same end, no parent."""
    return Span(
        scope=scope,
        trace_id=hex_id("trace", call.root_call_number, length=32),
        span_id=span_id,
        parent_span_id="",
        name=name,
        kind=INTERNAL,
        started_at=started_at or call.started_at,
        ended_at=call.ended_at,
        attributes=attributes,
    )
