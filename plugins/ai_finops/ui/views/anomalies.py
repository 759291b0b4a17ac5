"""Anomalies: the days that cost far more than those before, the bound that they passed, and what drove them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.report.wording import counted, day_name
from ai_finops.ui.axes import every_day, on_axis
from ai_finops.ui.choosing import Chosen, choose_one, plain, value_of
from ai_finops.ui.rows import Record, column, feature_names, fill, floats, records
from ai_finops.ui.view import Chart, Choice, Fact, Filter, Section, Series, Table, View, Warn
from ai_finops.ui.words import name_words, told_apart, usd_said

if TYPE_CHECKING:
    import duckdb

    from ai_finops.config import Settings

ANOMALIES, BASELINES, DRIVERS = "fct_cost_anomalies", "fct_daily_cost_baselines", "fct_cost_anomaly_drivers"
WINDOWS = ("28", "90", "365")
"""Days that may be looked back on."""

_ANOMALIES = Table(
    "anomalies",
    "Anomalies of every feature",
    ANOMALIES,
    (
        column("feature_id", "Feature", "name"),
        column("usage_date", "Day", "date"),
        column("allocated_cost_usd", "Cost", "usd"),
        column("status", "Kind", "status"),
        column("baseline_cost_usd", "Baseline", "usd"),
        column("excess_cost_usd", "Above it", "usd"),
        column("baseline_ratio", "Times the baseline", "times"),
        column("reason", "Why", "name"),
        column("main_driver", "Largest driver", "name"),
        column("main_driver_cost_usd", "Its part", "usd"),
        column("main_driver_detail", "What it was"),
        column("cost_status", "Cost is", "status"),
        column("anomaly_day_number", "Day in a row", "count"),
        column("is_of_step", "Became a step", "flag"),
        column("owner", "Owner"),
        column("alert_id", "Alert"),
    ),
    (),
    empty="No day of these stands out. A day does that costs more than its baseline times the ratio of seed anomaly_rules.",
)

_DRIVERS = Table(
    "drivers",
    "What drove it",
    DRIVERS,
    (
        column("usage_date", "Day", "date"),
        column("feature_id", "Feature", "name"),
        column("contribution_cost_usd", "Part of the excess", "usd"),
        column("driver", "Driver", "name"),
        column("detail", "What it was"),
    ),
    (),
    note="The parts of a day add up to what it cost above its baseline, exactly.",
    empty="This feature has no anomaly in these days, so there is nothing to take apart.",
)

_VERDICTS = Table(
    "daily-verdicts",
    "Every day's verdict",
    BASELINES,
    (
        column("usage_date", "Day", "date"),
        column("allocated_cost_usd", "Cost", "usd"),
        column("status", "Verdict", "status"),
        column("baseline_cost_usd", "Baseline", "usd"),
        column("excess_cost_usd", "Above it", "usd"),
        column("baseline_ratio", "Times the baseline", "times"),
        column("reason", "Why", "name"),
        column("baseline_day_count", "Days in the baseline", "count"),
        column("baseline_kind", "Baseline is of", "name"),
        column("cost_status", "Cost is", "status"),
    ),
    (),
    empty="No covered day yet. Rows come with landed traces or a bill.",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What seed `anomaly_rules` says of a feature."""

    ratio: Decimal
    smallest_excess_usd: Decimal

    def bound(self, baseline_usd: Decimal | None) -> float | None:
        """Return the cost above which a day is an anomaly, USD; None without a baseline."""
        if baseline_usd is None:
            return None
        return float(max(baseline_usd * self.ratio, baseline_usd + self.smallest_excess_usd))


def read_rule(path: Path, *, feature: str) -> Rule | None:
    """Return the feature's rule, else that of every feature; None where the seed is not there or does not parse."""
    try:
        with path.open(newline="") as file:
            rules = {row["feature_id"]: row for row in csv.DictReader(file)}
        row = rules.get(feature) or rules["*"]
        return Rule(Decimal(row["anomaly_ratio"]), Decimal(row["smallest_excess_cost_usd"]))
    except (OSError, KeyError, TypeError, ArithmeticError):
        return None


