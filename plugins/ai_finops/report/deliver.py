"""Keep the week's message, print it, and send it where it is due.

<published>/reviews/2025-06-09.md      the text, always, also when sending fails
                   /2025-06-09.png     the picture
                   /2025-06-09.json    the blocks; without the picture's, which only Slack can name
                   /ledger/<week>.<channel>.json    one file per week and channel that was posted or begun
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.errors import ReportError
from ai_finops.report.digest import last_complete_week
from ai_finops.report.edition import Edition, make_edition
from ai_finops.report.failures import NotKnown, NotPosted
from ai_finops.report.ledger import write_kept
from ai_finops.report.mail import deliver_by_mail
from ai_finops.report.review import load_review
from ai_finops.report.slack import DEFAULT_CONNECTION, channel_of, find_hook
from ai_finops.report.slack_delivery import deliver_to_slack


def read_edition(settings: Settings, week: date) -> Edition:
    """Return the message of the week that holds the day `week`; nothing is kept or sent.

    Raises:
        PublishError: Nothing has been published yet.
        ReportError: The published marts do not hold that week.
    """
    return make_edition(load_review(settings, week), page_url=settings.page_url)


def write_review(*, settings: Settings, week: date) -> str:
    """Compose the message of the week that holds the day `week`, keep it under `reviews/` and print it; return it.

    Raises:
        PublishError: Nothing has been published yet.
        ReportError: The published marts do not hold that week; as NotPosted, it cannot be kept.
    """
    return _keep(read_edition(settings, week), settings=settings).text


def deliver(*, settings: Settings, week: date) -> str:
    """Keep and print the message, and send it where that is due; return what was done, or why it was not sent.

    Only the last complete week is sent: to Slack where an Airflow connection is named for it or `slack_default` exists, by
    e-mail where that is configured, and to each once, however often this runs. A channel that fails keeps no other from
    getting it.

    Raises:
        PublishError: Nothing has been published yet.
        NotPosted, NotKnown: A channel did not take it, or it is not known whether it did; run again. Or it cannot be kept.
        ReportError: The week is not in the published marts, or only a person can tell whether it was sent. The text is kept
            in every case but the first.
    """
    edition = _keep(read_edition(settings, week), settings=settings)
    digest = edition.review.digest
    if not digest.is_last_complete_week:
        due = last_complete_week(digest.marts_as_of_date)
        return f"kept, not posted: the last complete week in the marts is that of {due}, not {digest.week_start_date}"
    done, failed = [], []
    for way in (_to_slack, _by_mail):
        try:
            done += way(edition, settings=settings)
        except ReportError as error:
            failed.append(error)
    if failed:
        raise _all_of(failed, done=done)
    return "; ".join(done) or f"kept, not posted: there is no Airflow connection {DEFAULT_CONNECTION}"


def _to_slack(edition: Edition, *, settings: Settings) -> list[str]:
    hook = find_hook(settings.slack_connection)
    if hook is None:
        return []
    channel = channel_of(hook, default=settings.slack_channel)
    return [deliver_to_slack(hook, edition, channel=channel, reviews=reviews_of(settings))]


def _by_mail(edition: Edition, *, settings: Settings) -> list[str]:
    if not settings.email_to:
        return []
    reviews = reviews_of(settings)
    return [deliver_by_mail(settings.email_connection, edition, to=settings.email_to, reviews=reviews)]


def _all_of(failed: list[ReportError], *, done: list[str]) -> ReportError:
    """Return one error for all, which is tried again when that may help one of them."""
    kinds = [type(error) for error in failed]
    kind = NotKnown if NotKnown in kinds else NotPosted if NotPosted in kinds else ReportError
    if len(failed) == 1 and not done:
        return failed[0]
    return kind("; ".join([*map(str, failed), *done]))


def _keep(edition: Edition, *, settings: Settings) -> Edition:
    kept = reviews_of(settings) / str(edition.week)
    write_kept(kept.with_suffix(".md"), f"{edition.text}\n")
    write_kept(kept.with_suffix(".png"), edition.picture)
    blocks = {"text": edition.fallback, "blocks": edition.blocks(None), "alt_text": edition.alt_text}
    write_kept(kept.with_suffix(".json"), json.dumps(blocks, indent=1, ensure_ascii=False) + "\n")
    print(edition.text)
    return edition


def reviews_of(settings: Settings) -> Path:
    """Return the folder of the kept messages."""
    return settings.published / "reviews"
