"""What a product says of its retrievals, reranks, answers and queries, beside its model calls: ids, numbers, hashes."""

from __future__ import annotations

from ai_finops.instrument.context_records import record_context_use
from ai_finops.instrument.deferred import flush_deferred
from ai_finops.instrument.query_records import (
    query_fingerprint,
    query_span,
    record_prompt_blocks,
    record_query,
)
from ai_finops.instrument.retrieval_records import record_rerank, record_retrieval

__all__ = [
    "flush_deferred",
    "query_fingerprint",
    "query_span",
    "record_context_use",
    "record_prompt_blocks",
    "record_query",
    "record_rerank",
    "record_retrieval",
]
