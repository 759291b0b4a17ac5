"""What metrics are made of, in words, and their bounds: the same in every table and picture of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ai_finops.metric_units import METRICS, kind_of, name_of, slice_words
from ai_finops.ui.page.cells import write
from ai_finops.ui.view import Threshold, Value


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


def title_of(metric: str, dimension: str) -> str:
    """Return `Output per input token, extraction tasks` for `token_amplification` and slice `task_type=extraction`."""
    return ", ".join(filter(None, (name_of(metric), slice_words(dimension))))


def metric_names(rows: Iterable[Mapping[str, Value]]) -> dict[str, dict[str, str]]:
    """Return what people call the metrics and slices of these rows (`Table.names`)."""
    rows = list(rows)
    return {
        "metric_name": {metric: name_of(metric) for metric in {str(row["metric_name"]) for row in rows}},
        "dimension": {each: slice_words(each) or "All" for each in {str(row["dimension"]) for row in rows}},
    }


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
        # Where both bounds are one, one line says so: two labels on each other say nothing. More is better then, as in
        # the marts (macro better_sign).
        return (Threshold(f"healthy above {bound_words(healthy, kind)}, else warning", float(healthy), "warning"),)
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
