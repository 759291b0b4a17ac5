"""A CloudWatch log group: what it keeps, and the events of an hour, read to a file by a bounded pool."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from ai_finops import aws
from ai_finops.errors import SourceMissing

EVENTS_PER_PAGE = 10_000
"""The most that FilterLogEvents takes; a page of a megabyte is full before."""
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group as CloudWatch describes it."""

    name: str
    arn: str
    retention_days: int | None
    """None: kept for ever."""

    @property
    def account_id(self) -> str:
        """The account that it belongs to."""
        return self.arn.split(":")[4]


@contextmanager
def group_setting(setting: str, *, name: str) -> Iterator[None]:
    """Say of a log group that does not exist which setting to correct, whichever call found out."""
    try:
        yield
    except SourceMissing as error:
        raise SourceMissing(
            f"the log group {name} does not exist; correct {setting}, or let X-Ray send its spans to CloudWatch Logs"
        ) from error


def find_group(logs: Any, *, name: str) -> LogGroup:
    """Return a log group.

    Raises:
        SourceMissing: There is none of that name.
        SourceForbidden, SourceUnavailable: CloudWatch Logs refuses, or does not answer.
    """
    region = logs.meta.region_name
    permission = f"logs:DescribeLogGroups on arn:aws:logs:{region}:*:log-group:*"
    with aws.errors_named(f"the log group {name}", permission=permission):
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        found = (each for page in pages for each in page.get("logGroups", ()) if each["logGroupName"] == name)
        group = next(found, None)
    if group is None:
        raise SourceMissing(f"the log group {name} does not exist")
    return LogGroup(name, group["arn"].removesuffix(":*"), group.get("retentionInDays"))


def hours_between(start: datetime, end: datetime) -> list[datetime]:
    """Return the hours that begin in [start, end)."""
    return [start + timedelta(hours=number) for number in range(int((end - start).total_seconds()) // 3600)]


def events_of_hour(logs: Any, *, group: LogGroup, hour: datetime) -> Iterator[dict]:
    """Yield the events whose own time is in one hour, by time; FilterLogEvents' end is inclusive.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: CloudWatch Logs refuses, or does not answer.
    """
    start = int(hour.timestamp()) * 1000
    with aws.errors_named(f"the log group {group.name}", permission=f"logs:FilterLogEvents on {group.arn}:*"):
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group.name,
            startTime=start,
            endTime=start + 3_600_000 - 1,
            PaginationConfig={"PageSize": EVENTS_PER_PAGE},
        )
        for page in pages:  # an empty page is not the last one; the paginator goes on while there is a token
            yield from page.get("events", ())


def each_in_order(hours: Iterable[datetime], *, read: Callable[[datetime], Read]) -> Iterator[Read]:
    """Yield what `read` makes of each hour, in order, a few ahead of the reader."""
    remaining = iter(hours)
    with ThreadPoolExecutor(aws.POOL_SIZE, thread_name_prefix="hours") as pool:
        waiting = deque(pool.submit(read, hour) for hour in islice(remaining, aws.POOL_SIZE))
        try:
            while waiting:
                found = waiting.popleft().result()
                waiting.extend(pool.submit(read, hour) for hour in islice(remaining, 1))
                yield found
        finally:
            for future in waiting:
                future.cancel()
