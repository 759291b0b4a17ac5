"""What could not be read: how much of it, where it lies, and how to look at it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ai_finops.report.wording import counted
from ai_finops.ui.rows import Record, column
from ai_finops.ui.view import Chart, Section, Series, Table
from ai_finops.ui.views.arrivals import OUTCOMES, Arrivals

if TYPE_CHECKING:
    from ai_finops.config import Settings


def quarantine_section(arrivals: Arrivals, *, settings: Settings) -> Section:
    """Return the picture by source, the landings that set records aside with where these are, and how to look."""
    rows = [row for row in arrivals.landings if row["quarantined_count"]]
    return Section(
        "What could not be read",
        charts=(_chart(arrivals, rows),),
        sentences=(_HOW_TO_LOOK,) if rows else (),
        commands=_commands(rows[0], settings=settings) if rows else (),
        tables=(_table(rows, settings=settings),),
    )


_HOW_TO_LOOK = (
    "A record that cannot be read stops nothing. The lake keeps a row for it with the object, the place in it and the "
    "reason; the object itself stays at its source. The query shows those of the newest landing below, in DuckDB where the "
    "workers run; of several versions (v000001, v000002) of a partition the highest counts. Once the source is mended, the "
    "command lands the day again, and the next build has the records."
)


def _commands(newest: Record, *, settings: Settings) -> tuple[str, ...]:
    return (
        look_query(newest, settings=settings),
        f"ai-finops land {newest['source']} --from {newest['landing_date']}",
    )


def _chart(arrivals: Arrivals, rows: list[Record]) -> Chart:
    by_source: dict[str, dict] = {}
    for row in rows:
        by_source.setdefault(row["source"], {})[row["landing_date"]] = float(row["quarantined_count"])
    total = sum(row["quarantined_count"] for row in rows)
    told = f"{counted(total, 'record')} quarantined in {counted(len(arrivals.days), 'day')}"
    return Chart(
        "records-quarantined",
        "Records quarantined, by source",
        f"{told}: {', '.join(f'{source} {sum(own.values()):,.0f}' for source, own in by_source.items()) or 'none'}.",
        arrivals.days,
        tuple(Series(source, _values(arrivals, source, own), "bar") for source, own in sorted(by_source.items())),
        kind="count",
        is_stacked=True,
        empty="Nothing was quarantined in these days.",
    )


def _values(arrivals: Arrivals, source: str, own: dict) -> tuple[float | None, ...]:
    """Return the records of each day; none of a landing without any, not known where there was no landing."""
    landed = arrivals.of(source)
    return tuple(own.get(day, 0.0 if day in landed else None) for day in arrivals.days)


def _table(rows: Iterable[Record], *, settings: Settings) -> Table:
    return Table(
        "quarantine",
        "Where what was quarantined lies",
        OUTCOMES,
        (
            column("landing_date", "Day", "date"),
            column("source", "Source"),
            column("quarantined_count", "Quarantined", "count"),
            column("read_count", "Read", "count"),
            column("object_address", "Read from", source=f"{OUTCOMES}.source"),
            column("quarantine_address", "Kept with the reason in", source=f"{OUTCOMES}.quarantined_count"),
        ),
        tuple(
            (
                row["landing_date"],
                row["source"],
                row["quarantined_count"],
                row["read_count"],
                object_address(row["source"], settings=settings),
                quarantine_address(row["source"], settings=settings),
            )
            for row in rows
        ),
        empty="Nothing was quarantined in these days: every record that was read is loaded, ignored on purpose or a duplicate.",
    )


def look_query(landing: Record, *, settings: Settings) -> str:
    """Return the query that shows what a landing set aside."""
    path = quarantine_address(landing["source"], settings=settings).replace("'", "''")
    return (
        "select object_key, place, reason, record_count, filename\n"
        f"from read_parquet(\n  '{path}',\n  filename = true, hive_partitioning = false\n)\n"
        f"where landing_date = '{landing['landing_date']}'\n"
        "order by all"
    )


def quarantine_address(source: str, *, settings: Settings) -> str:
    """Return where the lake keeps what of a source was quarantined: a file in each version of each partition (`lake.py`)."""
    return f"{settings.lake}/data/{source}/*/v*/quarantine.parquet"


def object_address(source: str, *, settings: Settings) -> str:
    """Return where the objects were read from; `<object_key>` stands for the column of that name."""
    buckets = {
        "traces": settings.traces_bucket,
        "bedrock_logs": settings.bedrock_logs_bucket,
        "billing": settings.billing_bucket,
        "focus": settings.focus_bucket,
    }
    if source in buckets:
        return f"s3://{buckets[source]}/<object_key>"
    return f"log group {settings.spans_log_group}" if source == "xray_spans" else f"the API of {source}"
