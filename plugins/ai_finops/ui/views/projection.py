"""Projection: what a feature, or all together, will cost, with its band, its measured error, and what is planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.report.wording import counted, share
from ai_finops.ui.axes import every_day, every_month, on_axis
from ai_finops.ui.choosing import Chosen, choose_one, value_of
from ai_finops.ui.planned_steps import (
    ZERO,
    Amount,
    add,
    applied,
    earlier_off,
    increments,
    reuses_several,
)
from ai_finops.ui.rows import Record, as_float, column, feature_names, fill, records
from ai_finops.ui.view import Chart, Choice, Fact, Filter, Section, Series, Table, View, Warn
from ai_finops.ui.views.budgets import BUDGETS, budget_chart, budget_fact, budget_warns, read_budgets
from ai_finops.ui.views.tested_errors import (
    ERRORS,
    HORIZONS,
    METHODS,
    error_chart,
    error_fact,
    error_words,
    known_error,
    read_errors,
)
from ai_finops.ui.words import name_words, usd_said

if TYPE_CHECKING:
    import duckdb

    from ai_finops.config import Settings

PROJECTIONS = "fct_cost_projections"
TOTAL = "total"
ON, OFF = "on", "off"
HISTORY_DAYS = 42
HISTORY_MONTHS = 6
BAND = "its 80 % interval"
_MONTHS = Table(
    "projection-months",
    "By month",
    PROJECTIONS,
    (
        column("target_date", "Month", "month"),
        column("actual_cost_usd", "Spent so far", "usd"),
        column("projected_cost_usd", "As it is", "usd"),
        column("low_cost_usd", "Low", "usd"),
        column("high_cost_usd", "High", "usd"),
        column("error_words", "Its error when tested", "text", f"{PROJECTIONS}.wape_ratio"),
        column("plan_cost_usd", "Plans that are on add", "usd", f"{PROJECTIONS}.projected_cost_usd"),
        column("with_plans_cost_usd", "With these plans", "usd", f"{PROJECTIONS}.projected_cost_usd"),
        column("with_plans_low_cost_usd", "Low", "usd", f"{PROJECTIONS}.low_cost_usd"),
        column("with_plans_high_cost_usd", "High", "usd", f"{PROJECTIONS}.high_cost_usd"),
        column("open_decisions_cost_usd", "With open decisions", "usd", f"{PROJECTIONS}.projected_cost_usd"),
        column("method", "Method", "name"),
        column("status", "Status", "status"),
        column("bias_ratio", "Bias", "ratio"),
        column("coverage_ratio", "Came within its band", "ratio"),
    ),
    (),
    note=(
        "Usage cost, USD. Low and high are the ends of the 80 % interval. The error is that of the part as it is; what plans "
        "and decisions assume has no measured error. Nothing beyond 31 days was tested."
    ),
    empty="No projection yet: it takes seven days of known cost. Rows come with the first build after that.",
)

_STEPS = Table(
    "planned-features",
    "Planned features, each a step of the projection",
    "rpt_planned_features",
    (
        column("feature_id", "Feature", "name"),
        column("is_on", "On", "flag", "rpt_planned_features.plan_status"),
        column("extra_cost_usd", "Adds in month six", "usd"),
        column("pipeline_id", "Reuses pipeline"),
        column("plan_status", "Status", "status"),
        column("launch_date", "Launch", "date"),
        column("share_ratio", "Share of it", "ratio"),
        column("assumed_multiplier", "Assumed multiplier", "number"),
        column("is_default_multiplier", "Default", "flag"),
        column("realised_multiplier", "Multiplier that came", "number"),
        column("realised_day_count", "Days measured", "count"),
        column("realised_status", "Measured", "status"),
        column("owner", "Owner"),
        column("reason", "What for"),
    ),
    (),
    note=(
        "Only plans with status applied are steps that can be switched. What one adds in month six is with all plans on: "
        "plans on one pipeline compound in the order of their launch."
    ),
    empty="Nothing is planned. Rows come from seed planned_features.",
)


@dataclass(frozen=True, slots=True)
class _Point:
    """A month or a day to come, as it is and with the plans that are on."""

    row: Record
    as_is: Amount | None
    with_plans: Amount | None

    @property
    def spent(self) -> Decimal:
        """What the month has cost already; no low end is below it."""
        return self.row["actual_cost_usd"] or ZERO

    @property
    def with_plans_low(self) -> Decimal | None:
        """Low end with plans; as issued where no plan adds to it."""
        if self.with_plans is None or self.with_plans == self.as_is:
            return self.row["low_cost_usd"] if self.as_is else None
        return self.with_plans.low(floor=self.spent)


def projection(connection: duckdb.DuckDBPyConnection, *, chosen: Chosen, settings: Settings) -> View:
    """Return the newest projection of a feature: `?feature=total&plan.meeting_notes=off`."""
    names = feature_names(connection)
    plans = records(connection, "from rpt_planned_features order by launch_date, feature_id, pipeline_id")
    issued = _newest_date(connection)
    choice = _feature_filter(connection, chosen, names, issued)
    feature = value_of(choice) or TOTAL
    switches = _switches(chosen, plans, names)
    switched_on = {planned for planned, switch in switches.items() if value_of(switch) == ON}
    rows = _projections(connection, issued, feature, plans)
    points = _points(rows, plans, feature=feature, switched_on=switched_on)
    name = name_words(feature, names)
    months = [each for each in points if each.row["target_period"] == "month"]
    days = [each for each in points if each.row["target_period"] == "day"]
    budgets = read_budgets(connection, feature)
    called = {"feature_id": names, "method": METHODS, "horizon": HORIZONS}
    steps = switched_on if feature == TOTAL else switched_on & {feature}
    decisions = {
        (row["target_period"], row["target_date"]): row["projected_cost_usd"]
        for row in rows
        if row["feature_id"] == feature and row["scenario"] == "with_open_decisions"
    }
    errors = read_errors(connection, feature)
    return View(
        slug="projection",
        title="Projection",
        lead="What will it cost by the end of the month and in six, how sure is that, and what does each plan add?",
        facts=_facts(months, budgets, steps, feature=feature),
        filters=(choice, *switches.values()),
        warns=(
            *budget_warns(connection, names=names, feature=None if feature == TOTAL else feature),
            *_warns(months, plans, switched_on, issued, names=names),
        ),
        sections=(
            Section(
                f"{name}: the months to come",
                charts=(_month_chart(connection, feature, name, months, budgets),),
                tables=(
                    fill(_MONTHS, [_month_row(each, decisions) for each in months], names=called),
                    fill(_STEPS, [_step_row(plan, switched_on) for plan in plans], names=called),
                ),
                sentences=_step_sentences(plans, steps, names),
            ),
            Section(
                f"{name}: day by day",
                charts=(_day_chart(connection, feature, name, days),),
            ),
            Section(
                "Budgets",
                charts=(budget_chart(budgets, names),),
                tables=(fill(BUDGETS, budgets, names=called),),
            ),
            Section(
                "How wrong it has been",
                charts=(error_chart(errors),),
                tables=(fill(ERRORS, errors, names=called),),
            ),
        ),
    )


def _newest_date(connection: duckdb.DuckDBPyConnection) -> date | None:
    return records(connection, f"select max(as_of_date) as as_of_date from {PROJECTIONS}")[0]["as_of_date"]  # noqa: S608 - our own name


def _feature_filter(
    connection: duckdb.DuckDBPyConnection, chosen: Chosen, names: dict[str, str], issued: date | None
) -> Filter:
    query = "select distinct feature_id from fct_cost_projections where as_of_date = $issued"
    known = {row["feature_id"] for row in records(connection, query, issued=issued)}
    listed = sorted(known - {TOTAL}, key=lambda feature: name_words(feature, names).lower())
    choices = [Choice(each, name_words(each, names)) for each in ([TOTAL] if TOTAL in known else []) + listed]
    return choose_one(chosen, "feature", "Feature", choices)


def _switches(chosen: Chosen, plans: Sequence[Record], names: dict[str, str]) -> dict[str, Filter]:
    """Return a switch for each planned feature that can be a step, by its id; all are on to begin with."""
    switches = (Choice(ON, "on"), Choice(OFF, "off"))
    features = dict.fromkeys(plan["feature_id"] for plan in applied(plans))
    return {each: choose_one(chosen, f"plan.{each}", f"Plan: {name_words(each, names)}", switches) for each in features}


def _projections(
    connection: duckdb.DuckDBPyConnection, issued: date | None, feature: str, plans: Sequence[Record]
) -> list[Record]:
    query = """
        select * from fct_cost_projections
        where as_of_date = $issued and (feature_id = $feature or list_contains($planned, feature_id))
        order by target_period, target_date, feature_id, scenario"""
    planned = [plan["feature_id"] for plan in applied(plans)]
    return records(connection, query, issued=issued, feature=feature, planned=planned)


def _points(rows: list[Record], plans: Sequence[Record], *, feature: str, switched_on: set[str]) -> list[_Point]:
    added = increments(rows, plans, switched_on=switched_on)
    relevant = [each for name, each in added.items() if feature in (TOTAL, name)]
    own = [row for row in rows if row["feature_id"] == feature]
    as_is = {(row["target_period"], row["target_date"]): row for row in own if row["scenario"] == "as_is"}
    # A planned feature that does not run yet has rows in its own scenario alone.
    planned = {
        (row["target_period"], row["target_date"]): row for row in own if row["scenario"] == "with_planned_features"
    }
    points = []
    for target, row in sorted((planned | as_is).items()):
        steps = [each[target] for each in relevant if target in each]
        now = _amount(row) if target in as_is else None
        # Of a feature without a figure of its own, the plans alone are projected, on what is spent.
        base = now or (Amount(row["actual_cost_usd"] or ZERO, row["actual_cost_usd"] or ZERO) if steps else None)
        points.append(_Point(row, now, add(base, steps) if base else None))
    return points


def _amount(row: Record) -> Amount | None:
    return None if row["projected_cost_usd"] is None else Amount(row["projected_cost_usd"], row["high_cost_usd"])


def _month_row(point: _Point, decisions: dict[tuple[str, date], Decimal | None]) -> Record:
    both, now = point.with_plans, point.as_is
    has_error = known_error(point.row, "error_origin_count") is not None
    return point.row | {
        "projected_cost_usd": now.mean if now else None,
        "low_cost_usd": point.row["low_cost_usd"] if now else None,
        "high_cost_usd": now.high if now else None,
        "plan_cost_usd": both.mean - (now.mean if now else point.spent) if both else None,
        "with_plans_cost_usd": both.mean if both else None,
        "with_plans_low_cost_usd": point.with_plans_low,
        "with_plans_high_cost_usd": both.high if both else None,
        "open_decisions_cost_usd": decisions.get(("month", point.row["target_date"])),
        "error_words": error_words(point.row),
        "bias_ratio": point.row["bias_ratio"] if has_error else None,
        "coverage_ratio": point.row["coverage_ratio"] if has_error else None,
    }


def _step_row(plan: Record, switched_on: set[str]) -> Record:
    return plan | {"is_on": plan["feature_id"] in switched_on if plan["plan_status"] == "applied" else None}


def _facts(months: list[_Point], budgets: list[Record], steps: set[str], *, feature: str) -> tuple[Fact, ...]:
    if not months:
        return ()
    first, last = months[0], months[-1]
    source = f"{PROJECTIONS}.projected_cost_usd"
    facts = [
        Fact(f"{each.row['target_date']:%B}, as it is", _mean(each.as_is), "usd", _band(each), source=source)
        for each in ((first, last) if last is not first else (first,))
        if each.row["scenario"] == "as_is"
    ]
    if any(each.with_plans != each.as_is for each in months):
        note = "with " + counted(len(steps), "planned feature")
        label = f"{last.row['target_date']:%B}, with plans"
        facts.append(Fact(label, _mean(last.with_plans), "usd", note, source=source))
    facts.append(error_fact(first.row))
    by_month = {row["budget_month"]: row for row in budgets if row["feature_id"] == feature}
    if budget := by_month.get(first.row["target_date"]):
        facts.append(budget_fact(budget))
    return tuple(facts)


def _mean(amount: Amount | None) -> Decimal | None:
    return amount.mean if amount else None


def _band(point: _Point) -> str:
    if point.as_is is None:
        return "not projected as it is"
    return f"{usd_said(point.row['low_cost_usd'])} to {usd_said(point.row['high_cost_usd'])} (80 %)"


def _warns(
    months: list[_Point],
    plans: Sequence[Record],
    switched_on: set[str],
    issued: date | None,
    *,
    names: Mapping[str, str],
) -> tuple[Warn, ...]:
    warns = []
    statuses = {each.row["status"] for each in months}
    if issued is not None and not months:
        warns.append(Warn("No month is projected of this feature."))
    if "insufficient_history" in statuses:
        warns.append(Warn("Fewer than seven known days: there is no figure yet, and none is made up."))
    elif "short_history" in statuses:
        warns.append(Warn("Fewer than fourteen days at this level: their mean stands for every day to come."))
    current = months[0].row if months else {}
    if current.get("missing_day_count"):
        days = counted(current["missing_day_count"], "day")
        warns.append(Warn(f"What this month has cost so far lacks {days} that nobody landed."))
    if current.get("actual_status") in ("too_many_days_missing", "unknown_cost"):
        warns.append(Warn(f"What this month has cost is not known: {current['actual_status'].replace('_', ' ')}."))
    for feature in sorted(switched_on):
        off = earlier_off(feature, plans, switched_on=switched_on)
        if off and reuses_several(feature, plans):
            other = name_words(off[0]["feature_id"], names)
            text = f"What {name_words(feature, names)} adds is with {other} on: it reuses several pipelines."
            warns.append(Warn(text))
    return tuple(warns)


def _step_sentences(plans: Sequence[Record], switched_on: set[str], names: dict[str, str]) -> tuple[str, ...]:
    def said(plan: Record) -> str:
        name, assumed = name_words(plan["feature_id"], names), f"{plan['assumed_multiplier']:g}"
        part = "all" if plan["share_ratio"] == 1 else share(plan["share_ratio"])
        return (
            f"{name} reuses {part} of {plan['pipeline_id']} from {plan['launch_date']} on, at {assumed} times its cost."
        )

    return tuple(said(plan) for plan in applied(plans) if plan["feature_id"] in switched_on)


def _month_chart(
    connection: duckdb.DuckDBPyConnection, feature: str, name: str, months: list[_Point], budgets: list[Record]
) -> Chart:
    first = months[0].row["target_date"] if months else None
    spent = _spent_months(connection, feature, first)
    x = tuple(row["month"] for row in spent) + tuple(each.row["target_date"] for each in months)
    before, after = (None,) * len(spent), (None,) * len(months)
    so_far = tuple(as_float(each.row["actual_cost_usd"]) for each in months[:1]) + after[1:]
    series = [
        Series("Spent", tuple(as_float(row["cost_usd"]) for row in spent) + so_far, "bar"),
        *_lines(months, before),
    ]
    budget = {row["budget_month"]: as_float(row["budget_cost_usd"]) for row in budgets if row["feature_id"] == feature}
    if budget:
        series.append(Series("Budget", tuple(budget.get(month) for month in x), "point"))
    chart = Chart(
        "projection-by-month",
        f"{name} by month: what was spent, and what is projected",
        _month_summary(months),
        x,
        tuple(series),
        empty="No projection yet: it takes seven days of known cost.",
    )
    return on_axis(chart, every_month(x))


def _month_summary(months: list[_Point]) -> str:
    said = (
        [
            f"{each.row['target_date']:%B} is projected at {usd_said(each.as_is.mean)} as it is"
            for each in (months[0], months[-1])
            if each.as_is
        ]
        if months
        else []
    )
    if months and months[-1].with_plans and months[-1].with_plans != months[-1].as_is:
        last = months[-1]
        said.append(f"{last.row['target_date']:%B} at {usd_said(last.with_plans.mean)} with the plans that are on")
    return ", ".join(said) + "." if said else "Nothing is projected yet."


def _lines(points: list[_Point], before: tuple[None, ...]) -> list[Series]:
    """Return the line as it is, and where a plan adds to it, the line with plans; each with its band."""
    lines = []
    if any(each.as_is for each in points):
        lines.append(
            Series(
                "As it is",
                before + tuple(as_float(_mean(each.as_is)) for each in points),
                low=before + tuple(as_float(each.row["low_cost_usd"]) if each.as_is else None for each in points),
                high=before + tuple(as_float(each.as_is.high) if each.as_is else None for each in points),
                band=BAND,
            )
        )
    if any(each.with_plans != each.as_is for each in points):
        lines.append(
            Series(
                "With the plans that are on",
                before + tuple(as_float(_mean(each.with_plans)) for each in points),
                "dashed",
                low=before + tuple(as_float(each.with_plans_low) for each in points),
                high=before + tuple(as_float(each.with_plans.high) if each.with_plans else None for each in points),
                band=BAND,
            )
        )
    return lines


def _day_chart(connection: duckdb.DuckDBPyConnection, feature: str, name: str, days: list[_Point]) -> Chart:
    spent = _spent_days(connection, feature, days[0].row["target_date"] if days else None)
    before, after = (None,) * len(spent), (None,) * len(days)
    total = sum((each.as_is.mean for each in days if each.as_is), ZERO)
    summary = (
        f"The {counted(len(days), 'day')} to come are projected at {usd_said(total)} as it is."
        if any(each.as_is for each in days)
        else "No day is projected as it is."
    )
    chart = Chart(
        "projection-by-day",
        f"{name} by day: the last {counted(len(spent), 'known day')}, and the days to come",
        summary,
        tuple(row["usage_date"] for row in spent) + tuple(each.row["target_date"] for each in days),
        (Series("Spent", tuple(as_float(row["allocated_cost_usd"]) for row in spent) + after), *_lines(days, before)),
        empty="No day of known cost yet.",
    )
    return on_axis(chart, every_day(chart.x[0], chart.x[-1])) if chart.x else chart


def _spent_days(connection: duckdb.DuckDBPyConnection, feature: str, until: date | None) -> list[Record]:
    query = """
        select usage_date, allocated_cost_usd from fct_daily_cost_baselines
        where feature_id = $feature and ($until is null or usage_date < $until)
        order by usage_date desc limit $most"""
    return records(connection, query, feature=feature, until=until, most=HISTORY_DAYS)[::-1]


def _spent_months(connection: duckdb.DuckDBPyConnection, feature: str, until: date | None) -> list[Record]:
    # A month with a day of unknown cost is not known: what is summed of it would be too little.
    query = """
        select
            date_trunc('month', usage_date)::date as month,
            if(count(*) = count(allocated_cost_usd), sum(allocated_cost_usd), null) as cost_usd
        from fct_daily_cost_baselines
        where feature_id = $feature and ($until is null or usage_date < $until)
        group by 1 order by 1 desc limit $most"""
    return records(connection, query, feature=feature, until=until, most=HISTORY_MONTHS)[::-1]
