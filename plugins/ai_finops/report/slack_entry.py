"""Which file of the ledger is a Slack channel's, however the channel is spelt: `#ai-cost`, `ai-cost` or its id."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import ReportError
from ai_finops.report import slack
from ai_finops.report.failures import NotPosted
from ai_finops.report.ledger import ALERT, MAIL, LedgerEntry, entry_path, entry_paths, read_entry, readable

if TYPE_CHECKING:
    from airflow.providers.slack.hooks.slack import SlackHook

SETTLE_SECONDS = 30.0
"""A message that was sent this long ago is in the channel's history, or never will be."""
_CLOCKS_DIFFER_SECONDS = 600.0

logger = logging.getLogger(__name__)


def find_entry_path(hook: SlackHook, reviews: Path, *, week: date, channel: str) -> Path:
    """Return the file of a channel's entry, also where it was written by another spelling or before the channel was renamed.

    Slack is asked only where the ledger alone cannot tell.

    Raises:
        NotPosted: Another entry of the week may be this channel's, and Slack does not say.
        ReportError: An entry of the week is damaged.
    """
    own = entry_path(reviews, week=week, channel=channel)
    entries = dict(_of_week(reviews / "ledger", week))
    if own in entries:
        return own
    for path, entry in entries.items():
        if entry.channel_id == channel or _bare(entry.channel) == _bare(channel):
            return path
    return _found_by_slack(hook, entries, week=week, channel=channel, ledger=own.parent) or own


def find_posted(hook: SlackHook, entry: LedgerEntry, *, week: date, channel_id: str) -> str | None:
    """Return Slack's id of the week's message in a channel, when it is there; wait for what was sent a moment ago."""
    time.sleep(max(0.0, min(SETTLE_SECONDS, entry.intent_at + SETTLE_SECONDS - time.time())))
    since = max(0.0, entry.intent_at - _CLOCKS_DIFFER_SECONDS)
    return slack.find_message(hook, channel_id=channel_id, facts={"week_start_date": str(week)}, since=since)


def channel_id_of(hook: SlackHook, channel: str, *, ledger: Path) -> str:
    """Return the channel's id: the one that Slack gave when an earlier week was posted, or else as Slack says.

    Raises:
        NotPosted, NotKnown: As `slack.channel_id_of`.
    """
    for path in reversed(entry_paths(ledger)):
        try:
            entry = read_entry(path)
        except ReportError as error:  # of a week that may be long over
            logger.warning("%s", error)
            continue
        if entry and entry.channel == channel and entry.channel_id:
            return entry.channel_id
    return slack.channel_id_of(hook, channel)


def _of_week(ledger: Path, week: date) -> Iterator[tuple[Path, LedgerEntry]]:
    of_others = (f"{week}.{readable(MAIL)}-", f"{week}.{readable(ALERT)}.")
    for path in entry_paths(ledger):
        if path.name.startswith(f"{week}.") and not path.name.startswith(of_others):
            entry = read_entry(path)
            if entry:
                yield path, entry


def _found_by_slack(
    hook: SlackHook, entries: dict[Path, LedgerEntry], *, week: date, channel: str, ledger: Path
) -> Path | None:
    if not entries:
        return None
    try:
        channel_id = channel_id_of(hook, channel, ledger=ledger)
    except NotPosted as error:
        others = ", ".join(sorted(entry.channel for entry in entries.values()))
        raise NotPosted(
            f"the week of {week} was begun or sent for {others}, and whether that is {channel} is not known: {error}"
        ) from error
    for path, entry in entries.items():
        if entry.channel_id == channel_id:
            return path
    for path, entry in entries.items():
        if entry.channel_id is None and find_posted(hook, entry, week=week, channel_id=channel_id):
            return path
    return None


def _bare(channel: str) -> str:
    return channel.removeprefix("#")
