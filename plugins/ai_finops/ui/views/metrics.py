"""Metrics: the ratios that predict cost, each against its bounds, with what it is made of, who acts and how."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from ai_finops.metric_units import kind_of
from ai_finops.report.wording import counted
from ai_finops.ui.axes import every_day, every_week
from ai_finops.ui.choosing import Chosen, choose_one, or_all, plain, value_of
from ai_finops.ui.page.cells import write
from ai_finops.ui.rows import Record, column, feature_names, fill, floats, records
from ai_finops.ui.view import Chart, Choice, Fact, Filter, Section, Series, Table, View, Warn
from ai_finops.ui.views.metric_words import made_of, part_kind_of, quotient, thresholds

if TYPE_CHECKING:
    import duckdb

    from ai_finops.config import Settings

WEEKS = "fct_weekly_metrics"
MOST_CHARTS = 8
CHART_WEEKS = 12
CHART_DAYS = 56
_WORST_FIRST = {"warning": 0, "watch": 1, "healthy": 2, "insufficient": 3}

_OF_A_WEEK = (
    column("value", "Value", "number"),
    column("status", "Status", "status"),
    column("healthy_bound", "Healthy bound", "number"),
    column("warning_bound", "Warning bound", "number"),
    column("previous_value", "Last week", "number"),
    column("trend", "Trend"),
    column("owner", "Owner"),
    column("action", "Action on a warning"),
    column("quotient", "Made of", source=f"{WEEKS}.numerator"),
    column("numerator", "Numerator", "number"),
    column("denominator", "Denominator", "number"),
    column("cost_at_stake_usd", "Costs too much", "usd"),
    column("sample_count", "Samples", "count"),
    column("verdict", "Over the weeks"),
    column("trend_change", "Change over the weeks", "number"),
    column("unknown_ratio", "Unknown", "ratio"),
    column("healthy_lower_bound", "Healthy from", "number"),
    column("validation", "Worth of the estimate"),
    column("covered_day_count", "Days covered", "count"),
)
_NAMED = (column("metric_name", "Metric"), column("dimension", "Slice"))
_FEATURE = column("feature_id", "Feature")
_VALUES = ("value", "healthy_bound", "warning_bound", "previous_value", "trend_change", "healthy_lower_bound")
"""Columns in the unit of the metric; of shares a change is in points of a per cent."""
_PARTS = ("numerator", "denominator")

_WEEK = Table(
    "weekly-metrics",
    "All metrics of the week",
    WEEKS,
    (*_NAMED, *_OF_A_WEEK, _FEATURE),
    (),
    note="Value is numerator ÷ denominator, sums of the week. Without bounds in seed metric_thresholds there is no verdict.",
    empty="Nothing was measured of this feature in this week. Rows come with traced calls that say what a metric needs.",
)

_UNHEALTHY = Table(
    "metrics-to-act-on",
    "Of every feature: what warns, is to be watched, or has too few samples to say",
    WEEKS,
    (_FEATURE, _NAMED[0], *_OF_A_WEEK[:2], _NAMED[1], *_OF_A_WEEK[2:]),
    (),
    empty="No metric with bounds warns, is to be watched or lacks samples in this week.",
)

_DAYS = Table(
    "daily-metrics",
    "By day",
    "fct_daily_metrics",
    (
        column("usage_date", "Day", "date"),
        column("metric_name", "Metric"),
        column("dimension", "Slice"),
        column("value", "Value", "number"),
        column("status", "Status", "status"),
        column("numerator", "Numerator", "number"),
        column("denominator", "Denominator", "number"),
        column("sample_count", "Samples", "count"),
        column("considered_count", "Could have been", "count"),
        column("unknown_ratio", "Unknown", "ratio"),
        column("cost_at_stake_usd", "Costs too much", "usd"),
    ),
    (),
    empty="Choose a metric to see it by day; two metrics are of weeks alone.",
)


def metrics(connection: duckdb.DuckDBPyConnection, *, chosen: Chosen, settings: Settings) -> View:
    """Return the metrics of a week: `?week=2025-06-09&feature=total&metric=token_amplification`."""
    names = feature_names(connection)
    filters = _filters(connection, chosen, names)
    week, feature, metric = (value_of(each) for each in filters)
    monday = date.fromisoformat(week) if week else None
    rows = _week(connection, monday, feature, metric)
    unhealthy = _unhealthy(connection, monday, metric)
    name = names.get(feature, feature)
    heading = f"{name}, week of {monday}" if monday else "No week yet"
    return View(
        slug="metrics",
        title="Metrics",
        lead="Which of the ratios that drive cost are where they should be, and who does what about the others?",
        facts=_facts(rows),
        filters=filters,
        warns=_warns(rows),
        sections=(
            Section(
                heading,
                charts=_charts(connection, rows, feature=feature, monday=monday, metric=metric),
                tables=(_filled(_WEEK, rows),),
                sentences=_left_out(rows, metric),
            ),
            Section("To act on", tables=(_filled(_UNHEALTHY, unhealthy),)),
            *(_by_day(connection, feature, metric) if metric else ()),
        ),
    )


def _filled(table: Table, rows: Sequence[Record]) -> Table:
    """Fill a table of metrics: each row in the units of its own metric, and no verdict that only repeats the status."""
    values, parts = ([each(row["metric_name"]) for row in rows] for each in (kind_of, part_kind_of))
    kinds = dict.fromkeys(_VALUES, values) | dict.fromkeys(_PARTS, parts)
    said = [row | {"quotient": made_of(row["metric_name"])} | _movement(row) for row in rows]
    shown = {each.name for each in table.columns}
    return fill(table, said, kinds={name: own for name, own in kinds.items() if name in shown})


def _movement(row: Record) -> Record:
    """Return how a week's value moves in words; a day's does not say."""
    verdict = None if row.get("verdict") == row["status"] else row.get("verdict")
    return {
        name: value and value.replace("_", " ") for name, value in (("trend", row.get("trend")), ("verdict", verdict))
    }


def _filters(connection: duckdb.DuckDBPyConnection, chosen: Chosen, names: dict[str, str]) -> tuple[Filter, ...]:
    weeks = records(connection, "select distinct week_start_date as week from fct_weekly_metrics order by 1 desc")
    features = records(connection, "select distinct feature_id from fct_weekly_metrics")
    metrics = records(connection, "select distinct metric_name from fct_weekly_metrics order by 1")
    known = sorted((row["feature_id"] for row in features), key=lambda each: (each != "total", names.get(each, each)))
    return (
        choose_one(chosen, "week", "Week", plain(str(row["week"]) for row in weeks)),
        choose_one(chosen, "feature", "Feature", [Choice(each, names.get(each, each)) for each in known]),
        choose_one(
            chosen, "metric", "Metric", or_all(plain(row["metric_name"] for row in metrics), label="All metrics")
        ),
    )


def _week(
    connection: duckdb.DuckDBPyConnection,
    monday: date | None,
    feature: str | None,
    metric: str | None,
) -> list[Record]:
    query = """
        select * from fct_weekly_metrics
        where week_start_date = $monday and feature_id = $feature and ($metric is null or metric_name = $metric)
        order by healthy_bound is null, metric_name, dimension"""
    found = records(connection, query, monday=monday, feature=feature, metric=metric)
    return sorted(found, key=lambda row: _WORST_FIRST.get(row["status"], len(_WORST_FIRST)))


def _unhealthy(connection: duckdb.DuckDBPyConnection, monday: date | None, metric: str | None) -> list[Record]:
    query = """
        select * from fct_weekly_metrics
        where
            week_start_date = $monday and ($metric is null or metric_name = $metric)
            and status in ('warning', 'watch', 'insufficient')
        order by
            case status when 'warning' then 1 when 'watch' then 2 else 3 end, cost_at_stake_usd desc nulls last,
            metric_name, dimension, feature_id"""
    return records(connection, query, monday=monday, metric=metric)


def _facts(rows: list[Record]) -> tuple[Fact, ...]:
    counts = [(status, sum(row["status"] == status for row in rows)) for status in ("warning", "watch", "healthy")]
    few = sum(row["status"] == "insufficient" for row in rows)
    return (
        *(
            Fact(status.capitalize(), count, "count", status=status if count else None, source=f"{WEEKS}.status")
            for status, count in counts
        ),
        Fact("Too little known to say", few, "count", source=f"{WEEKS}.status"),
    )


def _warns(rows: list[Record]) -> tuple[Warn, ...]:
    unfinished = [row["covered_day_count"] for row in rows if not row["is_complete_week"]]
    if not unfinished:
        return ()
    days = counted(max(unfinished), "day")
    return (
        Warn(f"The week is not complete: {days} covered. A status is that of its days so far; there is no verdict."),
    )


def _charts(
    connection: duckdb.DuckDBPyConnection,
    rows: list[Record],
    *,
    feature: str | None,
    monday: date | None,
    metric: str | None,
) -> tuple[Chart, ...]:
    drawn = _drawn(rows, metric)
    if not drawn:
        empty = "No metric with bounds was measured of this feature in this week."
        return (Chart("metrics-none", "Metrics with bounds", empty, (), (), empty=empty),)
    query = """
        select metric_name, dimension, week_start_date, value from fct_weekly_metrics
        where feature_id = $feature and week_start_date <= $monday and week_start_date > $monday - 7 * $most::int
        order by week_start_date"""
    past = records(connection, query, feature=feature, monday=monday, most=CHART_WEEKS)
    weeks = every_week({row["week_start_date"] for row in past})
    return tuple(_chart(row, past, weeks) for row in drawn)


def _drawn(rows: list[Record], metric: str | None) -> list[Record]:
    """Return what is drawn, the worst first: metrics with bounds, or every slice of the one chosen; not more than fit."""
    return [row for row in rows if metric or row["healthy_bound"] is not None][:MOST_CHARTS]


def _left_out(rows: list[Record], metric: str | None) -> tuple[str, ...]:
    count = sum(bool(metric) or row["healthy_bound"] is not None for row in rows) - len(_drawn(rows, metric))
    return (f"{counted(count, 'more slice')} in the table.",) if count else ()


def _chart(row: Record, past: Sequence[Record], weeks: Sequence[date]) -> Chart:
    own = {
        each["week_start_date"]: each["value"]
        for each in past
        if (each["metric_name"], each["dimension"]) == (row["metric_name"], row["dimension"])
    }
    title = title_of(row["metric_name"], row["dimension"])
    return Chart(
        chart_id(row["metric_name"], row["dimension"]),
        title,
        _summary(row),
        tuple(weeks),
        (Series(title, tuple(own.get(week) for week in weeks)),),
        kind=kind_of(row["metric_name"]),
        thresholds=thresholds(
            row["metric_name"],
            healthy=row["healthy_bound"],
            warning=row["warning_bound"],
            least=row["healthy_lower_bound"],
        ),
        subtitle=quotient(row),
    )


def _summary(row: Record) -> str:
    status = row["status"].replace("_", " ")
    if row["value"] is None:
        return f"Not known in this week: {status}, {counted(row['sample_count'], 'sample')}."
    samples, kind = counted(row["sample_count"], "sample"), kind_of(row["metric_name"])
    bounds = [("healthy", row["healthy_bound"]), ("warning", row["warning_bound"])]
    said = ", ".join(f"{name} {write(bound, kind).text}" for name, bound in bounds if bound is not None)
    return f"{write(row['value'], kind).text} on {samples}, {status}{f'; {said}' if said else ''}."


def title_of(metric: str, dimension: str) -> str:
    """Return `Token amplification, extraction` for metric `token_amplification` and slice `task_type=extraction`."""
    words = metric.removesuffix("_ratio").replace("_", " ").capitalize()
    parts = [part.partition("=")[2] or part for part in dimension.split(" ") if part != "all"]
    return ", ".join((words, *parts))


def chart_id(metric: str, dimension: str) -> str:
    """Return an id of letters, digits and dashes alone."""
    kept = [each if each.isascii() and each.isalnum() else "-" for each in f"{metric} {dimension}".lower()]
    return "-".join(filter(None, "".join(kept).split("-")))


def _by_day(connection: duckdb.DuckDBPyConnection, feature: str | None, metric: str) -> tuple[Section, ...]:
    query = """
        select * from fct_daily_metrics
        where
            feature_id = $feature and metric_name = $metric
            and usage_date > (select max(usage_date) from fct_daily_metrics) - $most::int
        order by usage_date desc, dimension"""
    rows = records(connection, query, feature=feature, metric=metric, most=CHART_DAYS)
    days = every_day(rows[-1]["usage_date"], rows[0]["usage_date"]) if rows else ()
    slices = sorted({row["dimension"] for row in rows})[:MOST_CHARTS]
    by_key = {(row["dimension"], row["usage_date"]): row["value"] for row in rows}
    lines = tuple(
        Series(title_of(metric, each), floats([{"value": by_key.get((each, day))} for day in days], "value"))
        for each in slices
    )
    summary = f"{counted(len(slices), 'slice')} over {counted(len(days), 'day')}."
    chart = Chart(
        f"{chart_id(metric, 'by day')}",
        f"{title_of(metric, 'all')} by day",
        summary,
        tuple(days),
        lines,
        kind=kind_of(metric),
        subtitle=made_of(metric),
        empty="This metric is of weeks alone, or was not measured of this feature.",
    )
    return (Section("By day", charts=(chart,), tables=(_filled(_DAYS, rows),)),)
