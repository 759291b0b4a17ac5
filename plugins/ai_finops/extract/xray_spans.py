"""Land one day of spans from the log group that X-Ray's Transaction Search writes: `aws/spans`.

**What a day is.** A partition is the day on which CloudWatch ingested the events, as it is the day of arrival for the
collector's objects. FilterLogEvents selects by an event's own time and tells its ingestion time, so a landing reads the events
of its day, of `AI_FINOPS_SPANS_LATE_DAYS` before it and of the two hours after it (CloudWatch takes no event further in the
future) and keeps those that were ingested on the day. Each event has one ingestion time, so it is in one partition, however
often its hour is read: nothing counts twice. An event that came more than so many days late is not found; CloudWatch takes
none older than 14 days, so with 14 nothing can be lost, for five times the reading of the default of 2. An ingestion day that
is over gets no more events: landing it again gives the same, until the group's retention begins to delete, which is refused.

**Why not StartQuery.** Logs Insights can select by ingestion time, but is billed by the bytes it scans, gives 100,000 rows a
query at most, and may be cut short by the group's query limits. FilterLogEvents pages through everything and is free of charge.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow.parquet as pq

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.errors import PartitionExpired
from ai_finops.extract import contents, landings, log_group, logged_spans, span_queries
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.log_group import LogGroup
from ai_finops.extract.span_loader import SpanLoader
from ai_finops.lake import Lake, Outcome
from ai_finops.privacy.users import landing_users

SOURCE = "xray_spans"
QUERIES = "xray_queries"
CLIENTS = ("logs",)
PERMISSIONS = (
    ("logs:DescribeLogGroups", "arn:aws:logs:{aws_region}:*:log-group:*"),
    ("logs:FilterLogEvents", "arn:aws:logs:{aws_region}:*:log-group:{spans_log_group}:*"),
)
FUTURE_HOURS = 2
"""How far ahead of its ingestion CloudWatch lets an event's own time be."""


@dataclass(slots=True)
class Hour:
    """The events of one hour that were ingested on the landing day."""

    start: datetime
    file: BinaryIO
    """One trace request a line; an event that is no span is an empty line."""
    bytes_read: int = 0
    event_count: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Place and reason."""


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the day's partition with the spans that were ingested on it.

    Args:
        day: The landing day, UTC.
        as_of: The date on which the log group is asked; its retention is counted back from it.
        allow_empty: Whether a day may have fewer spans than it had, or none.
    Raises:
        PartitionExpired: The log group does not keep the day any more, or not all of it.
        SourceForbidden, SourceMissing, SourceUnavailable: The log group cannot be read.
        SourceBroken: The day had spans and has none that can be read now.
        LakeError: The partition cannot be written. In every case the old partition stays.
    """
    accounts = Accounts(SOURCE, day)
    named = log_group.group_setting("AI_FINOPS_SPANS_LOG_GROUP", name=settings.spans_log_group)
    with (
        landing_users(day, settings=settings, as_of=as_of) as users,
        aws.calls_counted(clients) as calls,
        named,
        tempfile.TemporaryDirectory(prefix="xray-spans-") as folder,
    ):
        group = log_group.find_group(clients["logs"], name=settings.spans_log_group)
        _require_kept(day, group=group, as_of=as_of)
        loader = SpanLoader(Path(folder), accounts=accounts, users=users, as_of=morning_after(day))
        try:
            _read_day(
                day, loader, settings=settings, logs=clients["logs"], group=group, accounts=accounts, folder=folder
            )
            tables, queries = loader.tables(), loader.queries()
        finally:
            loader.close()
        totals = accounts.totals()
        if not allow_empty:
            _refuse_losing(lake, day, group=group, read_count=totals["read_count"])
        landings.refuse_emptying(
            lake, SOURCE, str(day), table="spans", row_count=totals["loaded_count"], allow_empty=allow_empty
        )
        lake.write_partition(SOURCE, str(day), tables=tables)
        contents.settle(
            day, source=QUERIES, table=span_queries.TABLE, texts=queries, settings=settings, lake=lake, as_of=as_of
        )
    return landings.outcome(SOURCE, day, as_of=as_of, totals=totals, partitions=(str(day),), api_calls=calls.calls())


def hours_read(day: date, *, late_days: int, retention_days: int | None) -> list[datetime]:
    """Return the hours whose events a landing of `day` reads, the earliest first.

    None of them is past the retention on the morning after the day.
    """
    if retention_days is not None:
        late_days = min(late_days, retention_days - 1)
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    return log_group.hours_between(
        midnight - timedelta(days=late_days), midnight + timedelta(days=1, hours=FUTURE_HOURS)
    )


def _require_kept(day: date, *, group: LogGroup, as_of: date) -> None:
    age_days = (as_of - day).days
    if group.retention_days is not None and age_days > group.retention_days:
        raise PartitionExpired(
            f"the log group {group.name} keeps events for {group.retention_days} days and {day} is {age_days} days before "
            f"{as_of}; what was landed before stays"
        )


def _refuse_losing(lake: Lake, day: date, *, group: LogGroup, read_count: int) -> None:
    """Stop before a day would lose spans: a day that is over gains none, so fewer means that they are being deleted."""
    current = lake.current_version(SOURCE, str(day))
    before = (
        sum(pq.read_table(current.file("objects"), columns=["read_count"])["read_count"].to_pylist()) if current else 0
    )
    if read_count < before:
        kept = "for ever" if group.retention_days is None else f"for {group.retention_days} days"
        raise PartitionExpired(
            f"{SOURCE} {day} was landed with {before} spans and the log group {group.name}, which keeps them {kept}, now "
            f"gives {read_count}; what was landed before stays; if AI_FINOPS_SPANS_LATE_DAYS was made smaller, or fewer is "
            "right, land the day with --allow-empty"
        )


def _read_day(
    day: date,
    loader: SpanLoader,
    *,
    settings: Settings,
    logs: Any,
    group: LogGroup,
    accounts: Accounts,
    folder: str,
) -> None:
    def read(hour: datetime) -> Hour:
        return _read_hour(hour, day=day, logs=logs, group=group, folder=folder)

    hours = hours_read(day, late_days=settings.spans_late_days, retention_days=group.retention_days)
    for hour in log_group.each_in_order(hours, read=read):
        with hour.file as file:
            if hour.event_count:
                number = accounts.open(f"{group.name}/{hour.start:%Y-%m-%dT%H}", bytes_read=hour.bytes_read)
                for place, reason in hour.problems:
                    accounts.quarantine(number, place=place, reason=reason)
                loader.add_json(number, file)


def _read_hour(hour: datetime, *, day: date, logs: Any, group: LogGroup, folder: str) -> Hour:
    """Write the hour's events of the landing day to a file of trace requests."""
    ingested_from = int(datetime.combine(day, time(), tzinfo=UTC).timestamp()) * 1000
    ingested_until = ingested_from + 86_400_000
    found = Hour(hour, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - handed on open
    try:
        for event in log_group.events_of_hour(logs, group=group, hour=hour):
            if not ingested_from <= event["ingestionTime"] < ingested_until:
                continue
            found.event_count += 1
            found.bytes_read += len(event["message"].encode(errors="surrogatepass"))
            line = b""
            try:
                line = logged_spans.request_of(event["message"], account_id=group.account_id)
            except ValueError as error:
                found.problems.append((f"line {found.event_count}, event {event['eventId']}", str(error)))
            found.file.write(line + b"\n")
        found.file.seek(0)
    except BaseException:
        found.file.close()
        raise
    return found
