"""Spans of retrievals and reranks: ids, scores and order of documents, never their texts or the query's."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from ai_finops.instrument.documents import Document, as_maps, read_documents
from ai_finops.instrument.handle import current_call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.names import name_or_none
from ai_finops.instrument.price import estimate_cost_usd
from ai_finops.instrument.query_records import record_query_once
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.record_spans import Block, guarded

NAMES_SETTING = "AI_FINOPS_RETRIEVAL_NAMES"
"""`openinference` for OpenInference's attribute names; the GenAI conventions' (and `finops.rerank.*`) without it."""
MAX_FLATTENED = 48
"""Documents of a span in OpenInference's names, two attributes each: an SDK keeps 128 of a span and drops the first ones."""
_S_PER_DAY = 86_400


class RetrievalBlock(Block):
    """A retrieval while it runs; `found` says what it gave."""

    def __init__(self, query: str | None, top_k: int | None, data_source: str | None) -> None:
        said = {"gen_ai.retrieval.top_k": top_k, "gen_ai.data_source.id": name_or_none(data_source)}
        super().__init__("retrieval", lambda: _kind("retrieval", "RETRIEVER") | _known(said))
        self._query = query
        self._documents: Iterable[object] | None = None

    def __enter__(self) -> RetrievalBlock:
        """Start the span; the query is said on the span around it."""
        record_query_once(self._query)
        return super().__enter__()

    def found(self, documents: Iterable[object]) -> None:
        """Say what was found: ids, (id, score), mappings or objects with `id` and `score`."""
        self._documents = documents

    def _finish(self, span: Span) -> None:
        if self._documents is not None and span.is_recording():
            span.set_attributes(_retrieved(read_documents(self._documents)))
        span.end()


