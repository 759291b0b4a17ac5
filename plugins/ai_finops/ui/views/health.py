"""Data health: what arrived, what did not, what could not be read, and what the last audit said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ai_finops.report.wording import counted
from ai_finops.ui.choosing import Chosen, choose_one, or_all, plain, value_of
from ai_finops.ui.kept_audit import Audit, audit_of
from ai_finops.ui.rows import Record, column, fill, floats, records
from ai_finops.ui.view import Chart, Choice, Column, Fact, Link, Section, Series, Table, View, Warn

if TYPE_CHECKING:
    import duckdb

    from ai_finops.config import Settings

OUTCOMES = "fct_daily_extract_outcomes"
WINDOWS = ("14", "28", "90")
NOT_LANDED = "not landed"
COUNTS = ("loaded_count", "ignored_count", "quarantined_count", "duplicate_count")

_LANDINGS = Table(
    "landings",
    "Each landing, and its records",
    OUTCOMES,
    (
        column("landing_date", "Day", "date"),
        column("source", "Source"),
        column("status", "Status", "status"),
        column("read_count", "Read", "count"),
        column("loaded_count", "Loaded", "count"),
        column("ignored_count", "Ignored", "count"),
        column("quarantined_count", "Quarantined", "count"),
        column("duplicate_count", "Duplicates", "count"),
        column("read_bytes", "Bytes", "count"),
        column("api_call_count", "Calls made", "count"),
        column("extracted_at", "Landed at", "datetime"),
        column("error", "What went wrong"),
    ),
    (),
    note="Read = loaded + ignored + quarantined + duplicates. A quarantined record is kept in the lake with the reason.",
    empty="Nothing has landed in these days. Rows come with ai-finops run, or the extract DAGs.",
)

_FRESHNESS = Table(
    "freshness",
    "How fresh each source is",
    OUTCOMES,
    (
        column("source", "Source"),
        column("freshness_status", "Status", "status", f"{OUTCOMES}.status"),
        column("newest_date", "Newest day landed", "date", f"{OUTCOMES}.landing_date"),
        column("newest_with_rows_date", "Newest with records", "date", f"{OUTCOMES}.loaded_count"),
        column("days_behind_count", "Days behind the build", "count", f"{OUTCOMES}.landing_date"),
        column("failed_count", "Failed or missing", "count", f"{OUTCOMES}.status"),
        column("quarantined_count", "Quarantined", "count"),
    ),
    (),
    note="The build's clock is the day after the newest day that it can hold. Failed and quarantined are of the days shown.",
    empty="No source has landed anything yet.",
)

_UNMAPPED = Table(
    "unmapped-attributes",
    "Span attributes that nobody mapped",
    "fct_daily_unmapped_attributes",
    (
        column("attribute_name", "Attribute"),
        column("service_name", "Service"),
        column("span_count", "Spans", "count"),
        column("newest_date", "Last seen", "date", "fct_daily_unmapped_attributes.landing_date"),
    ),
    (),
    empty="Every attribute of the spans of these days is mapped or known to be of no use.",
)

_GAPS = Table(
    "instrumentation-gaps",
    "Calls whose usage nobody said",
    "fct_daily_instrumentation_gaps",
    (
        column("scope_name", "Library"),
        column("service_name", "Service"),
        column("provider_name", "Provider"),
        column("request_model", "Model as spelt"),
        column("reason", "Why"),
        column("usage_gap", "As the library says"),
        column("call_count", "Calls", "count"),
        column("newest_date", "Last seen", "date", "fct_daily_instrumentation_gaps.usage_date"),
    ),
    (),
    empty="Every traced call of these days says its usage.",
)

_UNPRICED = Table(
    "unpriced-usage",
    "Calls without an estimate",
    "fct_daily_unpriced_usage",
    (
        column("provider_name", "Provider"),
        column("request_model", "Model as spelt"),
        column("cost_reason", "Why", "text"),
        column("call_count", "Calls", "count"),
        column("input_tokens", "Input tokens", "count"),
        column("output_tokens", "Output tokens", "count"),
        column("newest_date", "Last seen", "date", "fct_daily_unpriced_usage.usage_date"),
    ),
    (),
    note="Their cost is unknown and shown as such, never as nothing; where the bill has them, they cost what it says.",
    empty="Every traced call of these days with usage has a price.",
)

_BUILDS = Table(
    "builds",
    "The build that this page reads",
    "dim_builds",
    (
        column("build_id", "Build"),
        column("as_of_date", "Its clock", "date"),
        column("built_at", "Built at", "datetime"),
        column("inputs_sha256", "Checksum of its inputs"),
        column("project_version", "Version"),
        column("dbt_version", "dbt"),
        column("duckdb_version", "DuckDB"),
    ),
    (),
    empty="The published file does not say which build it is of; publish again.",
)


def health(connection: duckdb.DuckDBPyConnection, *, chosen: Chosen, settings: Settings) -> View:
    """Return the landings of the days before the build's clock: `?days=28&source=traces`."""
    builds = records(connection, "select * replace (built_at at time zone 'UTC' as built_at) from dim_builds")
    window = choose_one(chosen, "days", "Days", [Choice(each, f"last {each} days") for each in WINDOWS], default="28")
    sources = [row["source"] for row in records(connection, f"select distinct source from {OUTCOMES} order by 1")]  # noqa: S608 - our own name
    choice = choose_one(chosen, "source", "Source", or_all(plain(sources), label="All sources"))
    source = value_of(choice)
    as_of = builds[0]["as_of_date"] if builds else _newest_day(connection)
    first = as_of - timedelta(days=int(window.chosen[0])) if as_of else None
    landings = _landings(connection, first, source)
    days = _days(landings, as_of)
    shown = [each for each in sources if source in (None, each)]
    fresh = _freshness(connection, as_of, first, source)
    published = audit_of(settings, builds[0]["build_id"]) if builds else None
    return View(
        slug="health",
        title="Data health",
        lead="Did everything arrive, what could not be read, and did the marts pass their audit?",
        facts=_facts(as_of, landings, published),
        filters=(window, choice),
        warns=_warns(landings, fresh),
        sections=(
            Section(
                "What arrived",
                charts=(_count_chart(landings, days, COUNTS[:2]), _count_chart(landings, days, COUNTS[2:])),
                tables=(_matrix(landings, shown, days), fill(_FRESHNESS, fresh), fill(_LANDINGS, landings)),
            ),
            Section("The audit", sentences=_audit_sentences(published), links=_LINKS, tables=(fill(_BUILDS, builds),)),
            Section(
                "What traces do not say",
                tables=(
                    fill(_GAPS, _gaps(connection, first)),
                    fill(_UNPRICED, _unpriced(connection, first)),
                    fill(_UNMAPPED, _unmapped(connection, first)),
                ),
            ),
        ),
    )


