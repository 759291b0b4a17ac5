"""Metrics: the ratios that predict cost, each against its bounds, with what it is made of, who acts and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ai_finops.metric_units import kind_of, name_of, slice_words
from ai_finops.report.metric_urgency import TOTAL, by_feature
from ai_finops.report.wording import counted
from ai_finops.ui.axes import every_day, every_week
from ai_finops.ui.choosing import Chosen, choose_one, or_all, plain, value_of
from ai_finops.ui.page.cells import write
from ai_finops.ui.rows import Record, column, feature_names, fill, floats, records
from ai_finops.ui.view import Chart, Choice, Fact, Filter, Section, Series, Table, Value, View, Warn
from ai_finops.ui.views.metric_words import made_of, metric_names, part_kind_of, quotient, thresholds, title_of

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
    column("trend", "Trend", "name"),
    column("owner", "Owner"),
    column("action", "Action on a warning"),
    column("quotient", "Made of", source=f"{WEEKS}.numerator"),
    column("numerator", "Numerator", "number"),
    column("denominator", "Denominator", "number"),
    column("cost_at_stake_usd", "Costs too much", "usd"),
    column("sample_count", "Samples", "count"),
    column("verdict", "Over the weeks", "name"),
    column("trend_change", "Change over the weeks", "number"),
    column("unknown_ratio", "Unknown", "ratio"),
    column("healthy_lower_bound", "Healthy from", "number"),
    column("validation", "Worth of the estimate", "name"),
    column("covered_day_count", "Days covered", "count"),
)
_NAMED = (column("metric_name", "Metric", "name"), column("dimension", "Slice", "name"))
_FEATURE = column("feature_id", "Feature", "name")
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
    (
        _FEATURE,
        _NAMED[0],
        *_OF_A_WEEK[:2],
        _NAMED[1],
        *_OF_A_WEEK[2:8],
        column("other_slices", "Other slices", source=f"{WEEKS}.dimension"),
        *_OF_A_WEEK[8:],
    ),
    (),
    note="A row for each feature and metric, with the slice that is worst, as the message counts them. All features together "
    "stand here only where no single feature says it.",
    empty="No metric with bounds warns, is to be watched or lacks samples in this week.",
)

_DAYS = Table(
    "daily-metrics",
    "By day",
    "fct_daily_metrics",
    (
        column("usage_date", "Day", "date"),
        *_NAMED,
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
    told = _told(connection, monday, metric)
    name = names.get(feature, feature)
    heading = f"{name}, week of {monday}" if monday else "No week yet"
    return View(
        slug="metrics",
        title="Metrics",
        lead="Which of the ratios that drive cost are where they should be, and who does what about the others?",
        facts=_facts(told if feature == TOTAL else _by_feature(rows), is_of_all=feature == TOTAL),
        filters=filters,
        warns=_warns(rows),
        sections=(
            Section(
                heading,
                charts=_charts(connection, rows, feature=feature, monday=monday, metric=metric),
                tables=(_filled(_WEEK, rows, names),),
                sentences=_left_out(rows, metric),
            ),
            Section("To act on", tables=(_filled(_UNHEALTHY, _to_act_on(told), names),)),
            *(_by_day(connection, feature, metric, names) if metric else ()),
        ),
    )


def _filled(table: Table, rows: Sequence[Record], names: Mapping[str, str]) -> Table:
    """Fill a table of metrics: each row in the units of its own metric, and everything by its name."""
    values, parts = ([each(row["metric_name"]) for row in rows] for each in (kind_of, part_kind_of))
    kinds = dict.fromkeys(_VALUES, values) | dict.fromkeys(_PARTS, parts)
    said = [row | {"quotient": made_of(row["metric_name"]), "verdict": _verdict(row)} for row in rows]
    shown = {each.name for each in table.columns}
    return fill(
        table,
        said,
        kinds={name: own for name, own in kinds.items() if name in shown},
        names={**metric_names(rows), "feature_id": names},
    )


def _verdict(row: Record) -> Value:
    """Return what a week's verdict says that its status does not; a day has none."""
    return None if row.get("verdict") == row["status"] else row.get("verdict")


def _filters(connection: duckdb.DuckDBPyConnection, chosen: Chosen, names: dict[str, str]) -> tuple[Filter, ...]:
    weeks = records(connection, "select distinct week_start_date as week from fct_weekly_metrics order by 1 desc")
    features = records(connection, "select distinct feature_id from fct_weekly_metrics")
    metrics = records(connection, "select distinct metric_name from fct_weekly_metrics order by 1")
    known = sorted((row["feature_id"] for row in features), key=lambda each: (each != "total", names.get(each, each)))
    return (
        choose_one(chosen, "week", "Week", plain(str(row["week"]) for row in weeks)),
        choose_one(chosen, "feature", "Feature", [Choice(each, names.get(each, each)) for each in known]),
        choose_one(chosen, "metric", "Metric", or_all(_metric_choices(metrics), label="All metrics")),
    )


def _metric_choices(rows: Sequence[Record]) -> list[Choice]:
    choices = [Choice(row["metric_name"], name_of(row["metric_name"])) for row in rows]
    return sorted(choices, key=lambda choice: choice.label)


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


def _told(connection: duckdb.DuckDBPyConnection, monday: date | None, metric: str | None) -> list[list[Record]]:
    """Return what is known of every feature's metrics that have bounds, as the message counts it."""
    query = """
        select * from fct_weekly_metrics
        where week_start_date = $monday and ($metric is null or metric_name = $metric) and status <> 'no_threshold'
        order by metric_name, feature_id, dimension"""
    return _by_feature(records(connection, query, monday=monday, metric=metric))


def _by_feature(rows: Sequence[Record]) -> list[list[Record]]:
    ranked = by_feature([SimpleNamespace(**row) for row in rows if row["status"] != "no_threshold"])
    return [[vars(row) for row in own] for own in ranked]


def _to_act_on(told: Sequence[Sequence[Record]]) -> list[Record]:
    """Return the worst slice of each feature's metric that is not healthy, and beside it in words the others like it."""
    return [worst | {"other_slices": _slices(others)} for worst, *others in told if worst["status"] != "healthy"]


def _slices(rows: Sequence[Record]) -> str | None:
    said = [
        f"{slice_words(row['dimension'])} {write(row['value'], kind_of(row['metric_name'])).text}"
        for row in rows
        if row["status"] != "healthy"
    ]
    return ", ".join(said) or None


def _facts(told: Sequence[Sequence[Record]], *, is_of_all: bool) -> tuple[Fact, ...]:
    """Return how many metrics stand how; of all features, each feature's metrics are counted."""
    statuses = [own[0]["status"] for own in told]
    counts = [(status, statuses.count(status)) for status in ("warning", "watch", "healthy")]
    note = "metrics of features" if is_of_all else None
    return (
        *(
            Fact(status.capitalize(), count, "count", note, status if count else None, f"{WEEKS}.status")
            for status, count in counts
        ),
        Fact("Too little known to say", statuses.count("insufficient"), "count", note, source=f"{WEEKS}.status"),
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


def chart_id(metric: str, dimension: str) -> str:
    """Return an id of letters, digits and dashes alone."""
    kept = [each if each.isascii() and each.isalnum() else "-" for each in f"{metric} {dimension}".lower()]
    return "-".join(filter(None, "".join(kept).split("-")))


def _by_day(
    connection: duckdb.DuckDBPyConnection, feature: str | None, metric: str, names: Mapping[str, str]
) -> tuple[Section, ...]:
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
    return (Section("By day", charts=(chart,), tables=(_filled(_DAYS, rows, names),)),)
