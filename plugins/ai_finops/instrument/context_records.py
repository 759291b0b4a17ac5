"""Which of the retrieved documents an answer draws on: as the application knows it, or estimated from texts that stay here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from ai_finops.context_use import MAX_CHARACTERS, METHOD_ID, estimate_uses
from ai_finops.instrument.deferred import end_later
from ai_finops.instrument.documents import MAX_DOCUMENTS, id_of, read_documents
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.record_spans import guarded, start

SPAN = "finops.context_use"


@guarded
def record_context_use(
    cited: Iterable[object] | None = None,
    *,
    answer: str | None = None,
    documents: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    question: str = "",
    uses: Mapping[str, float] | None = None,
    method: str | None = None,
    token_counts: Mapping[str, int] | None = None,
) -> None:
    """Record, once the answer is there, which documents it draws on: on a span of its own in the trace of the retrieval.

    Of the three ways the strongest that you have: `cited`; `uses`, scores of your own; or `answer` and `documents`, from whose
    texts scores are estimated on another thread (`ai_finops.context_use`). The texts stay in this process.

    Args:
        cited: Ids of the documents that the answer cites, as in `record_retrieval`. An empty list: it draws on none.
        answer: What was answered.
        documents: Texts of all that was retrieved, by id.
        question: What was asked; words of it count less.
        uses: From 0 to 1 by id; 0.5 and more means used.
        method: Name of what made `uses`; under it its agreement is kept (seed `metric_validations`).
        token_counts: Tokens of each document in the prompt, by id, where they are known.
    """
    if not trace.get_current_span().get_span_context().is_valid:
        count_loss("context_use_without_trace")
        return
    tokens = dict(token_counts or {})
    said: dict[str, AttributeValue] = {}
    if cited is not None:
        said["finops.cited_document_ids"] = json.dumps(
            [each.id for each in read_documents(cited) if each.id is not None]
        )
    if uses is not None or (tokens and answer is None):
        said |= _uses({} if uses is None else uses, tokens, method)
    span = start(SPAN, said)
    if uses is None and answer is not None and documents is not None and span.is_recording():
        _estimate_later(span, answer, _texts(documents), question, tokens)
    else:
        span.end()


def _estimate_later(
    span: Span, answer: str, texts: list[tuple[str, str]], question: str, tokens: Mapping[str, int]
) -> None:
    def work() -> dict[str, AttributeValue]:
        scores = estimate_uses(answer, documents=[text for _, text in texts], question=question)
        return _uses(dict(zip([each for each, _ in texts], scores, strict=True)), tokens, METHOD_ID)

    end_later(span, work, byte_count=sum(len(text) for _, text in texts) + len(answer) + len(question))


def _texts(documents: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    pairs: Iterable[tuple[Any, Any]] = documents.items() if isinstance(documents, Mapping) else documents
    named = ((id_of(each), text) for each, text in pairs)
    return [(each, str(text)[:MAX_CHARACTERS]) for each, text in named if each is not None][:MAX_DOCUMENTS]


def _uses(scores: Mapping[str, float], tokens: Mapping[str, int], method: str | None) -> dict[str, AttributeValue]:
    """A list of {id, use_score, token_count}, each number only where it is known."""
    listed = [
        {"id": each}
        | ({"use_score": round(float(scores[each]), 4)} if each in scores else {})
        | ({"token_count": int(tokens[each])} if each in tokens else {})
        for each in [*scores, *(each for each in tokens if each not in scores)]
    ]
    said: dict[str, AttributeValue] = {
        "finops.document_uses": json.dumps(listed[:MAX_DOCUMENTS], separators=(",", ":"))
    }
    return said | ({"finops.document_use_method": method} if method is not None else {})