_LINKS = (
    Link("Data Docs of the newest audit", "data-docs/index.html"),
    Link("Models and their columns (dbt docs)", "dbt-docs/index.html"),
    Link("Definitions", "definitions"),
)


def _newest_day(connection: duckdb.DuckDBPyConnection) -> date | None:
    return records(connection, f"select max(landing_date) + 1 as day from {OUTCOMES}")[0]["day"]  # noqa: S608 - our own name


def _landings(connection: duckdb.DuckDBPyConnection, first: date | None, source: str | None) -> list[Record]:
    query = """
        select * from fct_daily_extract_outcomes
        where landing_date >= $first and ($source is null or source = $source)
        order by landing_date desc, source"""
    return records(connection, query, first=first, source=source)


def _freshness(
    connection: duckdb.DuckDBPyConnection, as_of: date | None, first: date | None, source: str | None
) -> list[Record]:
    query = """
        select
            source,
            max(landing_date) filter (where status in ('loaded', 'empty')) as newest_date,
            max(landing_date) filter (where loaded_count > 0) as newest_with_rows_date,
            count(*) filter (where status in ('failed', 'missing') and landing_date >= $first) as failed_count,
            sum(quarantined_count) filter (where landing_date >= $first) as quarantined_count
        from fct_daily_extract_outcomes where $source is null or source = $source group by 1 order by 1"""
    rows = []
    for row in records(connection, query, first=first, source=source):
        newest = row["newest_date"]
        behind = (as_of - timedelta(days=1) - newest).days if newest and as_of else None
        is_healthy = behind is not None and behind <= 0
        rows.append(row | {"days_behind_count": behind, "freshness_status": "healthy" if is_healthy else "warning"})
    return rows


def _days(landings: list[Record], as_of: date | None) -> list[date]:
    """Return every day from the first landing on to the one before the build's clock, landed or not."""
    if not landings or as_of is None:
        return []
    seen = [row["landing_date"] for row in landings]
    last = max(max(seen), as_of - timedelta(days=1))
    return [min(seen) + timedelta(days=number) for number in range((last - min(seen)).days + 1)]


def _matrix(landings: list[Record], sources: list[str], days: list[date]) -> Table:
    """Return a row for each day and a column for each source: how its landing ended, or that there was none."""
    status = {(row["landing_date"], row["source"]): row["status"] for row in landings}
    columns = (
        column("landing_date", "Day", "date"),
        *(Column(f"{source}_status", source, "status", f"{OUTCOMES}.status") for source in sources),
    )
    rows = tuple((day, *(status.get((day, source), NOT_LANDED) for source in sources)) for day in reversed(days))
    return Table(
        "outcomes",
        "How each day's landing ended, by source",
        OUTCOMES,
        columns,
        rows,
        note="loaded, empty (asked and got nothing), missing (nothing there to ask), failed, expired (past the retention).",
        empty="Nothing has landed in these days. Rows come with ai-finops run, or the extract DAGs.",
    )


