"""The five metrics of a week, a row each: of all their slices the one that most needs somebody. Pure, but for one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.ui.view import Chart, Column, Series, Table, Threshold
from ai_finops.ui.views.asking import ask

if TYPE_CHECKING:
    import duckdb

FIVE_METRICS = {
    "feature_cost_share_ratio": "Largest feature's share of cost",
    "routing_mix_call_ratio": "Calls by model tier",
    "token_amplification": "Output per input token",
    "retrieval_hit_document_ratio": "Retrieved documents used",
    "weekly_cost_to_projection_ratio": "Cost against projection",
}
"""What leadership looks at each Monday, in that order, by metric."""
WEEK_COUNT = 8
_ORDER = ("warning", "watch", "healthy", "insufficient", "no_threshold")


@dataclass(frozen=True, slots=True)
class WeekMetric:
    """One slice of a metric in one week, of all features together (`fct_weekly_metrics`)."""

    week_start_date: date
    metric_name: str
    dimension: str
    status: str
    trend: str | None
    verdict: str | None
    value: float | None
    previous_value: float | None
    owner: str | None
    action: str | None
    cost_at_stake_usd: Decimal | None
    healthy_bound: float | None
    warning_bound: float | None


def read_week_metrics(connection: duckdb.DuckDBPyConnection, *, week: date) -> list[WeekMetric]:
    """Read the metrics of `total` for the weeks up to `week`, oldest first."""
    rows = ask(
        connection,
        "select week_start_date, metric_name, dimension, status, trend, verdict, value, previous_value, owner, action, "
        "cost_at_stake_usd, healthy_bound, warning_bound from fct_weekly_metrics "
        "where feature_id = 'total' and week_start_date between ? and ? order by week_start_date, metric_name, dimension",
        [week - timedelta(weeks=WEEK_COUNT - 1), week],
    )
    return [WeekMetric(*row) for row in rows]


def most_urgent(metrics: list[WeekMetric], *, week: date, metric_name: str) -> WeekMetric | None:
    """Return the slice of a metric with the worst status, of these the one with most cost at stake; None without any."""
    own = [one for one in metrics if one.week_start_date == week and one.metric_name == metric_name]
    return min(own, key=_urgency, default=None)


def _urgency(metric: WeekMetric) -> tuple:
    place = _ORDER.index(metric.status) if metric.status in _ORDER else len(_ORDER)
    return place, -(metric.cost_at_stake_usd or 0), metric.dimension


def five_rows(metrics: list[WeekMetric], *, week: date) -> Table:
    """Return the table of the five metrics; one that was not measured that week says so."""
    return Table(
        table_id="five-metrics",
        title="The five metrics",
        mart="fct_weekly_metrics",
        columns=(
            Column("metric_label", "Metric", source="fct_weekly_metrics.metric_name"),
            Column("status", "Status", "status"),
            Column("value", "Week", "ratio"),
            Column("previous_value", "Week before", "ratio"),
            Column("trend", "Trend"),
            Column("dimension", "Slice"),
            Column("owner", "Owner"),
            Column("action", "Action"),
        ),
        rows=tuple(
            _row(most_urgent(metrics, week=week, metric_name=name), label) for name, label in FIVE_METRICS.items()
        ),
        note="Each metric shows the slice that most needs somebody: the worst status, then the most cost at stake. "
        "An action stands only where a metric is not healthy. The view Metrics has every slice.",
    )


def _row(metric: WeekMetric | None, label: str) -> tuple:
    if metric is None:
        return (label, "not_measured", None, None, None, None, None, None)
    action = metric.action if metric.status in ("watch", "warning") else None
    trend = (metric.trend or "").replace("_", " ") or None
    return (
        label, metric.status, metric.value, metric.previous_value, trend, metric.dimension, metric.owner, action
    )  # fmt: skip


def trend_charts(metrics: list[WeekMetric], *, week: date) -> tuple[Chart, ...]:
    """Return a small picture of each metric over the weeks, with its bounds."""
    weeks = tuple(dict.fromkeys(one.week_start_date for one in metrics))
    return tuple(
        _trend(metrics, weeks=weeks, urgent=urgent, label=label)
        for name, label in FIVE_METRICS.items()
        if (urgent := most_urgent(metrics, week=week, metric_name=name)) is not None and urgent.value is not None
    )


def _trend(metrics: list[WeekMetric], *, weeks: tuple[date, ...], urgent: WeekMetric, label: str) -> Chart:
    by_week = {
        one.week_start_date: one.value
        for one in metrics
        if (one.metric_name, one.dimension) == (urgent.metric_name, urgent.dimension)
    }
    bounds = (("healthy", urgent.healthy_bound, "healthy"), ("warning", urgent.warning_bound, "warning"))
    return Chart(
        chart_id=f"trend-{urgent.metric_name.replace('_', '-')}",
        title=label if urgent.dimension == "all" else f"{label} ({urgent.dimension})",
        summary=f"{label}: {urgent.value:.1%} in the week of {urgent.week_start_date.isoformat()}, {urgent.status}.",
        x=weeks,
        series=(Series(label, tuple(by_week.get(week) for week in weeks)),),
        kind="ratio",
        thresholds=tuple(Threshold(name, bound, status) for name, bound, status in bounds if bound is not None),
    )
