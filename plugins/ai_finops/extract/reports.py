"""Reports that come in daily buckets, as OpenAI's and Anthropic's admin APIs give them: asked for, paged, loaded and landed.

A page is `{"data": [bucket, …], "has_more": …, "next_page": …}`, a bucket one UTC day with its `results`. Without a `limit`
both APIs answer with seven buckets, so one is always asked for, and pages are followed whatever it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ai_finops.errors import SourceBroken
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.http_api import JsonApi, calls_counted
from ai_finops.extract.said_fields import SaidFields
from ai_finops.extract.usage_days import UsageDay, days_until, write_days
from ai_finops.lake import Lake, Outcome

MOST_PAGES = 200
"""More pages than this for a few days are an API that goes in circles."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """One endpoint."""

    name: str
    """In object keys and as `report` in the lake: `usage/completions`."""
    path: str
    table: str
    """The table of the lake that its results fill."""
    group_by: tuple[str, ...]
    most_buckets: int
    """The highest `limit` that it takes."""
    read: Callable[[SaidFields], dict[str, Any]]
    """Makes a row of a result."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """How an API writes times."""

    window: Callable[[datetime, datetime], list[tuple[str, str | int]]]
    """The parameters for a start and an exclusive end."""
    span: Callable[[SaidFields], tuple[datetime, datetime]]
    """Start and exclusive end of a bucket."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One day on one page."""

    day: date
    results: list[Any]
    page_number: int
    """1 for the first page that holds something of the day."""
    bytes_read: int
    """The page's, on the first bucket of it."""


def land_reports(
    reports: Sequence[Report],
    *,
    source: str,
    calendar: Calendar,
    api: JsonApi,
    day: date,
    day_count: int,
    lake: Lake,
    as_of: date,
    allow_empty: bool,
) -> Outcome:
    """Replace the partitions of `day` and the days before it with what all reports say of them.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable, SourceError: The API refuses, or does not answer.
        SourceBroken: An answer cannot be read, or a table of some day lost all its rows.
        LakeError: A partition cannot be written. In every case the old partitions stay.
    """
    days = [UsageDay(each, Accounts(source, day)) for each in days_until(day, count=day_count)]
    with calls_counted(api) as calls:
        for report in reports:
            _load(report, days, calendar=calendar, api=api)
    return write_days(
        days,
        source=source,
        landing_date=day,
        lake=lake,
        guarded=sorted({report.table for report in reports}),
        as_of=as_of,
        api_calls=calls.calls(),
        allow_empty=allow_empty,
    )


def read_buckets(report: Report, *, calendar: Calendar, api: JsonApi, first: date, last: date) -> Iterator[Bucket]:
    """Yield the buckets from `first` to `last` page by page; what lies outside of them is not theirs.

    Raises:
        SourceBroken: A page or a bucket is not as documented, or the pages do not end.
    """
    begin = datetime.combine(first, time(), tzinfo=UTC)
    asked = [
        *calendar.window(begin, begin + ((last - first).days + 1) * DAY),
        ("bucket_width", "1d"),
        ("limit", min(report.most_buckets, (last - first).days + 1)),
        *(("group_by[]", name) for name in report.group_by),
    ]
    page, seen, pages_by_day = None, set(), Counter()
    for _ in range(MOST_PAGES):
        answer = api.get(report.path, params=asked if page is None else [*asked, ("page", page)])
        fields = SaidFields(answer.document, place=f"{api.account.name} {report.name}")
        bytes_read = answer.bytes_read
        for said in fields.listed("data"):
            bucket = SaidFields(said, place=f"{api.account.name} {report.name}, a bucket")
            day = _day_of(bucket, calendar)
            if first <= day <= last:
                pages_by_day[day] += 1
                yield Bucket(day, bucket.listed("results"), pages_by_day[day], bytes_read)
                bytes_read = 0
        page = _next_page(fields)
        if page is None:
            return
        if page in seen:
            break
        seen.add(page)
    raise SourceBroken(f"{api.account.name} {report.name}: its pages go in circles; try again, the old partitions stay")


def _day_of(bucket: SaidFields, calendar: Calendar) -> date:
    start, end = (moment.astimezone(UTC) for moment in calendar.span(bucket))
    if start.time() != time() or end - start != DAY:
        raise bucket.broken(f"a bucket is no UTC day: {start} to {end}")
    return start.date()


def _next_page(fields: SaidFields) -> str | None:
    page, has_more = fields.text("next_page"), fields.flag("has_more")
    if has_more and page is None:
        raise fields.missing("next_page")
    return None if has_more is False else page


def _load(report: Report, days: Sequence[UsageDay], *, calendar: Calendar, api: JsonApi) -> None:
    by_date = {each.usage_date: each for each in days}
    told: dict[date, list[list[Any]]] = {each: [] for each in by_date}
    for bucket in read_buckets(report, calendar=calendar, api=api, first=min(by_date), last=max(by_date)):
        day = by_date[bucket.day]
        object_key = f"{report.name}/{bucket.day}/page-{bucket.page_number}"
        account = day.accounts.objects[day.accounts.open(object_key, bytes_read=bucket.bytes_read)]
        account.read_count = len(bucket.results)
        if bucket.results and bucket.results in told[bucket.day]:
            account.duplicate_count, account.reason = len(bucket.results), "the same bucket came before"
            continue
        told[bucket.day].append(bucket.results)
        place = f"{api.account.name} {report.name} {bucket.day}"
        day.rows[report.table] += _rows(report, bucket, day=day, place=place, object_key=object_key)
        account.loaded_count = len(bucket.results)
    for each in days:
        if not told[each.usage_date]:
            number = each.accounts.open(f"{report.name}/{each.usage_date}/page-1")
            each.accounts.objects[number].reason = "the answer has no bucket of this day"


def _rows(report: Report, bucket: Bucket, *, day: UsageDay, place: str, object_key: str) -> Iterator[dict[str, Any]]:
    unread: Counter[str] = Counter()
    for number, said in enumerate(bucket.results, start=1):
        fields = SaidFields(said, place=f"{place}, result {number}")
        yield report.read(fields) | {"object_key": object_key}
        unread.update(fields.unread())
    day.rows["unread_fields"] += [
        {"report": report.name, "field_name": name, "result_count": count, "object_key": object_key}
        for name, count in unread.items()
    ]
