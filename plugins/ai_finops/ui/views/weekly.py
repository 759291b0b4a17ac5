"""Weekly review: what Monday's message says, with the numbers behind it, and the one decision that it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.report.digest import WeeklyDigest, read_digest
from ai_finops.report.edition import text_of
from ai_finops.report.recommendation import recommend
from ai_finops.report.review import read_review
from ai_finops.report.wording import change, day_name, inside_sentence, share
from ai_finops.ui.axes import every_week
from ai_finops.ui.rows import as_float, feature_names
from ai_finops.ui.view import Chart, Choice, Column, Fact, Filter, Picture, Section, Series, Table, View, Warn
from ai_finops.ui.views.asking import UNATTRIBUTED, ask, one_of
from ai_finops.ui.views.budgets import budget_warns
from ai_finops.ui.views.week_metrics import WEEK_COUNT, five_rows, read_week_metrics, trend_charts
from ai_finops.ui.words import known_dollars, name_words, told_apart

if TYPE_CHECKING:
    import duckdb

_MART = "rpt_weekly_digest"


def weekly(connection: duckdb.DuckDBPyConnection, *, chosen: Mapping[str, Sequence[str]], settings: Settings) -> View:
    """Show a week: the newest one that the marts hold whole, or the one chosen."""
    choices = _weeks(connection)
    value = one_of(chosen, "week", choices)
    filters = (Filter("week", "Week", choices, (value,) if value else ()),)
    if value is None:
        return _view(
            filters, sections=(), warns=(Warn("The marts hold no week yet: the first one is there after seven days."),)
        )
    week = date.fromisoformat(value)
    digest = read_digest(connection, week)
    metrics, names = read_week_metrics(connection, week=week), feature_names(connection)
    # Beside a week of last month, what is to come this month would be out of place.
    budgets = budget_warns(connection, names=names) if value >= choices[0].value else ()
    return _view(
        filters,
        facts=_facts(digest),
        warns=(*budgets, *_warns(digest)),
        sections=(
            Section(
                "The five metrics",
                charts=trend_charts(metrics, week=week, names=names),
                tables=(five_rows(metrics, week=week, names=names),),
            ),
            _decision(connection, digest=digest, names=names),
            _message(connection, digest=digest, settings=settings),
            _spend(connection, digest=digest),
            _change(connection, digest=digest, names=names),
        ),
    )


def _view(filters: tuple[Filter, ...], **parts: object) -> View:
    return View(
        slug="weekly",
        title="Weekly review",
        lead="What did the week cost, what changed, who has to act, and what is to be decided by Friday?",
        filters=filters,
        **parts,
    )


def _weeks(connection: duckdb.DuckDBPyConnection) -> tuple[Choice, ...]:
    """Return the weeks that the marts hold, newest first; a week that is not over comes after the others."""
    rows = ask(
        connection,
        f"select week_start_date from {_MART} "  # noqa: S608 - a constant
        "order by covered_day_count < 7 and week_start_date = (select max(week_start_date) from rpt_weekly_digest), "
        "week_start_date desc",
    )
    return tuple(Choice(week.isoformat(), f"Week of {day_name(week)}, {week.year}") for (week,) in rows)


def _facts(digest: WeeklyDigest) -> tuple[Fact, ...]:
    compared = (
        "not compared with the week before"
        if digest.change_ratio is None
        else f"{change(digest.change_ratio)} on the week before"
    )
    facts = [Fact("Cost of the week", digest.total_cost_usd, "usd", compared, source=f"{_MART}.total_cost_usd")]
    if digest.top_feature_id is not None:
        ratio = digest.top_feature_share_ratio
        note = None if ratio is None else f"{share(ratio)} of the week"
        label = f"Largest: {digest.top_feature_name or digest.top_feature_id}"
        facts.append(Fact(label, digest.top_feature_cost_usd, "usd", note, source=f"{_MART}.top_feature_cost_usd"))
    error = digest.projection_error_ratio
    facts.append(
        Fact(
            f"Projected for {digest.month_start_date:%B}",
            digest.projected_month_end_cost_usd,
            "usd",
            "error not yet measured" if error is None else f"off by {share(error)} so far",
            source=f"{_MART}.projected_month_end_cost_usd",
        )
    )
    saving = digest.recommended_saving_usd_per_month
    facts.append(
        Fact(
            "Saving to decide on",
            saving,
            "usd",
            "no open saving is cleared by its evidence" if saving is None else "a month, estimated",
            source=f"{_MART}.recommended_saving_usd_per_month",
        )
    )
    return tuple(facts)


def _warns(digest: WeeklyDigest) -> tuple[Warn, ...]:
    warns = []
    if digest.covered_day_count < 7:
        missing = f" Missing: {digest.missing_days}." if digest.missing_days else ""
        warns.append(Warn(f"Only {digest.covered_day_count} of the week's 7 days are covered.{missing}"))
    if digest.estimated_share_ratio:
        warns.append(
            Warn(f"{share(digest.estimated_share_ratio)} of the total is estimated: its bill has not arrived.")
        )
    return tuple(warns)


def _spend(connection: duckdb.DuckDBPyConnection, *, digest: WeeklyDigest) -> Section:
    """Cost by week and feature, eight weeks back, and the week beside the one before."""
    week, last_date = digest.week_start_date, digest.week_start_date + timedelta(days=6)
    rows = ask(
        connection,
        "select date_trunc('week', usage_date)::date as week_start_date, feature_id, max(display_name), "
        "case when count(allocated_cost_usd) = count(*) then sum(allocated_cost_usd)::decimal(18, 6) end, "
        "sum(request_count)::bigint from fct_daily_feature_costs where usage_date between ? and ? "
        "group by all order by week_start_date, feature_id",
        [last_date - timedelta(days=7 * WEEK_COUNT - 1), last_date],
    )
    costs = {(row[0], row[1]): row[3] for row in rows}
    names = {row[1]: row[2] or row[1] for row in rows}
    covered = {row[0] for row in rows}
    weeks = every_week(covered)
    ordered = sorted(names, key=lambda each: (each == UNATTRIBUTED, -_known(costs, weeks, each), each))
    chart = Chart(
        chart_id="spend",
        title=f"Cost by week and feature, USD: up to {WEEK_COUNT} weeks",
        summary=f"Week of {day_name(week)}: "
        + ", ".join(f"{names[one]} {known_dollars(costs.get((week, one), Decimal(0)))}" for one in ordered)
        + ".",
        x=weeks,
        series=tuple(
            Series(
                names[one],
                # No call in a week that is covered cost nothing; of a week without any row nothing is known.
                tuple(as_float(costs.get((each, one), Decimal(0))) if each in covered else None for each in weeks),
                style="bar",
                is_nobodys=one == UNATTRIBUTED,
            )
            for one in ordered
        ),
        is_stacked=True,
        empty="No cost in these weeks.",
    )
    return Section("Spend", charts=(chart,), tables=(_beside_week_before(rows, digest=digest),))


def _known(costs: Mapping[tuple[date, str], Decimal | None], weeks: Sequence[date], feature_id: str) -> Decimal:
    return sum((costs.get((week, feature_id)) or Decimal(0) for week in weeks), Decimal(0))


def _beside_week_before(rows: Sequence[tuple], *, digest: WeeklyDigest) -> Table:
    """Each feature's cost in the week and in the one before, largest first."""
    week, before = digest.week_start_date, digest.week_start_date - timedelta(days=7)
    has_before = any(row[0] == before for row in rows)
    now, then = ({row[1]: row for row in rows if row[0] == each} for each in (week, before))
    source = "fct_daily_feature_costs.allocated_cost_usd"

    def line(feature_id: str) -> tuple:
        name = (now.get(feature_id) or then[feature_id])[2]
        cost = now[feature_id][3] if feature_id in now else Decimal(0)
        earlier = then[feature_id][3] if feature_id in then else (Decimal(0) if has_before else None)
        change_usd = None if cost is None or earlier is None else cost - earlier
        return (name, cost, earlier, change_usd, now[feature_id][4] if feature_id in now else 0, feature_id)

    lines = sorted(map(line, {*now, *then}), key=lambda one: (one[1] is None, -(one[1] or 0), one[-1]))
    return Table(
        table_id="weekly-costs",
        title="Cost by feature, beside the week before",
        mart="fct_daily_feature_costs",
        columns=(
            Column("display_name", "Feature"),
            Column("allocated_cost_usd", "Cost", "usd"),
            Column("previous_cost_usd", "Week before", "usd", source=source),
            Column("change_cost_usd", "Change", "usd", source=source),
            Column("request_count", "Requests", "count"),
            Column("feature_id", "Id"),
        ),
        rows=tuple(lines),
        note=None if digest.not_compared_reason is None else "The two weeks cannot be compared as they are.",
    )


