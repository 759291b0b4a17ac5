"""Data health: what arrived, what did not, what could not be read, and what the last audit said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ai_finops.errors import PublishError
from ai_finops.report.wording import counted
from ai_finops.ui.choosing import Chosen, choose_one, or_all, plain, value_of
from ai_finops.ui.kept_audit import Audit, audit_of, docs_address
from ai_finops.ui.rows import Record, column, fill, records
from ai_finops.ui.view import Choice, Fact, Link, Section, Table, View, Warn
from ai_finops.ui.views.arrivals import NOT_LANDED, OUTCOMES, Arrivals, days_shown, matrix, silence_warns, source_charts
from ai_finops.ui.views.quarantine import quarantine_section

if TYPE_CHECKING:
    import duckdb

    from ai_finops.config import Settings

WINDOWS = ("14", "28", "90")
_NOT_FRESH = ("behind", "never_landed")

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
    note="Read = loaded + ignored + quarantined + duplicates.",
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
    note="fresh, empty (its newest day brought nothing), behind, or never landed. The build's clock is the day after the "
    "newest day that it can hold. Failed and quarantined are of the days shown.",
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
        column("reason", "Why", "name"),
        column("usage_gap", "As the library says", "name"),
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
        column("cost_reason", "Why", "name"),
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
    outcomes = records(connection, f"select source, min(landing_date) as first_date from {OUTCOMES} group by 1")  # noqa: S608 - our own name
    first_dates = {row["source"]: row["first_date"] for row in outcomes}
    # One that is switched on and has never landed is a silence too; before anything has landed, all are.
    sources = sorted({*first_dates, *(settings.sources if first_dates else ())})
    choice = choose_one(chosen, "source", "Source", or_all(plain(sources), label="All sources"))
    source = value_of(choice)
    as_of = builds[0]["as_of_date"] if builds else _newest_day(connection)
    first = as_of - timedelta(days=int(window.chosen[0])) if as_of else None
    landings = _landings(connection, first, source)
    shown = tuple(each for each in sources if source in (None, each))
    arrivals = Arrivals(shown, days_shown(landings, as_of), landings, first_dates)
    fresh = _freshness(connection, as_of, first, shown)
    published = _published(builds[0]["build_id"] if builds else None, settings)
    return View(
        slug="health",
        title="Data health",
        lead="Did everything arrive, what could not be read, and did the marts pass their audit?",
        facts=_facts(as_of, arrivals, published),
        filters=(window, choice),
        warns=_warns(arrivals, fresh),
        sections=(
            Section(
                "What arrived",
                charts=source_charts(arrivals),
                tables=(matrix(arrivals), fill(_FRESHNESS, fresh), fill(_LANDINGS, landings)),
            ),
            quarantine_section(arrivals, settings=settings),
            Section("The audit", sentences=published.sentences, links=published.links, tables=(fill(_BUILDS, builds),)),
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


def _newest_day(connection: duckdb.DuckDBPyConnection) -> date | None:
    return records(connection, f"select max(landing_date) + 1 as day from {OUTCOMES}")[0]["day"]  # noqa: S608 - our own name


def _landings(connection: duckdb.DuckDBPyConnection, first: date | None, source: str | None) -> list[Record]:
    query = """
        select * from fct_daily_extract_outcomes
        where landing_date >= $first and ($source is null or source = $source)
        order by landing_date desc, source"""
    return records(connection, query, first=first, source=source)


def _freshness(
    connection: duckdb.DuckDBPyConnection, as_of: date | None, first: date | None, sources: tuple[str, ...]
) -> list[Record]:
    query = """
        select
            sources.source,
            max(landing_date) filter (where status in ('loaded', 'empty')) as newest_date,
            max(landing_date) filter (where loaded_count > 0) as newest_with_rows_date,
            count(*) filter (where status in ('failed', 'missing') and landing_date >= $first) as failed_count,
            sum(quarantined_count) filter (where landing_date >= $first) as quarantined_count
        from (select unnest($sources::varchar[]) as source) as sources
        left join fct_daily_extract_outcomes as outcomes on sources.source = outcomes.source
        group by 1 order by 1"""
    rows = []
    for row in records(connection, query, first=first, sources=list(sources)):
        newest = row["newest_date"]
        behind = (as_of - timedelta(days=1) - newest).days if newest and as_of else None
        rows.append(row | {"days_behind_count": behind, "freshness_status": _how_fresh(row, behind)})
    return rows


def _how_fresh(row: Record, behind: int | None) -> str:
    if behind is None:
        return "never_landed"
    if behind > 0:
        return "behind"
    return "fresh" if row["newest_with_rows_date"] == row["newest_date"] else "empty"


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


@dataclass(frozen=True, slots=True)
class _Published:
    """What is known of the audit of the build that is shown."""

    verdict: str
    note: str | None
    sentences: tuple[str, ...]
    links: tuple[Link, ...]


def _published(build_id: str | None, settings: Settings) -> _Published:
    links = tuple(_links(build_id, settings))
    try:
        audit = audit_of(settings, build_id) if build_id else None
    except PublishError as error:
        return _Published("unreadable", None, (f"What the audit of this build said is not known: {error}.",), links)
    if audit is None:
        return _Published("not_kept", None, ("The audit of this build was not kept here.",), links)
    verdict = "not_passed" if not audit.is_passed else "passed_with_warnings" if audit.warnings else "passed"
    return _Published(verdict, counted(len(audit.warnings), "warning"), _audit_sentences(audit), links)


def _links(build_id: str | None, settings: Settings) -> Iterator[Link]:
    """The pages that exist: sites of other programs are made by an audit and by publishing, and let go of later."""
    if build_id and (address := docs_address(settings, build_id)):
        yield Link("The audit of this build (Data Docs)", address)
    if (settings.home / "data_docs" / "index.html").is_file():
        yield Link("The last audits (Data Docs)", "data-docs/index.html")
    if (settings.published / "dbt_docs" / "index.html").is_file():
        yield Link("Models and their columns (dbt docs)", "dbt-docs/index.html")
    yield Link("Definitions", "definitions")


def _facts(as_of: date | None, arrivals: Arrivals, published: _Published) -> tuple[Fact, ...]:
    bad = sum(row["status"] in ("failed", "missing") for row in arrivals.landings)
    absent, empty = (sum(map(len, arrivals.silent_days(status).values())) for status in (NOT_LANDED, "empty"))
    return (
        Fact("Data before", as_of, "date", "the build's clock", source="dim_builds.as_of_date"),
        Fact(
            "Landings failed, missing or absent",
            bad + absent,
            "count",
            status="warning" if bad + absent else "healthy",
            source=f"{OUTCOMES}.status",
        ),
        Fact(
            "Landings empty",
            empty,
            "count",
            "asked, and got nothing",
            status="watch" if empty else None,
            source=f"{OUTCOMES}.status",
        ),
        Fact(
            "Records quarantined",
            _sum(arrivals.landings, "quarantined_count"),
            "count",
            source=f"{OUTCOMES}.quarantined_count",
        ),
        Fact("Audit of this build", published.verdict, "status", published.note),
    )


def _sum(rows: Iterable[Record], name: str) -> int | None:
    """Return the sum of what is known; None where nothing is."""
    known = [row[name] for row in rows if row[name] is not None]
    return sum(known) if known else None


def _warns(arrivals: Arrivals, fresh: list[Record]) -> tuple[Warn, ...]:
    warns = []
    behind = [f"{row['source']} ({_behind(row)})" for row in fresh if row["freshness_status"] in _NOT_FRESH]
    if behind and arrivals.days:
        warns.append(Warn(f"Not fresh: {', '.join(behind)}.", "warning"))
    failed = [row for row in arrivals.landings if row["status"] == "failed"]
    if failed:
        first = failed[0]
        why = f": {first['error']}" if first["error"] else ""
        warns.append(
            Warn(
                f"{counted(len(failed), 'landing')} failed, the newest {first['source']} of {first['landing_date']}{why}",
                "warning",
            )
        )
    warns += silence_warns(arrivals, newest={row["source"]: row["newest_date"] for row in fresh})
    quarantined = _sum(arrivals.landings, "quarantined_count")
    if quarantined:
        warns.append(
            Warn(
                f"Quarantined in these days: {counted(quarantined, 'record')}. Where they lie, and why, stands below under "
                "What could not be read."
            )
        )
    return tuple(warns)


def _behind(row: Record) -> str:
    if row["days_behind_count"] is None:
        return "never landed"
    return f"{counted(row['days_behind_count'], 'day')} behind"


def _audit_sentences(audit: Audit) -> tuple[str, ...]:
    expectations = (
        "its expectations" if audit.expectation_count is None else counted(audit.expectation_count, "expectation")
    )
    said = f"Build {audit.build_id} {'passed' if audit.is_passed else 'did not pass'} {expectations}"
    return (f"{said}, with {counted(len(audit.warnings), 'warning')}.", *audit.failures, *audit.warnings)