def _gaps(connection: duckdb.DuckDBPyConnection, first: date | None) -> list[Record]:
    query = """
        select
            scope_name, service_name, provider_name, request_model, reason, usage_gap, sum(call_count) as call_count,
            max(usage_date) as newest_date
        from fct_daily_instrumentation_gaps where usage_date >= $first
        group by 1, 2, 3, 4, 5, 6 order by sum(call_count) desc, 1, 2, 3, 4, 5, 6"""
    return records(connection, query, first=first)


def _unpriced(connection: duckdb.DuckDBPyConnection, first: date | None) -> list[Record]:
    query = """
        select
            provider_name, request_model, cost_reason, sum(call_count) as call_count, sum(input_tokens) as input_tokens,
            sum(output_tokens) as output_tokens, max(usage_date) as newest_date
        from fct_daily_unpriced_usage where usage_date >= $first
        group by 1, 2, 3 order by sum(call_count) desc, 1, 2, 3"""
    return records(connection, query, first=first)


def _unmapped(connection: duckdb.DuckDBPyConnection, first: date | None) -> list[Record]:
    query = """
        select attribute_name, service_name, sum(span_count) as span_count, max(landing_date) as newest_date
        from fct_daily_unmapped_attributes where landing_date >= $first
        group by 1, 2 order by sum(span_count) desc, 1, 2"""
    return records(connection, query, first=first)


def _facts(as_of: date | None, landings: list[Record], audit: Audit | None) -> tuple[Fact, ...]:
    bad = sum(row["status"] in ("failed", "missing") for row in landings)
    quarantined = _sum(landings, "quarantined_count")
    verdict = "not kept" if audit is None else "passed" if audit.is_passed else "not passed"
    note = None if audit is None else f"{counted(len(audit.warnings), 'warning')}"
    return (
        Fact("Data before", as_of, "date", "the build's clock", source="dim_builds.as_of_date"),
        Fact(
            "Landings that failed or are missing",
            bad,
            "count",
            status="warning" if bad else "healthy",
            source=f"{OUTCOMES}.status",
        ),
        Fact("Records quarantined", quarantined, "count", source=f"{OUTCOMES}.quarantined_count"),
        Fact("Audit of this build", verdict, "text", note, status=_audit_status(audit)),
    )


def _audit_status(audit: Audit | None) -> str | None:
    if audit is None:
        return None
    if not audit.is_passed:
        return "warning"
    return "watch" if audit.warnings else "healthy"


def _sum(rows: Iterable[Record], name: str) -> int | None:
    """Return the sum of what is known; None where nothing is."""
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) if known else None


def _warns(landings: list[Record], fresh: list[Record]) -> tuple[Warn, ...]:
    warns = []
    behind = [f"{row['source']} ({_behind(row)})" for row in fresh if row["freshness_status"] != "healthy"]
    if behind:
        warns.append(Warn(f"Not fresh: {', '.join(behind)}.", "warning"))
    failed = [row for row in landings if row["status"] == "failed"]
    if failed:
        first = failed[0]
        why = f": {first['error']}" if first["error"] else ""
        warns.append(
            Warn(
                f"{counted(len(failed), 'landing')} failed, the newest {first['source']} of {first['landing_date']}{why}",
                "warning",
            )
        )
    quarantined = _sum(landings, "quarantined_count")
    if quarantined:
        warns.append(
            Warn(
                f"Quarantined in these days: {counted(quarantined, 'record')}. Each is kept in the lake with the reason."
            )
        )
    return tuple(warns)


def _behind(row: Record) -> str:
    if row["days_behind_count"] is None:
        return "never landed"
    return f"{counted(row['days_behind_count'], 'day')} behind"


def _audit_sentences(audit: Audit | None) -> tuple[str, ...]:
    if audit is None:
        return ("The audit of this build was not kept here; its Data Docs may still be there.",)
    expectations = (
        "its expectations" if audit.expectation_count is None else counted(audit.expectation_count, "expectation")
    )
    said = f"Build {audit.build_id} {'passed' if audit.is_passed else 'did not pass'} {expectations}"
    return (f"{said}, with {counted(len(audit.warnings), 'warning')}.", *audit.warnings)


def _count_chart(landings: list[Record], days: list[date], names: tuple[str, ...]) -> Chart:
    words = [name.removesuffix("_count").replace("duplicate", "duplicates") for name in names]
    by_day = {day: [row for row in landings if row["landing_date"] == day] for day in days}
    sums = {name: [{name: _sum(by_day[day], name)} for day in days] for name in names}
    totals = (f"{_sum(landings, name) or 0:,} {word}" for name, word in zip(names, words, strict=True))
    return Chart(
        f"records-{'-and-'.join(words)}",
        f"Records {' and '.join(words)}, by day",
        f"{' and '.join(totals)} in {counted(len(days), 'day')}.",
        tuple(days),
        tuple(
            Series(word.capitalize(), floats(sums[name], name), "bar") for name, word in zip(names, words, strict=True)
        ),
        kind="count",
        is_stacked=True,
        empty="Nothing has landed in these days.",
    )
