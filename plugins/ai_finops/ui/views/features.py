"""Feature cost: who spent it, day by day, at each of the four levels of attribution, and for how many users."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.report.wording import counted, model_name, share
from ai_finops.ui.axes import every_day
from ai_finops.ui.rows import as_float
from ai_finops.ui.view import Chart, Choice, Column, Fact, Filter, Section, Series, Table, View
from ai_finops.ui.views.asking import NOBODYS, UNATTRIBUTED, ask, one_of, some_of
from ai_finops.ui.views.levels import LEVELS, DayCost, Level, mart_of, read_day_costs, read_day_totals
from ai_finops.ui.words import known_dollars, name_words

if TYPE_CHECKING:
    import duckdb

_PERIODS = (
    Choice("28", "Last 28 days"),
    Choice("7", "Last 7 days"),
    Choice("56", "Last 56 days"),
    Choice("182", "Last 26 weeks"),
)
_ALL_DAYS = Choice("all", "All days")


def features(connection: duckdb.DuckDBPyConnection, *, chosen: Mapping[str, Sequence[str]], settings: Settings) -> View:
    """Show cost by day and member of the level chosen, the sums of the period, and cost beside requests and users."""
    names = _names(connection)
    bounds = _bounds(connection)
    filters = _filters(chosen, names=names, bounds=bounds)
    level = LEVELS[filters[0].chosen[0]]
    kept = filters[2].chosen
    if bounds is None:
        rows, totals, days = [], {}, ()
    else:
        first_date, last_date = _period(filters[1].chosen[0], bounds=bounds)
        asked = {"level": level, "first_date": first_date, "last_date": last_date, "features": kept}
        rows, totals = read_day_costs(connection, **asked), read_day_totals(connection, **asked)
        days = every_day(first_date, last_date)
    title = names if level.name == "feature" else _member_names({row.member for row in rows})
    return View(
        slug="features",
        title="Feature cost",
        lead="Which product feature spent the money, day by day, and how many people did it serve?",
        filters=filters,
        facts=_facts(rows, total=_total(totals), level=level, names=title, kept=kept),
        sections=(
            _by_day(rows, days=days, covered=totals, level=level, names=title, kept=kept),
            _in_all(rows, total=_total(totals), level=level, names=title, kept=kept),
            _value(connection, kept=kept),
        ),
    )


def _names(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return what people call each feature, by its id, the dearest first."""
    found = ask(
        connection,
        "select feature_id, max(display_name) from fct_daily_feature_costs "
        "group by feature_id order by sum(allocated_cost_usd) desc nulls last, feature_id",
    )
    return {feature_id: name or name_words(feature_id) for feature_id, name in found}


def _member_names(members: Collection[str]) -> dict[str, str]:
    """Return what people call each member; one model by two ids, as a region's profile has its own, goes by its ids."""
    called = {member: model_name(member) for member in members}
    counts = Counter(called.values())
    return {member: name if counts[name] == 1 else member for member, name in called.items()}


def _bounds(connection: duckdb.DuckDBPyConnection) -> tuple[date, date] | None:
    ((first_date, last_date),) = ask(connection, "select min(usage_date), max(usage_date) from fct_daily_feature_costs")
    return None if first_date is None else (first_date, last_date)


def _filters(
    chosen: Mapping[str, Sequence[str]], *, names: Mapping[str, str], bounds: tuple[date, date] | None
) -> tuple[Filter, ...]:
    levels = tuple(Choice(level.name, level.label) for level in LEVELS.values())
    periods = (*_PERIODS, *(Choice(f"{month:%Y-%m}", f"{month:%B %Y}") for month in _months(bounds)), _ALL_DAYS)
    own = tuple(Choice(feature_id, name) for feature_id, name in names.items())
    return (
        Filter("level", "Level", levels, (one_of(chosen, "level", levels),)),
        Filter("days", "Days", periods, (one_of(chosen, "days", periods),)),
        Filter("feature", "Features", own, some_of(chosen, "feature", own), is_multiple=True),
    )


def _months(bounds: tuple[date, date] | None) -> list[date]:
    """Return the first days of the months that the marts hold, newest first."""
    months: list[date] = []
    if bounds:
        month = bounds[1].replace(day=1)
        while month >= bounds[0].replace(day=1):
            months.append(month)
            month = (month - timedelta(days=1)).replace(day=1)
    return months


def _period(value: str, *, bounds: tuple[date, date]) -> tuple[date, date]:
    first_date, last_date = bounds
    if value == _ALL_DAYS.value:
        return first_date, last_date
    if "-" in value:
        month = date.fromisoformat(f"{value}-01")
        next_month = (month + timedelta(days=31)).replace(day=1)
        return max(month, first_date), min(next_month - timedelta(days=1), last_date)
    return max(first_date, last_date - timedelta(days=int(value) - 1)), last_date