def anomalies(connection: duckdb.DuckDBPyConnection, *, chosen: Chosen, settings: Settings) -> View:
    """Return a feature's days and anomalies: `?feature=total&days=90&day=2025-06-11`."""
    names = feature_names(connection)
    called = {"feature_id": names}
    window = choose_one(chosen, "days", "Days", [Choice(each, f"last {each} days") for each in WINDOWS], default="90")
    last = records(connection, f"select max(usage_date) as day from {BASELINES}")[0]["day"]  # noqa: S608 - our own name
    first = last - timedelta(days=int(window.chosen[0]) - 1) if last else None
    found = _anomalies(connection, first)
    choice = _feature_filter(connection, chosen, found, names)
    feature = value_of(choice)
    own = [row for row in found if row["feature_id"] == feature]
    which = choose_one(chosen, "day", "Anomaly of", plain(str(row["usage_date"]) for row in own))
    anomaly = next((row for row in own if str(row["usage_date"]) == value_of(which)), None)
    drivers = _drivers(connection, first, feature)
    days = _days(connection, first, feature)
    name = name_words(feature, names) if feature else "No feature"
    rule = read_rule(settings.dbt_project / "seeds" / "anomaly_rules.csv", feature=feature or "*")
    return View(
        slug="anomalies",
        title="Anomalies",
        lead="Which days cost far more than the days before, and what in the numbers drove them?",
        facts=_facts(found, own),
        filters=(choice, window, which),
        warns=_warns(days),
        sections=(
            Section(
                f"{name}: each day beside its baseline",
                charts=(_timeline(name, days, rule, own, last),),
                tables=(fill(_ANOMALIES, found, names=called),),
                sentences=_rule_sentence(rule),
            ),
            Section(
                f"{name}: what drove it",
                charts=(_driver_chart(name, anomaly, drivers),),
                tables=(fill(_DRIVERS, drivers, names=called),),
            ),
            Section(f"{name}: verdicts", tables=(fill(_VERDICTS, days[::-1]),)),
        ),
    )


def _anomalies(connection: duckdb.DuckDBPyConnection, first: date | None) -> list[Record]:
    query = f"from {ANOMALIES} where usage_date >= $first order by usage_date desc, excess_cost_usd desc, feature_id"
    return records(connection, query, first=first)


def _feature_filter(
    connection: duckdb.DuckDBPyConnection, chosen: Chosen, found: list[Record], names: dict[str, str]
) -> Filter:
    known = [row["feature_id"] for row in records(connection, f"select distinct feature_id from {BASELINES}")]  # noqa: S608 - our own name
    counts = {each: sum(row["feature_id"] == each for row in found) for each in known}
    ordered = sorted(known, key=lambda each: (each != "total", name_words(each, names)))
    choices = [Choice(each, _label(name_words(each, names), counts[each])) for each in ordered]
    # What stands out is what the view is for: the feature of the newest anomaly, of equals the larger one.
    default = next((row["feature_id"] for row in found if row["feature_id"] in counts), None)
    return choose_one(chosen, "feature", "Feature", choices, default=default or next(iter(ordered), None))


def _label(name: str, count: int) -> str:
    if not count:
        return name
    return f"{name} ({count} anomaly)" if count == 1 else f"{name} ({count} anomalies)"


def _drivers(connection: duckdb.DuckDBPyConnection, first: date | None, feature: str | None) -> list[Record]:
    query = f"""
        from {DRIVERS} where usage_date >= $first and feature_id = $feature
        order by usage_date desc, abs(contribution_cost_usd) desc, driver, detail"""
    return records(connection, query, first=first, feature=feature)


def _days(connection: duckdb.DuckDBPyConnection, first: date | None, feature: str | None) -> list[Record]:
    query = f"from {BASELINES} where usage_date >= $first and feature_id = $feature order by usage_date"
    return records(connection, query, first=first, feature=feature)