def _change(connection: duckdb.DuckDBPyConnection, *, digest: WeeklyDigest, names: Mapping[str, str]) -> Section:
    """What the week's change is made of, largest part first."""
    columns = (
        Column("feature_id", "Feature", "name"),
        Column("driver", "Driver", "name"),
        Column("contribution_cost_usd", "Part", "usd"),
        Column("detail", "Detail"),
    )
    rows = ask(
        connection,
        "select feature_id, driver, contribution_cost_usd, detail from fct_cost_drivers where week_start_date = ? "
        "order by abs(contribution_cost_usd) desc, feature_id, driver",
        [digest.week_start_date],
    )
    largest = [(f"{name_words(row[0], names)}: {_words(row[1])}", row[2]) for row in rows[:10]]
    chart = Chart(
        chart_id="parts-of-the-change",
        title="What the change is made of, USD: the ten largest parts",
        summary=", ".join(f"{part} {known_dollars(cost)}" for part, cost in largest[:5]) + ".",
        x=told_apart([part for part, _ in largest]),
        series=(Series("Part", tuple(as_float(cost) for _, cost in largest), style="bar"),),
        form="rows",
        empty="Not known: there is no earlier week to compare with, or the two cannot be compared.",
    )
    table = Table(
        "drivers",
        "Every part of the change",
        "fct_cost_drivers",
        columns,
        tuple(rows),
        note="The parts add up to the change exactly." if rows else None,
        empty="No parts: the week is not compared.",
        names={"feature_id": names},
    )
    return Section("What changed", charts=(chart,) if rows else (), tables=(table,))


