"""What each metric is made of and in which unit it stands, the same in every table and picture of the page.

The quotients are those of docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ai_finops.ui.page.cells import write
from ai_finops.ui.view import Threshold, Value


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


def part_kind_of(metric: str) -> str:
    """Return the unit of a metric's numerator and denominator."""
    return METRICS[metric].part_kind if metric in METRICS else "number"


def made_of(metric: str) -> str:
    """Return a metric's quotient in words; empty for one without an entry."""
    return METRICS[metric].words if metric in METRICS else ""


def quotient(row: Mapping[str, Value]) -> str:
    """Return what a value is made of: `output tokens ÷ input tokens: 700 ÷ 14,000`.

    Args:
        row: With `metric_name`, `numerator` and `denominator`.
    """
    metric = str(row["metric_name"])
    if row["numerator"] is None or row["denominator"] is None:
        return made_of(metric)
    parts = " ÷ ".join(write(row[name], part_kind_of(metric)).text for name in ("numerator", "denominator"))
    return f"{made_of(metric)}: {parts}" if metric in METRICS else parts


def bound_words(bound: float, kind: str) -> str:
    """Write a bound, which is a round number more often than not: `55%` and not `55.0%`."""
    text = write(bound, kind).text
    return f"{text.removesuffix('.0%')}%" if text.endswith(".0%") else text


def thresholds(
    metric: str, *, healthy: float | None, warning: float | None, least: float | None = None
) -> tuple[Threshold, ...]:
    """Return a metric's bounds as levels of a picture, each with its side and its value.

    Args:
        metric: Whose unit they stand in.
        healthy: Beyond it a value is healthy.
        warning: Beyond it a value warns; it says on which side healthy lies.
        least: Above it a value has to be as well to be healthy; None where less is never too little.
    """
    kind = kind_of(metric)
    if healthy is not None and healthy == warning:
        # Where both bounds are one, one line says so: two labels on each other say nothing.
        return (Threshold(f"healthy or warning at {bound_words(healthy, kind)}", float(healthy), "warning"),)
    is_less_better = warning is None or (healthy is not None and healthy < warning)
    good, bad = ("below", "above") if is_less_better else ("above", "below")
    bounds = (
        ("healthy above", least, "watch"),
        (f"healthy {good}", healthy, "healthy"),
        (f"warning {bad}", warning, "warning"),
    )
    return tuple(
        Threshold(f"{words} {bound_words(bound, kind)}", float(bound), status)
        for words, bound, status in bounds
        if bound is not None
    )
