"""Keep the week's message, print it, and post it once.

<published>/reviews/2025-06-09.md         the text, always, also when posting fails
                   /ledger/<week>.<channel>.json        one file per week and channel that was posted or begun
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.errors import ReportError
from ai_finops.report.digest import WeeklyDigest, last_complete_week, load
from ai_finops.report.ledger import POSTED, claim, confirm, entry_path, release, write_atomically
from ai_finops.report.message import compose
from ai_finops.report.slack import NotPosted, find_hook, post

if TYPE_CHECKING:
    from airflow.providers.slack.hooks.slack import SlackHook


def write_review(*, settings: Settings, week: date) -> str:
    """Compose the message of the week that holds the day `week`, keep it under `reviews/` and print it; return it.

    Raises:
        PublishError: Nothing has been published yet.
        ReportError: The published marts do not hold that week.
    """
    return _keep(load(settings, week), settings=settings)


def deliver(*, settings: Settings, week: date) -> str:
    """Keep and print the message, and post it where that is due; return what was done, or why it was not posted.

    Only the last complete week is posted, only where the Airflow connection `settings.slack_connection` exists, and
    only once per channel, however often this runs.

    Raises:
        PublishError: Nothing has been published yet.
        ReportError: The week is not in the published marts; or Slack did not take the message (`NotPosted`: run again);
            or it is not known whether it did (look at the channel first). The text is kept in every case but the first.
    """
    digest = load(settings, week)
    text = _keep(digest, settings=settings)
    if not digest.is_last_complete_week:
        due = last_complete_week(digest.marts_as_of_date)
        return f"kept, not posted: the last complete week in the marts is that of {due}, not {digest.week_start_date}"
    hook = find_hook(settings.slack_connection)
    if hook is None:
        return f"kept, not posted: there is no Airflow connection {settings.slack_connection}"
    return _post_once(
        hook, digest.week_start_date, channel=settings.slack_channel, text=text, reviews=_reviews(settings)
    )


def _keep(digest: WeeklyDigest, *, settings: Settings) -> str:
    text = compose(digest)
    write_atomically(_reviews(settings) / f"{digest.week_start_date}.md", f"{text}\n")
    print(text)
    return text


def _reviews(settings: Settings) -> Path:
    return settings.published / "reviews"


def _post_once(hook: SlackHook, week: date, *, channel: str, text: str, reviews: Path) -> str:
    path = entry_path(reviews, week=week, channel=channel)
    if entry := claim(path, week=week, channel=channel, text=text):
        if entry.state == POSTED:
            return f"not posted again: the week of {week} is in {channel} already (message {entry.message_ts})"
        # The posted message carries its week as metadata, by which it could be found in the channel and settled here.
        raise ReportError(
            f"an earlier run began to post the week of {week} to {channel} and its end is not known; "
            f"look at the channel, and if the message is not there remove {path} and run again"
        )
    try:
        message_ts = post(hook, channel=channel, text=text, facts={"week_start_date": str(week), "channel": channel})
    except NotPosted:
        release(path)
        raise
    confirm(path, message_ts=message_ts)
    return f"posted to {channel} (message {message_ts})"