def _decision(connection: duckdb.DuckDBPyConnection, *, digest: WeeklyDigest, names: Mapping[str, str]) -> Section:
    columns = (
        Column("feature_id", "Feature", "name"),
        Column("rank", "Rank", "count"),
        Column("saving_usd_per_month", "Saving a month", "usd"),
        Column("lever", "Lever", "name"),
        Column("task_type", "Task", "name"),
        Column("low_saving_usd_per_month", "At least", "usd"),
        Column("high_saving_usd_per_month", "At most", "usd"),
        Column("effort", "Effort"),
        Column("owner", "Owner"),
        Column("evidence", "Evidence"),
    )
    rows = ask(
        connection,
        f"select {', '.join(column.name for column in columns)} from fct_savings_opportunities "  # noqa: S608 - our own names
        "where status = 'open' and as_of_date = (select max(as_of_date) from fct_savings_opportunities where as_of_date <= ?) "
        "order by rank, opportunity_id",
        [digest.as_of_date],
    )
    table = Table(
        "open-savings",
        "Open savings",
        "fct_savings_opportunities",
        columns,
        tuple(rows),
        empty="No saving is open: none is large enough and cleared by its evidence.",
        names={"feature_id": names},
    )
    return Section("The decision", tables=(table,), sentences=tuple(recommend(digest)))


def _message(connection: duckdb.DuckDBPyConnection, *, digest: WeeklyDigest, settings: Settings) -> Section:
    """The message as it was kept, with its picture; before it is, as it would read from these marts."""
    reviews, name = settings.published / "reviews", digest.week_start_date.isoformat()
    try:
        text, note = (reviews / f"{name}.md").read_text(encoding="utf-8").strip(), None
    except (OSError, UnicodeDecodeError):
        text, note = text_of(read_review(connection, digest)), "Not written yet; from these marts it would read so."
    picture = Picture(
        f"reviews/{name}.png", f"Picture of the message for the week of {day_name(digest.week_start_date)}"
    )
    return Section(
        "The message",
        sentences=(note, text) if note else (text,),
        pictures=(picture,) if (reviews / f"{name}.png").is_file() else (),
    )


def _words(name: str) -> str:
    return inside_sentence(name_words(name))
