"""Budgets: what of each is projected, and those that are exceeded or will be, for which nobody should have to look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ai_finops.report.wording import counted, day_name, share
from ai_finops.ui.rows import Record, column, floats, records
from ai_finops.ui.view import Chart, Fact, Link, Series, Table, Warn
from ai_finops.ui.views.tested_errors import error_words
from ai_finops.ui.words import name_words, told_apart, usd_said

if TYPE_CHECKING:
    import duckdb

MOST_WARNS = 5
BUDGETS = Table(
    "budgets",
    "Budgets, and when they will be exceeded",
    "rpt_budgets",
    (
        column("feature_id", "Feature", "name"),
        column("budget_month", "Month", "month"),
        column("budget_cost_usd", "Budget", "usd"),
        column("status", "Status", "status"),
        column("actual_cost_usd", "Spent so far", "usd"),
        column("projected_cost_usd", "Projected", "usd"),
        column("low_cost_usd", "Low", "usd"),
        column("high_cost_usd", "High", "usd"),
        column("projected_budget_ratio", "Of the budget", "ratio"),
        column("exceeded_date", "Exceeded on", "date"),
        column("earliest_exceeded_date", "Earliest", "date"),
        column("latest_exceeded_date", "Latest", "date"),
        column("error_words", "Error when tested", "text", "rpt_budgets.wape_ratio"),
        column("owner", "Owner"),
        column("reason", "Who agreed"),
    ),
    (),
    note="Held against the projection as it is, without plans and decisions. Without a date the mean stays within the budget.",
    empty="No budget for this. Rows come from seed budgets.",
)


def read_budgets(connection: duckdb.DuckDBPyConnection, feature: str) -> list[Record]:
    """Return the budgets of a feature, or all of them for `total`: the month under way first, and in it the worst."""
    query = """
        select * from rpt_budgets where $feature = 'total' or feature_id = $feature
        order by
            budget_month,
            coalesce(nullif(list_position(['exceeded', 'will_be_exceeded', 'may_be_exceeded', 'within'], status), 0), 5),
            feature_id <> $feature, feature_id"""
    return [row | {"error_words": error_words(row)} for row in records(connection, query, feature=feature)]


def budget_warns(
    connection: duckdb.DuckDBPyConnection, *, names: Mapping[str, str], feature: str | None = None
) -> tuple[Warn, ...]:
    """Return a warning for each budget of this month that is exceeded or will be, the largest excess first.

    Args:
        connection: On the published marts.
        names: Features' names for people, by id.
        feature: Only of this one; None for every feature and all together.
    """
    query = """
        select * from rpt_budgets
        where
            month_number = 0 and status in ('exceeded', 'will_be_exceeded')
            and ($feature is null or feature_id = $feature)
        order by status, coalesce(projected_cost_usd, actual_cost_usd) - budget_cost_usd desc nulls last, feature_id"""
    found = records(connection, query, feature=feature)
    link = Link("Budgets", f"projection#{BUDGETS.table_id}")
    warns = [Warn(_said(row, names), "warning", link) for row in found[:MOST_WARNS]]
    if len(found) > MOST_WARNS:
        more = counted(len(found) - MOST_WARNS, "more budget")
        warns.append(Warn(f"{more} of this month exceeded or about to be.", "warning", link))
    return tuple(warns)


def _said(row: Record, names: Mapping[str, str]) -> str:
    of = f"Budget of {name_words(str(row['feature_id']), names)} for {row['budget_month']:%B}"
    when = f" on {day_name(row['exceeded_date'])}" if row["exceeded_date"] else ""
    budget = usd_said(row["budget_cost_usd"])
    if row["status"] == "exceeded":
        return f"{of}: exceeded{when}, {usd_said(row['actual_cost_usd'])} is spent of {budget}."
    return f"{of}: will be exceeded{when}, {usd_said(row['projected_cost_usd'])} is projected of {budget}."


def budget_chart(budgets: list[Record], names: Mapping[str, str]) -> Chart:
    """Draw what each budget's month is projected at beside the budget, of the first month that has one."""
    month = budgets[0]["budget_month"] if budgets else None
    rows = [row for row in budgets if row["budget_month"] == month]
    said = [
        f"{name_words(row['feature_id'], names)} {usd_said(row['projected_cost_usd'])} of {usd_said(row['budget_cost_usd'])}"
        for row in rows
    ]
    return Chart(
        "projected-against-budget",
        f"{month:%B}: what is projected, against the budget" if month else "What is projected, against the budget",
        f"Projected of the budget: {', '.join(said)}." if said else "There is no budget.",
        told_apart([name_words(row["feature_id"], names) for row in rows]),
        (
            Series(
                "Projected",
                floats(rows, "projected_cost_usd"),
                "bar",
                low=floats(rows, "low_cost_usd"),
                high=floats(rows, "high_cost_usd"),
                band="its 80 % interval",
            ),
            Series("Budget", floats(rows, "budget_cost_usd"), "point"),
        ),
        form="rows",
        subtitle="the bar, with its 80 % interval; the dot is the budget",
        empty=BUDGETS.empty,
    )


def budget_fact(row: Record) -> Fact:
    """Return a budget as a fact."""
    label, source = f"Budget for {row['budget_month']:%B}", "rpt_budgets.budget_cost_usd"
    ratio = row["projected_budget_ratio"]
    note = None if ratio is None else f"{share(ratio)} of it is projected"
    return Fact(label, row["budget_cost_usd"], "usd", note, status=row["status"], source=source)
