"""The spans of a call as OpenInference writes them: a chat is a trace of CHAIN over EMBEDDING, RETRIEVER, RERANKER and LLM.

Names and types follow recordings of the library. The query's text stands where OpenInference puts it, so that a reader of
these spans has something to leave out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

from ai_finops.demo.call_rows import Call
from ai_finops.demo.otlp import INTERNAL, STATUS_OK, Span, Value, hex_id
from ai_finops.demo.span_parts import Surroundings, call_span, finops_attributes, numbered, span_around

_OPENINFERENCE = ("openinference.instrumentation.bedrock", "0.1.61")
_OPENINFERENCE_CHAIN = ("openinference.instrumentation.langchain", "0.1.61")
_RETRIEVAL_TIME = timedelta(milliseconds=40)


def openinference_spans(call: Call, around: Surroundings) -> list[Span]:
    """Render a call as OpenInference does; a chat with children brings its CHAIN and RETRIEVER spans along."""
    children = around.children.get(call.call_number, ())
    is_part_of_chain = bool(children) or call.parent_call_number is not None
    parent_id = hex_id("chain", call.root_call_number, length=16) if is_part_of_chain else ""
    name, attributes = _OPENINFERENCE_KINDS[call.operation_name](call, around)
    attributes |= _openinference_shared(call)
    if call.operation_name == "chat" and not children:
        attributes |= _said_query(call, around)
    spans = [call_span(call, _OPENINFERENCE, name, INTERNAL, attributes, parent_id=parent_id, ok_status=STATUS_OK)]
    if children:
        started_at = min(call.started_at, *(child.started_at for child in children))
        chain = {
            "openinference.span.kind": "CHAIN",
            **_query_input(call, around),
            **_said_query(call, around),
            **_openinference_shared(call),
        }
        spans.append(span_around(call, _OPENINFERENCE_CHAIN, call.pipeline_id, parent_id, chain, started_at=started_at))
        spans += _retriever_spans(call, children, around, parent_id=parent_id)
    return spans


def _llm(call: Call, around: Surroundings) -> tuple[str, dict[str, Value]]:
    attributes: dict[str, Value] = {
        "openinference.span.kind": "LLM",
        "llm.provider": "aws",
        "llm.model_name": call.request_model,
        **_query_input(call, around),
    }
    if call.shows_usage:
        attributes |= {
            "llm.token_count.prompt": call.uncached_input_tokens,
            "llm.token_count.completion": call.output_tokens,
            "llm.token_count.total": call.input_tokens + call.output_tokens,
            "llm.token_count.prompt_details.cache_read": call.cache_read_input_tokens,
            "llm.token_count.prompt_details.cache_write": call.cache_write_5m_input_tokens,
            "llm.finish_reason": "end_turn",
        }
    return "bedrock.converse", attributes


def _embedding(call: Call, around: Surroundings) -> tuple[str, dict[str, Value]]:
    attributes: dict[str, Value] = {
        "openinference.span.kind": "EMBEDDING",
        "llm.provider": "aws",
        "embedding.model_name": call.request_model,
    }
    if text := around.queries.get(call.query_number):
        attributes["embedding.embeddings.0.embedding.text"] = text
    if call.shows_usage:
        attributes |= {"llm.token_count.prompt": call.input_tokens, "llm.token_count.total": call.input_tokens}
    return "bedrock.invoke_model", attributes


def _reranker(call: Call, around: Surroundings) -> tuple[str, dict[str, Value]]:
    attributes: dict[str, Value] = {
        "openinference.span.kind": "RERANKER",
        "llm.provider": "aws",
        "reranker.model_name": call.request_model,
    }
    if text := around.queries.get(call.query_number):
        attributes["reranker.query"] = text
    if rerank := around.reranks.get(call.rerank_number):
        documents = rerank.documents
        attributes["reranker.top_k"] = len(documents)
        before = [(doc, score) for doc, _, _, score in sorted(documents, key=lambda d: d[1])]
        # The recorded runs keep the new order but not the reranker's own scores: the order is turned into falling ones.
        after = [(d[0], 1 - i / len(documents)) for i, d in enumerate(sorted(documents, key=lambda d: d[2]))]
        attributes |= _documents("reranker.input_documents", before)
        if not call.is_error:
            attributes |= _documents("reranker.output_documents", after)
    return "bedrock.rerank", attributes


_OPENINFERENCE_KINDS: dict[str, Callable[[Call, Surroundings], tuple[str, dict[str, Value]]]] = {
    "chat": _llm,
    "embeddings": _embedding,
    "rerank": _reranker,
}


def _retriever_spans(call: Call, children: Sequence[Call], around: Surroundings, *, parent_id: str) -> list[Span]:
    spans = []
    for child in children:
        rerank = around.reranks.get(child.rerank_number)
        if child.operation_name != "rerank" or rerank is None:
            continue
        before = [(doc, score) for doc, _, _, score in sorted(rerank.documents, key=lambda d: d[1])]
        attributes = {
            "openinference.span.kind": "RETRIEVER",
            **_query_input(call, around),
            **_documents("retrieval.documents", before),
            **_openinference_shared(call),
        }
        span = span_around(
            call, _OPENINFERENCE_CHAIN, "retrieve", hex_id("retriever", child.call_number, length=16), attributes
        )
        started_at = child.started_at - _RETRIEVAL_TIME
        spans.append(span._replace(parent_span_id=parent_id, started_at=started_at, ended_at=child.started_at))
    return spans


def _documents(prefix: str, scored: Sequence[tuple[str, float]]) -> dict[str, Value]:
    attributes: dict[str, Value] = {}
    for number, (document, score) in enumerate(scored):
        attributes[f"{prefix}.{number}.document.id"] = document
        attributes[f"{prefix}.{number}.document.score"] = float(score)
    return attributes


def _query_input(call: Call, around: Surroundings) -> dict[str, Value]:
    text = around.queries.get(call.query_number)
    if text is None:
        return {}
    messages = json.dumps([{"role": "user", "content": [{"text": text}]}])
    return {"input.value": messages, "input.mime_type": "application/json"}


def _said_query(call: Call, around: Surroundings) -> dict[str, Value]:
    """What this team sends knowingly, so that a cache can be measured without the text."""
    said = around.said_queries.get(call.query_number)
    if said is None:
        return {}
    return {
        "finops.query_fingerprint": said.fingerprint,
        "finops.query_embedding": said.embedding,
        "finops.query_embedder": said.embedder_id,
    }


def _openinference_shared(call: Call) -> dict[str, Value]:
    return {
        **finops_attributes(call),
        **numbered("session.id", "journey", call.journey_number),
        **numbered("user.id", "user", call.user_number),
    }