class RerankBlock(Block):
    """A rerank while it runs; `ranked` says the order that it gave."""

    def __init__(
        self,
        before: Iterable[object] | None,
        *,
        model: str | None,
        top_k: int | None,
        search_units: int | None,
        query: str | None,
        provider: str | None,
    ) -> None:
        self._model = name_or_none(model)
        self._search_units = search_units
        self._query = query
        self._given = before
        self._after: Iterable[object] | None = None
        said = {
            "gen_ai.request.model": self._model,
            "gen_ai.provider.name": name_or_none(provider),
            "reranker.top_k" if _is_flattened() else "gen_ai.rerank.top_n": top_k,
        }
        super().__init__(f"rerank {self._model or ''}".strip(), lambda: _kind("rerank", "RERANKER") | _known(said))

    def __enter__(self) -> RerankBlock:
        """Start the span; the query is said on the span around it."""
        record_query_once(self._query)
        return super().__enter__()

    def ranked(self, after: Iterable[object], *, search_units: int | None = None) -> None:
        """Say the order after: as of a retrieval, or places in the list before (`index`), as Cohere and Bedrock answer."""
        self._after = after
        self._search_units = search_units if search_units is not None else self._search_units

    def _finish(self, span: Span) -> None:
        if span.is_recording():
            before = read_documents(self._given or ())
            after = None if self._after is None else read_documents(self._after, before=before)
            span.set_attributes(_reranked(before, after) | self._cost())
        span.end()

    def _cost(self) -> dict[str, AttributeValue]:
        if self._search_units is None:
            return {"finops.usage_gap": "no_search_units"}
        reading = Reading(operation_name="rerank", search_units=self._search_units)
        cost, gap = estimate_cost_usd(reading, model=self._model, day_number=int(time.time()) // _S_PER_DAY)
        return _known(
            {
                "gen_ai.usage.search_units": self._search_units,
                "finops.estimated_cost_usd": cost,
                "finops.currency": None if cost is None else "USD",
                "finops.cost_gap": gap,
            }
        )


def record_retrieval(
    documents: Iterable[object] | None = None,
    *,
    query: str | None = None,
    top_k: int | None = None,
    data_source: str | None = None,
) -> RetrievalBlock:
    """Record a retrieval: what it found, in its order.

    With `documents` it is recorded at once. Without them it is a block, which is timed, and whose calls lie below it:
    `with record_retrieval(query=question, top_k=8) as retrieval: retrieval.found(index.search(question))`.

    Args:
        documents: Ids; (id, score); mappings or objects with `id` and `score`. Of their texts nothing is read.
        query: What was searched for; see `record_query` for what is made of it, on the span around the retrieval.
        top_k: Documents asked for.
        data_source: Id of the index or the knowledge base.
    """
    block = RetrievalBlock(query, top_k, data_source)
    if documents is not None:
        with block:
            block.found(documents)
    return block


def record_rerank(
    before: Iterable[object] | None = None,
    after: Iterable[object] | None = None,
    *,
    model: str | None = None,
    top_k: int | None = None,
    search_units: int | None = None,
    query: str | None = None,
    provider: str | None = None,
) -> RerankBlock:
    """Record a rerank: the order of its documents before and after.

    With `after` it is recorded at once; without it is a block:
    `with record_rerank(found, model="cohere.rerank-v3-5:0", search_units=1) as rerank: rerank.ranked(answer["results"])`.
    In a function with `@track_llm_cost(operation="rerank")` the orders are written on that call's span, and no other is made.

    Args:
        before: Documents as they were given to the reranker, as of `record_retrieval`.
        after: The same as it ordered them, or its results with places (`index`) and scores.
        model: The reranker. A call of it is counted, and priced where the price of its search units is known.
        top_k: Documents asked for.
        search_units: What the provider counts, of 100 documents at most each. Unknown stays unknown.
        query: See `record_retrieval`.
        provider: As in `gen_ai.provider.name`.
    """
    block = RerankBlock(before, model=model, top_k=top_k, search_units=search_units, query=query, provider=provider)
    if after is not None and not _add_to_call(before, after, query=query):
        with block:
            block.ranked(after)
    return block


@guarded
def _add_to_call(before: Iterable[object] | None, after: Iterable[object], *, query: str | None) -> bool:
    """Write the orders on the span of a decorated rerank that runs here: as a call of its own it would count twice."""
    span = trace.get_current_span()
    if current_call().call.operation_name != "rerank" or not span.is_recording():
        return False
    record_query_once(query)
    documents = read_documents(before or ())
    span.set_attributes(_reranked(documents, read_documents(after, before=documents)))
    return True


def _kind(operation: str, kind: str) -> dict[str, AttributeValue]:
    return {"gen_ai.operation.name": operation} | ({"openinference.span.kind": kind} if _is_flattened() else {})


def _is_flattened() -> bool:
    return os.environ.get(NAMES_SETTING, "").strip().lower() == "openinference"


def _retrieved(documents: Sequence[Document]) -> dict[str, AttributeValue]:
    if _is_flattened():
        return _flattened("retrieval.documents", documents, most=MAX_FLATTENED)
    return {"gen_ai.retrieval.documents": _json(documents)}


def _reranked(before: Sequence[Document], after: Sequence[Document] | None) -> dict[str, AttributeValue]:
    said: dict[str, AttributeValue] = {"gen_ai.rerank.candidate.count": len(before)} if before else {}
    lists = {"input_documents": before, "output_documents": after}
    for name, documents in lists.items():
        if documents is None:
            continue
        if _is_flattened():
            said |= _flattened(f"reranker.{name}", documents, most=MAX_FLATTENED // 2)
        else:
            said[f"finops.rerank.{name}"] = _json(documents)
    return said


def _json(documents: Iterable[Document]) -> str:
    # Text and no list of maps: exporters and backends that know no structured attributes carry it too.
    return json.dumps(as_maps(documents), separators=(",", ":"))


def _flattened(prefix: str, documents: Sequence[Document], *, most: int) -> dict[str, AttributeValue]:
    if len(documents) > most:
        count_loss("documents_cut", count=len(documents) - most)
    return {
        f"{prefix}.{place}.document.{name}": value
        for place, document in enumerate(as_maps(documents[:most]))
        for name, value in document.items()
    }  # type: ignore[return-value]


def _known(said: Mapping[str, Any]) -> dict[str, AttributeValue]:
    return {name: value for name, value in said.items() if value is not None}
