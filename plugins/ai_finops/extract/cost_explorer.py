"""Land Cost Explorer's daily costs, for accounts without a billing export.

A partition is a usage day. AWS marks a day `Estimated` until its month is closed, and changes it until then: each landing reads
its own day and, again, every day in the lake that was estimated when it was last read. A call costs $0.01, so days that follow
each other are one request; the dollars are logged. Daily costs are kept for fourteen months.
Source: AWS Cost Explorer API reference, GetCostAndUsage; pricing page of AWS Cost Explorer ($0.01 per paginated request).
"""

from __future__ import annotations

import calendar
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pyarrow.parquet as pq

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.errors import PartitionExpired, SourceBroken
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.cost_and_usage import DayGroups, Question, ask, questions, read_group
from ai_finops.extract.usage_days import UsageDay, days_until, write_days
from ai_finops.lake import Lake, Outcome

logger = logging.getLogger(__name__)

SOURCE = "cost_explorer"
CLIENTS = ("ce",)
PERMISSIONS = (("ce:GetCostAndUsage", "*"),)
"""Cost Explorer knows no resources: the pattern is the only one that it takes."""
USD_PER_CALL = Decimal("0.01")
MONTHS_KEPT = 14


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the partitions of `day` and of the days before it that are estimated in the lake.

    Args:
        day: The landing day, UTC.
        as_of: The run's today; the fourteen months are counted back from it.
        allow_empty: Whether a day that had costs may become one that has none.
    Raises:
        PartitionExpired: Cost Explorer does not keep the day any more.
        SourceForbidden, SourceUnavailable, SourceError: It refuses, or does not answer.
        SourceBroken: An answer cannot be read or leaves out a day, or a day lost all its costs.
        LakeError: A partition cannot be written. In every case the old partitions stay.
    """
    if day < (oldest := oldest_day(as_of)):
        raise PartitionExpired(
            f"Cost Explorer keeps daily costs for {MONTHS_KEPT} months, from {oldest} as of {as_of}, and not of {day}; "
            "what was landed before stays"
        )
    wanted = days_read(day, lake=lake, lookback_days=settings.cost_explorer_lookback_days, oldest=oldest)
    days = {each: UsageDay(each, Accounts(SOURCE, day)) for each in wanted}
    estimated: set[date] = set()
    with _calls_counted(clients, day) as calls:
        numbers = count(1)
        for first, last in spans(wanted):
            for question in _all_questions(settings):
                pages = ask(clients["ce"], question, first=first, last=last, numbers=numbers)
                estimated |= _load(question, pages, days=days, first=first, last=last)
    for each in days.values():
        _mark(each, is_estimated=each.usage_date in estimated)
    return write_days(
        list(days.values()),
        source=SOURCE,
        landing_date=day,
        lake=lake,
        guarded=("daily_costs",),
        as_of=as_of,
        api_calls=calls.calls(),
        allow_empty=allow_empty,
    )


def oldest_day(as_of: date) -> date:
    """Return the earliest day whose daily costs are kept: fourteen months before `as_of`."""
    months = as_of.year * 12 + as_of.month - 1 - MONTHS_KEPT
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(as_of.day, calendar.monthrange(year, month)[1]))


def days_read(day: date, *, lake: Lake, lookback_days: int, oldest: date) -> list[date]:
    """Return the days that a landing of `day` reads, the earliest first: the estimated ones before it, and itself."""
    before = days_until(day, count=lookback_days + 1)[:-1]
    return [*(each for each in before if each >= oldest and _is_estimated(lake, each)), day]


def spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """Return the first and the last of each run of days that follow each other; `days` are in order."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] + timedelta(days=1) == day:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def _is_estimated(lake: Lake, day: date) -> bool:
    version = lake.current_version(SOURCE, str(day))
    if version is None:
        return False
    told = pq.read_table(version.file("reported_days"), columns=["is_estimated"], partitioning=None)
    return any(told["is_estimated"].to_pylist())


def _all_questions(settings: Settings) -> list[Question]:
    accounts = settings.cost_explorer_accounts or (None,)
    return [each for account in accounts for each in questions(settings.cost_explorer_keys, account_id=account)]


@contextmanager
def _calls_counted(clients: aws.Clients, day: date) -> Iterator[aws.ClientCalls]:
    """Count the calls, and log what they cost, also when one of them fails."""
    with aws.calls_counted(clients) as calls:
        try:
            yield calls
        finally:
            dollars = calls.count * USD_PER_CALL
            logger.info("Cost Explorer for %s: %d calls, $%s", day, calls.count, dollars)


def _load(
    question: Question, pages: Iterable[DayGroups], *, days: dict[date, UsageDay], first: date, last: date
) -> set[date]:
    """Add the rows of one answer to their days; return the days that are estimated."""
    told: dict[date, dict[tuple[str, ...], dict[str, Any]]] = {}
    estimated = set()
    for page in pages:
        if not first <= page.day <= last:
            raise SourceBroken(
                f"Cost Explorer answers for {page.day} and was asked for {first} to {last}; the old partitions stay"
            )
        _load_page(question, page, day=days[page.day], told=told.setdefault(page.day, {}))
        if page.is_estimated:
            estimated.add(page.day)
    missing = [each for each in days_until(last, count=(last - first).days + 1) if each not in told]
    if missing:
        raise SourceBroken(f"Cost Explorer leaves out {missing[0]} and was asked for it; the old partitions stay")
    return estimated


def _load_page(
    question: Question, page: DayGroups, *, day: UsageDay, told: dict[tuple[str, ...], dict[str, Any]]
) -> None:
    object_key = f"GetCostAndUsage/{question.name}/{page.day}/page-{page.page_number}"
    account = day.accounts.objects[day.accounts.open(object_key, bytes_read=page.bytes_read)]
    for group in page.groups:
        row = read_group(group, question=question, day=page.day)
        keys = tuple(group["Keys"])
        account.read_count += 1
        if keys not in told:
            told[keys] = row
            run = {"api_call_number": page.api_call_number, "object_key": object_key}
            day.rows["daily_costs"].append(row | run)
            account.loaded_count += 1
        elif told[keys] == row:
            account.duplicate_count += 1
            account.reason = "the same group came before"
        else:
            raise SourceBroken(
                f"Cost Explorer {question.name} {page.day}: the group {', '.join(keys)} comes twice with different costs; "
                "try again, the old partitions stay"
            )


def _mark(day: UsageDay, *, is_estimated: bool) -> None:
    """Say of the day, and of each of its rows, whether AWS may still change it."""
    for row in day.rows["daily_costs"]:
        row["is_estimated"] = is_estimated
    day.rows["reported_days"].append({"is_estimated": is_estimated, "group_count": len(day.rows["daily_costs"])})
