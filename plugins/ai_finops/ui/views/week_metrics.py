"""The five metrics of a week, a row each: of all features and slices the one that most needs somebody. Pure, but for one
query.

Which one that is, report/metric_urgency.py says to the message as well: the two never contradict each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.metric_units import METRICS, kind_of, name_of
from ai_finops.report.metric_urgency import TOTAL, not_healthy
from ai_finops.ui.axes import every_week
from ai_finops.ui.page.cells import write
from ai_finops.ui.view import Chart, Column, Series, Table
from ai_finops.ui.views.asking import ask
from ai_finops.ui.views.metric_words import made_of, metric_names, quotient, thresholds, title_of
from ai_finops.ui.words import name_words

if TYPE_CHECKING:
    import duckdb

FIVE_METRICS = (
    "feature_cost_share_ratio",
    "routing_mix_call_ratio",
    "token_amplification",
    "retrieval_hit_document_ratio",
    "weekly_cost_to_projection_ratio",
)
"""What leadership looks at each Monday, in that order."""
_LARGEST = "feature_cost_share_ratio"
"""Of this one, who is largest is the news, healthy or not."""
WEEK_COUNT = 8
_CALM = ("healthy", "insufficient", "no_threshold")


@dataclass(frozen=True, slots=True)
class WeekMetric:
    """One slice of a metric in one week, of a feature or of all together (`fct_weekly_metrics`)."""

    week_start_date: date
    metric_name: str
    feature_id: str
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
    """Read the five metrics of every feature and of `total` for the weeks up to `week`, oldest first."""
    rows = ask(
        connection,
        "select week_start_date, metric_name, feature_id, dimension, status, trend, verdict, value, previous_value, owner, "
        "action, cost_at_stake_usd, healthy_bound, warning_bound, numerator, denominator, healthy_lower_bound "
        "from fct_weekly_metrics where list_contains(?, metric_name) and week_start_date between ? and ? "
        "order by week_start_date, metric_name, feature_id, dimension",
        [list(FIVE_METRICS), week - timedelta(weeks=WEEK_COUNT - 1), week],
    )
    return [WeekMetric(*row) for row in rows]


def most_urgent(metrics: list[WeekMetric], *, week: date, metric_name: str) -> WeekMetric | None:
    """Return of a metric what the message says first; where all is healthy, all features together; None without any.

    Of the features' shares of the cost it is the largest one.
    """
    own = [one for one in metrics if one.week_start_date == week and one.metric_name == metric_name]
    told = not_healthy(own)
    return told[0][0] if told else min(own, key=_calmness, default=None)


def _calmness(metric: WeekMetric) -> tuple:
    place = _CALM.index(metric.status) if metric.status in _CALM else len(_CALM)
    if metric.metric_name == _LARGEST:
        return place, metric.feature_id == TOTAL, -(metric.value or 0), metric.feature_id
    return place, metric.feature_id != TOTAL, -(metric.cost_at_stake_usd or 0), metric.feature_id, metric.dimension


def five_rows(metrics: list[WeekMetric], *, week: date, names: Mapping[str, str]) -> Table:
    """Return the table of the five metrics; one that was not measured that week says so.

    Args:
        metrics: Of the week and of others.
        week: Its Monday.
        names: Features' names for people, by id.
    """
    kinds = tuple(kind_of(name) for name in FIVE_METRICS)
    shown = {name: most_urgent(metrics, week=week, metric_name=name) for name in FIVE_METRICS}
    known = [{"metric_name": name, "dimension": one.dimension if one else "all"} for name, one in shown.items()]
    return Table(
        table_id="five-metrics",
        title="The five metrics",
        mart="fct_weekly_metrics",
        columns=(
            Column("metric_name", "Metric", "name"),
            Column("status", "Status", "status"),
            Column("value", "Week", "number"),
            Column("feature_id", "Where", "name"),
            Column("dimension", "Slice", "name"),
            Column("previous_value", "Week before", "number"),
            Column("trend", "Trend", "name"),
            Column("owner", "Owner"),
            Column("action", "Action"),
            Column("quotient", "Made of", source="fct_weekly_metrics.numerator"),
        ),
        rows=tuple(_row(name, one) for name, one in shown.items()),
        kinds={"value": kinds, "previous_value": kinds},
        names={**metric_names(known), "feature_id": names},
        note="Each metric shows where it most needs somebody, as the message does: the worst status, then the most cost at "
        "stake, of features before all of them together. The largest feature stands for the shares. An action stands only "
        "where a metric is not healthy. The view Metrics has every feature and slice.",
    )


def _row(name: str, metric: WeekMetric | None) -> tuple:
    if metric is None:
        return (name, "not_measured", None, None, None, None, None, None, None, made_of(name))
    action = metric.action if metric.status in ("watch", "warning") else None
    return (
        name, metric.status, metric.value, metric.feature_id, metric.dimension, metric.previous_value, metric.trend,
        metric.owner, action, quotient(asdict(metric)),
    )  # fmt: skip


def trend_charts(metrics: list[WeekMetric], *, week: date, names: Mapping[str, str]) -> tuple[Chart, ...]:
    """Return a small picture of each of the five metrics over the weeks, with its bounds; a week without a value is a gap.

    A metric that was not measured in `week` shows the weeks before; one that never was says so.
    """
    weeks = every_week({one.week_start_date for one in metrics} | {week})
    return tuple(
        _trend(metrics, weeks=weeks, shown=_shown(metrics, week=week, metric_name=name), name=name, names=names)
        for name in FIVE_METRICS
    )


def _shown(metrics: list[WeekMetric], *, week: date, metric_name: str) -> WeekMetric | None:
    """Return which slice is drawn: the most urgent one of the week, else of the newest week that has one."""
    newest = max((one.week_start_date for one in metrics if one.metric_name == metric_name), default=week)
    return most_urgent(metrics, week=week, metric_name=metric_name) or most_urgent(
        metrics, week=newest, metric_name=metric_name
    )


def _trend(
    metrics: list[WeekMetric],
    *,
    weeks: tuple[date, ...],
    shown: WeekMetric | None,
    name: str,
    names: Mapping[str, str],
) -> Chart:
    by_week = {
        one.week_start_date: one.value
        for one in metrics
        if shown and (one.metric_name, one.feature_id, one.dimension) == (name, shown.feature_id, shown.dimension)
    }
    title = title_of(name, shown.dimension if shown else "all")
    return Chart(
        chart_id=f"trend-{name.replace('_', '-')}",
        title=title,
        subtitle=name_words(shown.feature_id, names) if shown else "",
        summary=_trend_summary(shown, week=weeks[-1], name=name, names=names),
        x=weeks,
        series=(Series(title, tuple(by_week.get(week) for week in weeks)),),
        kind=kind_of(name),
        thresholds=()
        if shown is None
        else thresholds(
            name, healthy=shown.healthy_bound, warning=shown.warning_bound, least=shown.healthy_lower_bound
        ),
        is_small=True,
        empty=f"Not measured in these weeks: it takes {METRICS[name].denominator}.",
    )


def _trend_summary(shown: WeekMetric | None, *, week: date, name: str, names: Mapping[str, str]) -> str:
    if shown is None or shown.week_start_date != week or shown.value is None:
        return f"{name_of(name)}: not measured in the week of {week.isoformat()}."
    value, where = write(shown.value, kind_of(name)).text, name_words(shown.feature_id, names)
    status = shown.status.replace("_", " ")
    return f"{title_of(name, shown.dimension)}: {value} in the week of {week.isoformat()}, {where}, {status}."