def _sums(rows: Sequence[DayCost]) -> dict[str, Decimal | None]:
    """Return the cost of each member, largest first, those whose cost is not known last."""
    sums: dict[str, Decimal | None] = {}
    for row in rows:
        so_far = sums.get(row.member, Decimal(0))
        sums[row.member] = None if so_far is None or row.allocated_cost_usd is None else so_far + row.allocated_cost_usd
    return dict(sorted(sums.items(), key=lambda item: (item[1] is None, -(item[1] or 0), item[0])))


def _total(totals: Mapping[date, Decimal | None]) -> Decimal | None:
    """Return what all features cost on these days; None where a part of it is not known, or there is no day."""
    return None if None in totals.values() or not totals else sum(totals.values())


def _facts(
    rows: Sequence[DayCost], *, total: Decimal | None, level: Level, names: Mapping[str, str], kept: Sequence[str]
) -> tuple[Fact, ...]:
    """Return the cost of what is kept, and which part that and its largest member are of everything on these days."""
    sums = _sums(rows)
    own = None if None in sums.values() or not sums else sum(sums.values())
    source = f"{level.mart}.allocated_cost_usd"
    note = f"{share(float(own / total))} of all features" if kept and own is not None and total else None
    facts = [Fact("Cost of these days", own, "usd", note, source=source)]
    largest, cost = next(iter(sums.items()), (None, None))
    if cost is not None and total:
        facts.append(
            Fact(
                f"Largest: {_label(largest, names)}",
                cost,
                "usd",
                f"{share(float(cost / total))} of these days",
                source=source,
            )
        )
    if level.name == "feature" and sums.get(UNATTRIBUTED) is not None and total:
        loose = sums[UNATTRIBUTED]
        facts.append(Fact("Belongs to no feature", loose, "usd", share(float(loose / total)), source=source))
    unknown_count = sum(row.unknown_cost_call_count for row in rows)
    facts.append(
        Fact(
            "Calls of unknown cost",
            unknown_count,
            "count",
            status="watch" if unknown_count else None,
            source=f"{level.mart}.unknown_cost_call_count",
        )
    )
    return tuple(facts)


def _label(member: str, names: Mapping[str, str]) -> str:
    return names.get(member, member)


def _by_day(
    rows: Sequence[DayCost],
    *,
    days: Sequence[date],
    covered: Collection[date],
    level: Level,
    names: Mapping[str, str],
    kept: Sequence[str],
) -> Section:
    by_member: dict[str, dict[date, Decimal | None]] = defaultdict(dict)
    for row in rows:
        by_member[row.member][row.usage_date] = row.allocated_cost_usd
    series = tuple(
        Series(
            _label(member, names),
            # No call on a day that is covered cost nothing; a day without a row of any feature is not known.
            tuple(as_float(by_member[member].get(day, Decimal(0))) if day in covered else None for day in days),
            style="bar",
            is_nobodys=member in NOBODYS,
        )
        # What belongs to nobody stands on top of what somebody answers for.
        for member in sorted(_sums(rows), key=lambda each: each in NOBODYS)
    )
    chart = Chart(
        chart_id="by-day",
        title=f"Cost by day and {level.label.lower() if level.name != 'api' else 'model'}, USD",
        summary=_summary(rows, days=days, names=names),
        x=tuple(days),
        series=series,
        is_stacked=True,
        empty="No cost on these days.",
    )
    table = Table(
        table_id="daily-costs",
        title="Cost by day",
        mart=mart_of(level, features=kept),
        columns=_columns(level),
        rows=tuple(_row(row, level, names) for row in reversed(rows)),
        names={level.key: names},
        empty="No cost on these days: choose more of them.",
    )
    return Section(
        heading=f"By day and {level.label.lower() if level.name != 'api' else 'model'}",
        charts=(chart,),
        tables=(table,),
    )


def _columns(level: Level) -> tuple[Column, ...]:
    named = level.name == "feature"
    return (
        # The first column stays in view: whose cost it is says more than the day, in whose order the rows are.
        Column("display_name", level.label) if named else Column(level.key, level.label, "name"),
        Column("usage_date", "Day", "date"),
        Column("allocated_cost_usd", "Cost", "usd"),
        Column("request_count", "Requests", "count"),
        Column("input_tokens", "Input tokens", "count"),
        Column("output_tokens", "Output tokens", "count"),
        Column("unknown_cost_call_count", "Cost not known", "count"),
        Column("cost_status", "Bill", "text"),
        *((Column(level.key, "Id"),) if named else ()),
    )


def _row(row: DayCost, level: Level, names: Mapping[str, str]) -> tuple:
    named = level.name == "feature"
    return (
        names.get(row.member, row.member) if named else row.member,
        row.usage_date,
        row.allocated_cost_usd,
        row.request_count,
        row.input_tokens,
        row.output_tokens,
        row.unknown_cost_call_count,
        row.cost_status,
        *((row.member,) if named else ()),
    )


