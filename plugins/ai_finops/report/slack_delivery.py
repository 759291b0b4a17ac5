"""One message per week and channel, however often this runs and wherever it is stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import ReportError
from ai_finops.report import slack
from ai_finops.report.edition import Edition
from ai_finops.report.ledger import (
    INTENT,
    LedgerEntry,
    claim,
    claim_again,
    confirm,
    locked,
    read_entry,
    release,
    remember_picture,
    respell,
)
from ai_finops.report.slack_entry import channel_id_of, find_entry_path, find_posted

if TYPE_CHECKING:
    from airflow.providers.slack.hooks.slack import SlackHook

PICTURE_WAITS_SECONDS = (1.0, 2.0, 4.0)
"""Slack refuses a picture that it has not looked through yet, with `invalid_blocks`."""
_GONE = ("message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found")

logger = logging.getLogger(__name__)


def deliver_to_slack(hook: SlackHook, edition: Edition, *, channel: str, reviews: Path) -> str:
    """Post the week's message to a channel, or update it where it stands there already; return what was done.

    Raises:
        NotPosted: It is not in the channel, or not as it should be; run again.
        NotKnown: It may be in the channel; run again, it is looked for first.
        ReportError: The ledger's entry cannot be read.
    """
    # One lock for all spellings of the channel.
    with locked(reviews / "ledger" / f"{edition.week}.slack.json"):
        path = find_entry_path(hook, reviews, week=edition.week, channel=channel)
        entry = claim(
            path, week=edition.week, channel=channel, content_sha256=edition.content_sha256, text=edition.text
        )
        if entry and entry.channel != channel:
            respell(path, channel)
            entry = read_entry(path)
        if entry and entry.state == INTENT:
            entry = _settled(hook, edition, entry, path=path)
        if entry:
            return _bring_up_to_date(hook, edition, entry, path=path)
        return _post(hook, edition, channel=channel, path=path)


def facts_of(edition: Edition, channel: str) -> Mapping[str, str]:
    """Return the message's metadata; by its week the message is found again."""
    return {"week_start_date": str(edition.week), "channel": channel}


def _settled(hook: SlackHook, edition: Edition, entry: LedgerEntry, *, path: Path) -> LedgerEntry | None:
    """Look for the message of a run that was stopped; return its entry, now posted, or None when it is not there."""
    channel_id = channel_id_of(hook, entry.channel, ledger=path.parent)
    message_ts = find_posted(hook, entry, week=edition.week, channel_id=channel_id)
    if message_ts is None:
        logger.info("the week of %s was begun and is not in %s; posting it", edition.week, entry.channel)
        claim_again(path, content_sha256=edition.content_sha256, text=edition.text)
        return None
    confirm(path, message_ts=message_ts, channel_id=channel_id)
    return read_entry(path)


def _post(hook: SlackHook, edition: Edition, *, channel: str, path: Path) -> str:
    facts = facts_of(edition, channel)
    try:
        file_id, without = _picture(hook, edition, read_entry(path), path=path)
        try:
            channel_id, message_ts = _post_when_ready(hook, edition, file_id, channel=channel, facts=facts)
        except slack.NotPosted as error:
            if not file_id or error.reason != "invalid_blocks":
                raise
            file_id, without = None, f", without its picture: {error}"
            channel_id, message_ts = slack.post(
                hook, channel=channel, text=edition.fallback, blocks=edition.blocks(None), facts=facts
            )
    except slack.NotPosted:
        release(path)
        raise
    confirm(
        path,
        message_ts=message_ts,
        channel_id=channel_id,
        content_sha256=edition.content_sha256,
        has_picture=file_id is not None,
    )
    return f"posted to {channel} (message {message_ts}{without})"


def _post_when_ready(
    hook: SlackHook, edition: Edition, file_id: str | None, *, channel: str, facts: Mapping[str, str]
) -> tuple[str, str]:
    for wait in PICTURE_WAITS_SECONDS if file_id else ():
        try:
            return slack.post(hook, channel=channel, text=edition.fallback, blocks=edition.blocks(file_id), facts=facts)
        except slack.NotPosted as error:
            if error.reason != "invalid_blocks":
                raise
            time.sleep(wait)
    return slack.post(hook, channel=channel, text=edition.fallback, blocks=edition.blocks(file_id), facts=facts)


def _picture(hook: SlackHook, edition: Edition, entry: LedgerEntry | None, *, path: Path) -> tuple[str | None, str]:
    """Return the picture's id, or None and why the message goes without it; what a run has uploaded is not uploaded again.

    A picture that Slack refused is one that it had not looked through yet, or one that no other copy would mend.
    """
    if entry and entry.file_id and entry.picture_sha256 == edition.picture_sha256:
        return entry.file_id, ""
    file_id, without = _upload(hook, edition)
    if file_id:
        remember_picture(path, file_id=file_id, picture_sha256=edition.picture_sha256)
    return file_id, without


def _upload(hook: SlackHook, edition: Edition) -> tuple[str | None, str]:
    """Upload the picture; return its id, or None and why the message goes without it."""
    try:
        file_id = slack.upload(
            hook,
            content=edition.picture,
            name=f"ai-cost-{edition.week}.png",
            title=f"AI cost, week of {edition.week}",
            alt_text=edition.alt_text[:1000],
        )
    except ReportError as error:
        logger.warning("the message goes without its picture: %s", error)
        return None, f", without its picture: {error}"
    return file_id, ""


def _bring_up_to_date(hook: SlackHook, edition: Edition, entry: LedgerEntry, *, path: Path) -> str:
    there = f"the week of {edition.week} is in {entry.channel} already (message {entry.message_ts})"
    is_same = entry.content_sha256 == edition.content_sha256
    if is_same and entry.has_picture:
        return f"not posted again: {there}"
    file_id, without = _picture(hook, edition, entry, path=path)
    if is_same and file_id is None:
        return f"not posted again: {there}{without}"
    channel_id = entry.channel_id or slack.channel_id_of(hook, entry.channel)
    try:
        without = _update_when_ready(hook, edition, entry, file_id, channel_id=channel_id) or without
    except slack.NotPosted as error:
        if error.reason not in _GONE:
            raise
        return f"not updated: {there}, but {error}; remove {path} to post it again"
    # One that Slack showed before and refuses now was removed there: the next run uploads it anew.
    is_gone = bool(without) and entry.has_picture and file_id == entry.file_id
    confirm(
        path,
        channel_id=channel_id,
        content_sha256=edition.content_sha256,
        text=edition.text,
        has_picture=file_id is not None and not without,
        **({"file_id": None} if is_gone else {}),
    )
    return f"updated in {entry.channel} (message {entry.message_ts}{without})"


def _update_when_ready(
    hook: SlackHook, edition: Edition, entry: LedgerEntry, file_id: str | None, *, channel_id: str
) -> str:
    """Update the message; return why it went without its picture, or nothing."""
    given = {"channel_id": channel_id, "message_ts": entry.message_ts, "text": edition.fallback}
    facts, refused = facts_of(edition, entry.channel), ""
    for wait in PICTURE_WAITS_SECONDS if file_id else ():
        try:
            slack.update(hook, **given, blocks=edition.blocks(file_id), facts=facts)
            return ""
        except slack.NotPosted as error:
            if error.reason != "invalid_blocks":
                raise
            refused = f", without its picture: {error}"
            time.sleep(wait)
    slack.update(hook, **given, blocks=edition.blocks(None), facts=facts)
    return refused
