"""When the message on a week is due: the Monday after it at 10:00 where it is read, or once it can be there if that is later.

A week's days are days of UTC, and its last one is landed on Monday from 06:00 UTC on. East of UTC+3 that is after 10:00.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ai_finops.config import EXTRACT_HOUR_UTC
from ai_finops.days import week_start

DEADLINE = time(10)
"""On Monday, in the zone of AI_FINOPS_TIMEZONE."""
PUBLISHED_BY_UTC = time(EXTRACT_HOUR_UTC + 1)
"""By then a day that is landed without trouble is built, audited, published and told of."""
_ANY_MONDAY = date(2025, 1, 6)


def deadline_of(week: date, *, timezone: str) -> datetime:
    """Return when the message on the week that begins on the Monday `week` is due, in UTC."""
    monday = week + timedelta(days=7)
    where_it_is_read = datetime.combine(monday, DEADLINE, tzinfo=ZoneInfo(timezone))
    return max(where_it_is_read.astimezone(UTC), datetime.combine(monday, PUBLISHED_BY_UTC, tzinfo=UTC))


def due_week(now: datetime, *, timezone: str) -> date:
    """Return the Monday of the last week whose message is due at `now`."""
    last_week = week_start(now.astimezone(ZoneInfo(timezone)).date()) - timedelta(days=7)
    return last_week if now >= deadline_of(last_week, timezone=timezone) else last_week - timedelta(days=7)


def deadline_schedule(timezone: str) -> tuple[str, str]:
    """Return the cron expression and the zone of a check that finds the week due which ended on the day before.

    It is 10:00 where the message is read, all the year round; or else a time of UTC, at which no season's deadline is ahead.
    """
    weeks = [_ANY_MONDAY + timedelta(weeks=number) for number in range(52)]
    deadlines = [deadline_of(week, timezone=timezone) for week in weeks]
    if all(each.astimezone(ZoneInfo(timezone)).time() == DEADLINE for each in deadlines):
        return f"0 {DEADLINE.hour} * * 1", timezone
    latest = max(each.time() for each in deadlines)
    return f"{latest.minute} {latest.hour} * * 1", "UTC"