def _facts(found: list[Record], own: list[Record]) -> tuple[Fact, ...]:
    facts = [
        Fact("Anomalies, all features", len(found), "count", source=f"{ANOMALIES}.alert_id"),
        Fact("Of this feature", len(own), "count", source=f"{ANOMALIES}.alert_id"),
    ]
    if own:
        newest = own[0]
        note = f"{newest['status'].replace('_', ' ')}, {day_name(newest['usage_date'])}"
        facts.append(
            Fact(
                "Newest, above its baseline",
                newest["excess_cost_usd"],
                "usd",
                note,
                source=f"{ANOMALIES}.excess_cost_usd",
            )
        )
    return tuple(facts)


def _warns(days: list[Record]) -> tuple[Warn, ...]:
    warns = []
    unknown = sum(row["status"] == "cost_not_known" for row in days)
    if unknown:
        warns.append(Warn(f"Of {counted(unknown, 'day')} the cost is not known, so nothing is said of them."))
    if days and all(row["status"] == "insufficient_history" for row in days):
        warns.append(Warn("Too few days are known to say what is usual."))
    if any(row["cost_status"] == "estimated" for row in days):
        warns.append(Warn("Some days are estimates; their verdict may change with the bill."))
    return tuple(warns)


def _rule_sentence(rule: Rule | None) -> tuple[str, ...]:
    if rule is None:
        return ("The bound is not drawn: seed anomaly_rules could not be read here. Verdicts are those of the build.",)
    floor = usd_said(rule.smallest_excess_usd)
    said = f"A day is an anomaly above {rule.ratio:g} times its baseline and by more than {floor}"
    return (f"{said}, as seed anomaly_rules says now.",)


def _timeline(name: str, days: list[Record], rule: Rule | None, own: list[Record], last: date | None) -> Chart:
    flagged = {row["usage_date"] for row in days if row["is_anomaly"]}
    series = [
        Series("Cost", floats(days, "allocated_cost_usd")),
        Series("Baseline", floats(days, "baseline_cost_usd"), "dashed"),
    ]
    if rule:
        series.append(Series("Bound", tuple(rule.bound(row["baseline_cost_usd"]) for row in days), "dashed"))
    points = tuple(
        float(row["allocated_cost_usd"])
        if row["usage_date"] in flagged and row["allocated_cost_usd"] is not None
        else None
        for row in days
    )
    series.append(Series("Anomaly", points, "point"))
    chart = Chart(
        "anomaly-timeline",
        f"{name}: cost by day, its baseline, and the days that stand out",
        _timeline_summary(days, own),
        tuple(row["usage_date"] for row in days),
        tuple(series),
        empty="No covered day yet.",
    )
    return on_axis(chart, every_day(days[0]["usage_date"], last)) if days and last else chart


def _timeline_summary(days: list[Record], own: list[Record]) -> str:
    if not own:
        return f"None of {counted(len(days), 'day')} stands out."
    newest = own[0]
    stands = "1 stands out" if len(own) == 1 else f"{len(own)} stand out"
    return (
        f"Of {counted(len(days), 'day')} {stands}, the newest {day_name(newest['usage_date'])} with "
        f"{usd_said(newest['allocated_cost_usd'])} against {usd_said(newest['baseline_cost_usd'])}."
    )


def _driver_chart(name: str, anomaly: Record | None, drivers: list[Record]) -> Chart:
    parts = [row for row in drivers if anomaly and row["usage_date"] == anomaly["usage_date"]]
    title = "What drove it" if anomaly is None else f"{name}, {day_name(anomaly['usage_date'])}: parts of the excess"
    summary = "No anomaly is chosen."
    if anomaly and parts:
        driver, part = anomaly["main_driver"].replace("_", " "), anomaly["main_driver_cost_usd"]
        summary = f"Of {usd_said(anomaly['excess_cost_usd'])} above the baseline, {driver} is {usd_said(part)}."
    return Chart(
        "anomaly-parts",
        title,
        summary,
        told_apart([row["driver"].replace("_", " ") for row in parts]),
        (Series("Part of the excess", floats(parts, "contribution_cost_usd"), "bar"),),
        form="rows",
        empty="This feature has no anomaly in these days.",
    )
