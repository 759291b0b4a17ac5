"""Cohere's bodies: what is billed, in tokens or in searches of a reranker."""

from __future__ import annotations

from typing import Any

from ai_finops.instrument.readers.counts import count, including
from ai_finops.instrument.readers.parts import fields_of, first, text
from ai_finops.instrument.reading import Reading


def read_cohere(body: dict[str, Any], usage: dict[str, Any]) -> Reading | None:
    """Read an answer by the usage beside it: `tokens` are those of the model, `billed_units` what was charged.

    Billed units leave cached tokens and Cohere's own prompt out. They are what the price list is for, so they win.
    """
    billed, tokens = fields_of(usage.get("billed_units")), fields_of(usage.get("tokens"))
    said = billed if "input_tokens" in billed or "output_tokens" in billed else tokens
    units = count(_whole(billed.get("search_units")))
    counts = including(_whole(said.get("input_tokens")), None, None, None, _whole(said.get("output_tokens")), None)
    if units is None and counts[0] is None and counts[4] is None:
        return None
    return Reading(
        "cohere",
        _operation(body, billed),
        None,
        text(body.get("model")),
        text(body.get("id")),
        None,
        None,
        text(body.get("finish_reason")),
        *counts,
        units,
        None,
    )


def _whole(said: object) -> object:
    """Return a whole number as one: Cohere's SDK has its counts as floats."""
    return int(said) if type(said) is float and said.is_integer() else said


def _operation(body: dict[str, Any], billed: dict[str, Any]) -> str:
    if "embeddings" in body or ("output_tokens" not in billed and "input_tokens" in billed):
        return "embeddings"
    is_reranked = "search_units" in billed or "relevance_score" in fields_of(first(body.get("results")))
    return "rerank" if is_reranked else "chat"
