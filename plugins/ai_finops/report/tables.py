"""The week's numbers as plain-text tables, from the published marts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ai_finops.config import Settings
from ai_finops.days import week_start
from ai_finops.publish import open_published
from ai_finops.report.wording import counted, dollars, one_line, share, small_dollars

_FEATURE_COSTS = """
    with weeks as (
        select
            feature_id,
            any_value(display_name) as display_name,
            any_value(team) as team,
            sum(request_count) filter (usage_date >= $monday) as request_count,
            sum(input_tokens) filter (usage_date >= $monday) as input_tokens,
            sum(output_tokens) filter (usage_date >= $monday) as output_tokens,
            sum(unknown_cost_call_count) filter (usage_date >= $monday) as unknown_cost_call_count,
            sum(allocated_cost_usd) filter (usage_date >= $monday) as cost_usd,
            sum(allocated_cost_usd) filter (usage_date < $monday) as previous_cost_usd
        from fct_daily_feature_costs
        where usage_date between $previous_monday and $sunday
        group by feature_id
    )
    select * from weeks order by cost_usd desc nulls last, feature_id
"""

_METRICS = """
    select
        metric_name,
        feature_id,
        dimension,
        value,
        sample_count,
        healthy_bound,
        warning_bound,
        status,
        validation,
        verdict,
        covered_day_count
    from fct_weekly_metrics
    where week_start_date = $monday
    order by metric_name, feature_id, dimension
"""

_NO_THRESHOLD = "no_threshold"
_DAYS_OF_WEEK = 7
# What a verdict says that the status beside it does not.
_TELLING_VERDICTS = ("locked", "improving", "worsening")


def feature_costs(settings: Settings, week: date) -> str:
    """Return what each feature cost in the week that holds the day `week`, beside the week before.

    Raises:
        PublishError: Nothing has been published yet.
    """
    monday = week_start(week)
    week_before, sunday = monday - timedelta(days=7), monday + timedelta(days=6)
    rows = _query(settings, _FEATURE_COSTS, monday=monday, previous_monday=week_before, sunday=sunday)
    total, previous = (_known_sum(rows, column) for column in ("cost_usd", "previous_cost_usd"))
    lines = [_feature_line(row, total=total) for row in rows]
    lines.append(("Total", "", "", "", "", _dollars(total), "", "", _dollars(previous)))
    header = ("Feature", "Team", "Requests", "Tokens in", "Tokens out", "Cost", "Share", "Per request", "Week before")
    table = f"Cost by feature, week of {monday}\n\n{align(header, lines, left=2)}"
    unknown_count = sum(int(row["unknown_cost_call_count"] or 0) for row in rows)
    if not unknown_count:
        return table
    verb = "has" if unknown_count == 1 else "have"
    return (
        f"{table}\n\n{counted(unknown_count, 'call')} {verb} neither a bill nor a price; what they cost is in no figure"
    )


def metrics(settings: Settings, week: date) -> str:
    """Return the week's metrics that have a threshold, each with its status, and the verdict where it has one.

    Raises:
        PublishError: Nothing has been published yet.
    """
    monday = week_start(week)
    rows = _query(settings, _METRICS, monday=monday)
    judged = [row for row in rows if row["status"] != _NO_THRESHOLD]
    lines = [
        (
            row["metric_name"],
            one_line(row["feature_id"]),
            _dimension(row),
            _number(row["value"]),
            f"{row['sample_count']:,.0f}",
            _number(row["healthy_bound"]),
            _number(row["warning_bound"]),
            _standing(row),
        )
        for row in judged
    ]
    header = ("Metric", "Feature", "Dimension", "Week", "Samples", "Healthy", "Warning", "Status")
    covered = {row["covered_day_count"] for row in rows}
    so_far = f", {counted(min(covered), 'day')} so far" if covered and min(covered) < _DAYS_OF_WEEK else ""
    table = f"Metrics, week of {monday}{so_far}\n\n{align(header, lines, left=3, last_left=True)}"
    others = len(rows) - len(judged)
    return f"{table}\n\n{others} more have no threshold; they are in fct_weekly_metrics" if others else table


def align(header: Sequence[str], lines: Sequence[Sequence[str]], *, left: int, last_left: bool = False) -> str:
    """Lay out cells in columns: the first `left` (and the last, if asked) to the left, the others to the right."""
    widths = [max(len(line[place]) for line in (header, *lines)) for place in range(len(header))]
    rule = ["─" * width for width in widths]

    def laid_out(cells: Sequence[str]) -> str:
        sides = (place < left or (last_left and place == len(header) - 1) for place in range(len(header)))
        return "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(cells, widths, sides, strict=True)
        ).rstrip()

    return "\n".join(laid_out(line) for line in (header, rule, *lines))


def _query(settings: Settings, query: str, **days: date) -> list[dict[str, Any]]:
    with open_published(settings) as connection:
        found = connection.execute(query, days)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _feature_line(row: dict[str, Any], *, total: Decimal | None) -> tuple[str, ...]:
    cost, requests = row["cost_usd"], row["request_count"]
    return (
        one_line(row["display_name"] or row["feature_id"]),
        one_line(row["team"] or ""),
        f"{requests or 0:,.0f}",
        f"{row['input_tokens'] or 0:,.0f}",
        f"{row['output_tokens'] or 0:,.0f}",
        _dollars(cost),
        "–" if cost is None or not total else share(float(cost / total)),
        "–" if cost is None or not requests else small_dollars(cost / int(requests)),
        _dollars(row["previous_cost_usd"]),
    )


def _known_sum(rows: Sequence[dict[str, Any]], column: str) -> Decimal | None:
    """Add up what is known; None where nothing is."""
    known = [row[column] for row in rows if row[column] is not None]
    return sum(known, Decimal(0)) if known else None


def _dollars(usd: Decimal | None) -> str:
    return "–" if usd is None else dollars(usd)


def _dimension(row: dict[str, Any]) -> str:
    """The slice, and of an estimate what it is worth."""
    is_estimate = row["validation"] not in (None, "recorded")
    return f"{row['dimension']}, {row['validation']}" if is_estimate else row["dimension"]


def _number(value: float | Decimal | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _standing(row: dict[str, Any]) -> str:
    """Name the status, and behind it a verdict that says more: `warning, locked`."""
    return f"{row['status']}, {row['verdict']}" if row["verdict"] in _TELLING_VERDICTS else row["status"]
