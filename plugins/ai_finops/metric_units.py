"""What each metric is made of and in which unit it stands, the same in the message and on the page.

The quotients are those of docs/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MadeOf:
    """A metric's quotient."""

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
    "token_amplification": MadeOf("output tokens", "input tokens", kind="times"),
    "routing_mix_call_ratio": MadeOf("calls of the tier", "calls of all tiers"),
    "routing_mix_spend_ratio": MadeOf("cost of the tier", "cost of all tiers", "usd"),
    "retrieval_hit_document_ratio": MadeOf("documents that an answer draws on", "retrieved documents"),
    "retrieval_hit_query_ratio": MadeOf("retrievals with a document that an answer draws on", "retrievals"),
    "unused_document_cost_ratio": MadeOf(
        "input cost of documents that no answer draws on", "input cost of calls with documents", "usd"
    ),
    "reranker_change_ratio": MadeOf("reranks that change the top", "reranks that tell both orders"),
    "reranker_hit_before_ratio": MadeOf(
        "reranks with a cited document in the top before", "reranks of traces that cite one"
    ),
    "reranker_hit_after_ratio": MadeOf(
        "reranks with a cited document in the top after", "reranks of traces that cite one"
    ),
    "prompt_cache_read_ratio": MadeOf("input tokens read from the cache", "input tokens"),
    "prompt_prefix_ratio": MadeOf("tokens of blocks that an earlier prompt began with", "tokens of all blocks"),
    "cache_hit_ratio": MadeOf("queries with one so alike before", "queries"),
    "cache_right_hit_ratio": MadeOf("queries that an earlier answer would be right for", "queries"),
    "repeated_query_ratio": MadeOf("queries that their user had just asked", "queries of known users"),
    "retried_call_ratio": MadeOf("calls after a failed one", "calls"),
    "routing_escalation_ratio": MadeOf("decisions that escalated", "decisions that could"),
    "weekly_cost_to_projection_ratio": MadeOf(
        "cost of the week", "the projection of its Monday", part_kind="usd", kind="times"
    ),
    "feature_cost_share_ratio": MadeOf("cost of the feature", "cost of all", "usd"),
}


def kind_of(metric: str) -> str:
    """Return the unit in which a metric's value and its bounds stand; of one without an entry, a plain number."""
    return METRICS[metric].kind if metric in METRICS else "number"


def value_words(metric: str, value: float) -> str:
    """Write a value or a bound in the metric's unit: `70%`, `41.2%`, `0.88×`."""
    kind = kind_of(metric)
    if kind == "ratio":
        return f"{value:.1%}".replace(".0%", "%")
    return f"{value:.2f}×" if kind == "times" else f"{value:.2f}"
