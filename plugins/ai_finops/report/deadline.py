"""Whether the week's message is there by the deadline, and what is missing where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ai_finops.config import EXTRACT_HOUR_UTC, Settings
from ai_finops.days import days_between, week_start
from ai_finops.errors import AiFinopsError
from ai_finops.report.alerting import alert
from ai_finops.report.deliver import reviews_of
from ai_finops.report.digest import load, published_as_of
from ai_finops.report.ledger import POSTED, claim, confirm, entry_path, find_entry_path, locked, read_entry, release
from ai_finops.report.slack import channel_of, find_hook
from ai_finops.report.wording import day_name, day_names

DEADLINE_HOUR = 10
"""On Monday, in the zone of AI_FINOPS_TIMEZONE."""


def due_week(now: datetime, *, timezone: str) -> date:
    """Return the Monday of the last week whose message is due at `now`.

    Far east of Greenwich Monday 10:00 comes before the week's last day is over in UTC and landed; there it is the week before.
    """
    this_week = week_start(now.astimezone(ZoneInfo(timezone)).date())
    landed_from = datetime.combine(this_week, time(EXTRACT_HOUR_UTC), tzinfo=UTC)
    return this_week - timedelta(days=7 if now >= landed_from else 14)


def find_overdue(settings: Settings, *, week: date) -> str | None:
    """Return what is missing of a week's message, in sentences; None when it is where it should be.

    It should be in each channel that is configured; where none is, kept under `reviews/`.
    """
    missing = list(_missing(settings, week))
    if not missing:
        return None
    said = f"The AI cost message for the week of {day_name(week)} is late: {'; '.join(missing)}."
    return f"{said} {_reason(settings, week)}"


def check_deadline(settings: Settings, *, now: datetime) -> str | None:
    """Return what is missing of the message that is due, having told the alert channel of it once; None when all is well."""
    week = due_week(now, timezone=settings.timezone)
    text = find_overdue(settings, week=week)
    if text is None:
        return None
    path = entry_path(reviews_of(settings), week=week, channel="alert of the deadline")
    with locked(path):
        if claim(path, week=week, channel="alert of the deadline", content_sha256="") is None:
            if alert(settings, text):
                confirm(path)
            else:
                release(path)
    return text


def _missing(settings: Settings, week: date) -> Iterator[str]:
    reviews = reviews_of(settings)
    channels = list(_channels(settings))
    if not channels and not (reviews / f"{week}.md").exists():
        yield f"it is not in {reviews}"
    for channel in channels:
        entry = read_entry(find_entry_path(reviews, week=week, channel=channel))
        if entry is None:
            yield f"it was not sent to {channel}"
        elif entry.state != POSTED:
            yield f"a run that sent it to {channel} did not come to its end"


def _channels(settings: Settings) -> Iterator[str]:
    hook = find_hook(settings.slack_connection)
    if hook is not None:
        yield channel_of(hook, default=settings.slack_channel)
    if settings.email_to:
        yield f"e-mail to {', '.join(sorted(settings.email_to))}"


def _reason(settings: Settings, week: date) -> str:
    """Return which days of the week are not published; or, when all are, where to look."""
    sunday = week + timedelta(days=6)
    try:
        as_of = published_as_of(settings)
        if as_of <= sunday:
            days = ", ".join(map(day_name, days_between(max(as_of, week), sunday)))
            return f"Not published yet: {days}; look at the runs of the extract DAGs and of build_marts."
        digest = load(settings, week)
    except AiFinopsError as error:
        return f"Nothing can be said of its days: {error}."
    if digest.covered_day_count < 7:
        named = day_names(digest.missing_days) if digest.missing_days else f"{7 - digest.covered_day_count}"
        return f"Days without cost data: {named}; look at the runs of the extract DAGs for them."
    return (
        "All seven days are published; look at the runs of report_weekly, and trigger it with the parameter "
        f"week={week} where there is none."
    )
