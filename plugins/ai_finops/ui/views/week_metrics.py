"""The five metrics of a week, a row each: of all their slices the one that most needs somebody. Pure, but for one query."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.metric_units import METRICS, kind_of
from ai_finops.ui.axes import every_week
from ai_finops.ui.page.cells import write
from ai_finops.ui.view import Chart, Column, Series, Table
from ai_finops.ui.views.asking import ask
from ai_finops.ui.views.metric_words import made_of, quotient, thresholds

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
    numerator: float | None = None
    denominator: float | None = None
    healthy_lower_bound: float | None = None


def read_week_metrics(connection: duckdb.DuckDBPyConnection, *, week: date) -> list[WeekMetric]:
    """Read the metrics of `total` for the weeks up to `week`, oldest first."""
    rows = ask(
        connection,
        "select week_start_date, metric_name, dimension, status, trend, verdict, value, previous_value, owner, action, "
        "cost_at_stake_usd, healthy_bound, warning_bound, numerator, denominator, healthy_lower_bound from fct_weekly_metrics "
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
    kinds = tuple(kind_of(name) for name in FIVE_METRICS)
    return Table(
        table_id="five-metrics",
        title="The five metrics",
        mart="fct_weekly_metrics",
        columns=(
            Column("metric_label", "Metric", source="fct_weekly_metrics.metric_name"),
            Column("status", "Status", "status"),
            Column("value", "Week", "number"),
            Column("previous_value", "Week before", "number"),
            Column("trend", "Trend"),
            Column("owner", "Owner"),
            Column("action", "Action"),
            Column("dimension", "Slice"),
            Column("quotient", "Made of", source="fct_weekly_metrics.numerator"),
        ),
        rows=tuple(
            _row(name, most_urgent(metrics, week=week, metric_name=name), label) for name, label in FIVE_METRICS.items()
        ),
        kinds={"value": kinds, "previous_value": kinds},
        note="Each metric shows the slice that most needs somebody: the worst status, then the most cost at stake. "
        "An action stands only where a metric is not healthy. The view Metrics has every slice.",
    )


def _row(name: str, metric: WeekMetric | None, label: str) -> tuple:
    if metric is None:
        return (label, "not_measured", None, None, None, None, None, None, made_of(name))
    action = metric.action if metric.status in ("watch", "warning") else None
    trend = (metric.trend or "").replace("_", " ") or None
    return (
        label, metric.status, metric.value, metric.previous_value, trend, metric.owner, action, metric.dimension,
        quotient(asdict(metric)),
    )  # fmt: skip


def trend_charts(metrics: list[WeekMetric], *, week: date) -> tuple[Chart, ...]:
    """Return a small picture of each of the five metrics over the weeks, with its bounds; a week without a value is a gap.

    A metric that was not measured in `week` shows the weeks before; one that never was says so.
    """
    weeks = every_week({one.week_start_date for one in metrics} | {week})
    return tuple(
        _trend(metrics, weeks=weeks, shown=_shown(metrics, week=week, metric_name=name), name=name, label=label)
        for name, label in FIVE_METRICS.items()
    )


def _shown(metrics: list[WeekMetric], *, week: date, metric_name: str) -> WeekMetric | None:
    """Return which slice is drawn: the most urgent one of the week, else of the newest week that has one."""
    newest = max((one.week_start_date for one in metrics if one.metric_name == metric_name), default=week)
    return most_urgent(metrics, week=week, metric_name=metric_name) or most_urgent(
        metrics, week=newest, metric_name=metric_name
    )


def _trend(
    metrics: list[WeekMetric], *, weeks: tuple[date, ...], shown: WeekMetric | None, name: str, label: str
) -> Chart:
    by_week = {
        one.week_start_date: one.value
        for one in metrics
        if shown and (one.metric_name, one.dimension) == (name, shown.dimension)
    }
    return Chart(
        chart_id=f"trend-{name.replace('_', '-')}",
        title=label if shown is None or shown.dimension == "all" else f"{label} ({shown.dimension})",
        summary=_trend_summary(shown, week=weeks[-1], label=label),
        x=weeks,
        series=(Series(label, tuple(by_week.get(week) for week in weeks)),),
        kind=kind_of(name),
        thresholds=()
        if shown is None
        else thresholds(
            name, healthy=shown.healthy_bound, warning=shown.warning_bound, least=shown.healthy_lower_bound
        ),
        is_small=True,
        empty=f"Not measured in these weeks: it takes {METRICS[name].denominator}.",
    )


def _trend_summary(shown: WeekMetric | None, *, week: date, label: str) -> str:
    if shown is None or shown.week_start_date != week or shown.value is None:
        return f"{label}: not measured in the week of {week.isoformat()}."
    value = write(shown.value, kind_of(shown.metric_name)).text
    return f"{label}: {value} in the week of {week.isoformat()}, {shown.status.replace('_', ' ')}."
