"""What each metric is called, what it is made of and in which unit it stands, the same in the message and on the page.

The quotients are those of docs/metrics.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MadeOf:
    """A metric's name for people, and its quotient."""

    name: str
    numerator: str
    denominator: str
    part_kind: str = "number"
    """Unit of both, as of a column: `usd`, or `number` for what is counted."""
    kind: str = "ratio"
    """Unit of the value: `ratio`, a share in per cent, or `times`, a quotient that may well be above one."""

    @property
    def words(self) -> str:
        """The quotient: `output tokens ÷ input tokens`."""
        return f"{self.numerator} ÷ {self.denominator}"


METRICS = {
    "token_amplification": MadeOf("Output per input token", "output tokens", "input tokens", kind="times"),
    "routing_mix_call_ratio": MadeOf("Calls by model tier", "calls of the tier", "calls of all tiers"),
    "routing_mix_spend_ratio": MadeOf("Cost by model tier", "cost of the tier", "cost of all tiers", "usd"),
    "retrieval_hit_document_ratio": MadeOf(
        "Retrieved documents used", "documents that an answer draws on", "retrieved documents"
    ),
    "retrieval_hit_query_ratio": MadeOf(
        "Retrievals of use", "retrievals with a document that an answer draws on", "retrievals"
    ),
    "unused_document_cost_ratio": MadeOf(
        "Cost of unused documents",
        "input cost of documents that no answer draws on",
        "input cost of calls with documents",
        "usd",
    ),
    "reranker_change_ratio": MadeOf(
        "Reranks that change the top", "reranks that change the top", "reranks that tell both orders"
    ),
    "reranker_hit_before_ratio": MadeOf(
        "Cited document on top before reranking",
        "reranks with a cited document in the top before",
        "reranks of traces that cite one",
    ),
    "reranker_hit_after_ratio": MadeOf(
        "Cited document on top after reranking",
        "reranks with a cited document in the top after",
        "reranks of traces that cite one",
    ),
    "prompt_cache_read_ratio": MadeOf(
        "Input read from the prompt cache", "input tokens read from the cache", "input tokens"
    ),
    "prompt_prefix_ratio": MadeOf(
        "Prompts that begin alike", "tokens of blocks that an earlier prompt began with", "tokens of all blocks"
    ),
    "cache_hit_ratio": MadeOf("Queries alike to an earlier one", "queries with one so alike before", "queries"),
    "cache_right_hit_ratio": MadeOf(
        "Queries a cache could answer", "queries that an earlier answer would be right for", "queries"
    ),
    "repeated_query_ratio": MadeOf(
        "Queries asked again", "queries that their user had just asked", "queries of known users"
    ),
    "retried_call_ratio": MadeOf("Retried calls", "calls after a failed one", "calls"),
    "routing_escalation_ratio": MadeOf(
        "Escalated routing decisions", "decisions that escalated", "decisions that could"
    ),
    "weekly_cost_to_projection_ratio": MadeOf(
        "Cost against projection", "cost of the week", "the projection of its Monday", part_kind="usd", kind="times"
    ),
    "feature_cost_share_ratio": MadeOf("Feature's share of cost", "cost of the feature", "cost of all", "usd"),
}

_SLICES = {
    "tier": ("", " tier"),
    "task_type": ("", " tasks"),
    "evidence": ("by ", ""),
    "top_k": ("top ", ""),
    "window_s": ("within ", " s"),
}
"""What stands before and after a slice's value, by what it is sliced by."""


def name_of(metric: str) -> str:
    """Return what people call a metric: `Calls by model tier`; one without an entry goes by its id, as words."""
    if metric in METRICS:
        return METRICS[metric].name
    words = metric.removesuffix("_ratio").replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


def slice_words(dimension: str) -> str:
    """Return what people call a slice: `cheap tier` for `tier=cheap`; nothing where it is all of a metric.

    An embedder, which is told by its id, stands behind the rest: `similarity 0.92 (minilm-l6-v2)`.
    """
    if dimension == "all":
        return ""
    # A value that a service sent may have a blank in it.
    parts = dict(part.partition("=")[::2] for part in re.split(r" (?=\w+=)", dimension))
    embedder = parts.pop("embedder", None)
    words = ", ".join(_part_words(name, value) for name, value in parts.items())
    return f"{words} ({embedder})" if words and embedder else words or embedder or dimension


def _part_words(name: str, value: str) -> str:
    if (name, value) == ("similarity", "exact"):
        return "same words"
    before, after = _SLICES.get(name, (f"{name.replace('_', ' ')} ", ""))
    return f"{before}{value.replace('_', ' ')}{after}".strip()


def kind_of(metric: str) -> str:
    """Return the unit in which a metric's value and its bounds stand; of one without an entry, a plain number."""
    return METRICS[metric].kind if metric in METRICS else "number"


def value_words(metric: str, value: float) -> str:
    """Write a value or a bound in the metric's unit: `70%`, `41.2%`, `0.88×`."""
    kind = kind_of(metric)
    if kind == "ratio":
        return f"{value:.1%}".replace(".0%", "%")
    return f"{value:.2f}×" if kind == "times" else f"{value:.2f}"
