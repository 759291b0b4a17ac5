"""Whether the week's message is there by the deadline, and what is missing where it is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.days import days_between
from ai_finops.due import due_week
from ai_finops.errors import AiFinopsError, ReportError
from ai_finops.report.alerting import try_alert
from ai_finops.report.deliver import reviews_of
from ai_finops.report.digest import load, published_as_of
from ai_finops.report.failures import NotTold
from ai_finops.report.ledger import ALERT, MAIL, POSTED, claim, confirm, entry_path, locked, read_entry, release
from ai_finops.report.mail import mail_entry_path, not_taken
from ai_finops.report.slack import channel_of, find_hook
from ai_finops.report.slack_entry import find_entry_path
from ai_finops.report.wording import day_name, day_names

logger = logging.getLogger(__name__)


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
    """Return what is missing of the message that is due, having told the alert channel of it once; None when all is well.

    Raises:
        NotTold: Nobody could be told of it; run again.
    """
    week = due_week(now, timezone=settings.timezone)
    text = find_overdue(settings, week=week)
    if text is not None:
        _tell_once(settings, text, path=entry_path(reviews_of(settings), week=week, channel=ALERT), week=week)
    return text


def _tell_once(settings: Settings, text: str, *, path: Path, week: date) -> None:
    """Tell the alert channel unless an earlier check has. One that ended in between may have; twice is better than never."""
    with ExitStack() as held:
        is_kept = True
        try:
            held.enter_context(locked(path))
            entry = claim(path, week=week, channel=ALERT, content_sha256="")
            if entry and entry.state == POSTED:
                return
        except ReportError as error:  # what keeps the ledger from being written may be why the message is late
            text, is_kept = f"{text} That this was told cannot be written down: {error}.", False
        told, failed = try_alert(settings, text)
        if is_kept:
            try:
                (confirm if told else release)(path)
            except ReportError as error:  # the next check tells it again
                logger.error("%s", error)
    if failed and not told:
        raise NotTold(f"{text} Nobody could be told of it: {'; '.join(failed)}")


def _missing(settings: Settings, week: date) -> Iterator[str]:
    reviews = reviews_of(settings)
    where = [*_in_slack(settings, week=week), *_by_mail(settings, week=week)]
    if not where and not (reviews / f"{week}.md").exists():
        yield f"it is not in {reviews}"
    yield from filter(None, where)


def _in_slack(settings: Settings, *, week: date) -> Iterator[str]:
    """Yield what is missing in the channel, which is an empty text where nothing is; nothing without a connection."""
    try:
        hook = find_hook(settings.slack_connection)
        if hook is not None:
            channel = channel_of(hook, default=settings.slack_channel)
            yield _lacking(find_entry_path(hook, reviews_of(settings), week=week, channel=channel), channel)
    except ReportError as error:
        yield f"whether it was sent to Slack is not known: {error}"


def _by_mail(settings: Settings, *, week: date) -> Iterator[str]:
    if settings.email_to:
        path = mail_entry_path(reviews_of(settings), week=week, to=settings.email_to)
        try:
            yield _lacking(path, f"{MAIL} {', '.join(sorted(settings.email_to))}")
        except ReportError as error:
            yield f"whether it was sent by e-mail is not known: {error}"


def _lacking(path: Path, channel: str) -> str:
    entry = read_entry(path)
    if entry is None:
        return f"it was not sent to {channel}"
    if entry.state != POSTED:
        return f"a run that sent it to {channel} did not come to its end"
    return not_taken(entry.not_taken) if entry.not_taken else ""


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