def _in_all(
    rows: Sequence[DayCost], *, total: Decimal | None, level: Level, names: Mapping[str, str], kept: Sequence[str]
) -> Section:
    sums = _sums(rows)
    requests = {member: sum(row.request_count for row in rows if row.member == member) for member in sums}
    mart = mart_of(level, features=kept)
    chart = Chart(
        chart_id="in-all",
        title="Cost of these days, USD",
        summary=", ".join(f"{_label(member, names)} {known_dollars(cost)}" for member, cost in list(sums.items())[:5])
        + ".",
        x=tuple(_label(member, names) for member in sums),
        series=(Series("Cost", tuple(as_float(cost) for cost in sums.values()), style="bar"),),
        form="rows",
        empty="No cost on these days.",
    )
    table = Table(
        table_id="period-costs",
        title="Cost of these days",
        mart=mart,
        columns=(
            Column(level.key, level.label, "name"),
            Column("allocated_cost_usd", "Cost", "usd"),
            Column("cost_share_ratio", "Share", "ratio", source=f"{mart}.allocated_cost_usd"),
            Column("request_count", "Requests", "count"),
            Column(
                "cost_usd_per_request",
                "Per request",
                "usd_small",
                source="fct_daily_feature_costs.cost_usd_per_request",
            ),
        ),
        rows=tuple(
            (member, cost, _ratio(cost, total), requests[member], _per_request(cost, requests[member]))
            for member, cost in sums.items()
        ),
        names={level.key: names},
        note="Shares are of what all features cost on these days." if kept else None,
        empty="No cost on these days: choose more of them.",
    )
    return Section(heading="These days in all", charts=(chart,), tables=(table,))


def _value(connection: duckdb.DuckDBPyConnection, *, kept: Sequence[str]) -> Section:
    """Cost beside requests and users, of the newest month."""
    columns = (
        Column("display_name", "Feature"),
        Column("usage_month", "Month", "month"),
        Column("allocated_cost_usd", "Cost", "usd"),
        Column("cost_share_ratio", "Share of cost", "ratio"),
        Column("request_share_ratio", "Share of requests", "ratio"),
        Column("user_share_ratio", "Share of users", "ratio"),
        Column("user_count", "Users", "count"),
        Column("cost_usd_per_user", "Per user", "usd_small"),
        Column("cost_usd_per_request", "Per request", "usd_small"),
        Column("day_count", "Days", "count"),
        Column("team", "Team"),
        Column("feature_id", "Id"),
    )
    rows = ask(
        connection,
        f"select {', '.join(column.name for column in columns)} from rpt_feature_value "  # noqa: S608 - our own names
        "where (not $is_chosen or list_contains($kept, feature_id)) "
        "order by usage_month desc, allocated_cost_usd desc nulls last, feature_id",
        {"is_chosen": bool(kept), "kept": list(kept)},
    )
    newest = [row for row in rows if row[1] == rows[0][1]] if rows else []
    people = [row for row in newest if row[-1] != UNATTRIBUTED]
    chart = Chart(
        chart_id="value",
        title=f"Share of cost, requests and users, {newest[0][1]:%B %Y}"
        if newest
        else "Share of cost, requests and users",
        summary="; ".join(
            f"{_title(row)}: {_percent(row[3])} of cost, {_percent(row[4])} of requests, {_percent(row[5])} of users"
            for row in people[:5]
        ),
        x=tuple(_title(row) for row in people),
        subtitle="The whole month; which days are chosen above changes nothing here." if newest else "",
        series=tuple(
            Series(name, tuple(as_float(row[place]) for row in people), style="bar")
            for name, place in (("of cost", 3), ("of requests", 4), ("of users", 5))
        ),
        kind="ratio",
        form="rows",
        empty="No month with cost yet.",
    )
    table = Table(
        table_id="feature-value",
        title="Cost beside requests and users, by month",
        mart="rpt_feature_value",
        columns=columns,
        rows=tuple(rows),
        note="A user of several features counts in each, so shares of users may add up to more than all.",
        empty="No month with cost yet. Rows come with the first landed bill or traces.",
    )
    return Section(heading="Whom it serves", charts=(chart,), tables=(table,))


def _title(row: tuple) -> str:
    return row[0] or name_words(row[-1])


def _summary(rows: Sequence[DayCost], *, days: Sequence[date], names: Mapping[str, str]) -> str:
    sums = _sums(rows)
    if not sums:
        return "No cost on these days."
    largest, cost = next(iter(sums.items()))
    return (
        f"{counted(len(days), 'day')} from {days[0].isoformat()} to {days[-1].isoformat()}; "
        f"largest is {_label(largest, names)} with {known_dollars(cost)}."
    )


def _percent(ratio: float | None) -> str:
    return "not known" if ratio is None else share(float(ratio))


def _ratio(cost: Decimal | None, total: Decimal | None) -> float | None:
    return float(cost / total) if cost is not None and total else None


def _per_request(cost: Decimal | None, request_count: int) -> Decimal | None:
    return (cost / request_count).quantize(Decimal("0.000001")) if cost is not None and request_count else None
