"""Slack's API through Airflow's provider: post, update, find and upload, and which failures certainly changed nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from ai_finops.errors import ReportError

if TYPE_CHECKING:
    from airflow.providers.slack.hooks.slack import SlackHook

EVENT_TYPE = "ai_finops_weekly_digest"
"""What the message's metadata is called."""
MOST_WAIT_SECONDS = 60.0
"""How long a call waits in all because Slack says so; past it, Airflow's retry is the better wait."""
_PAGE = 100

# Slack's answers after which the message may be there all the same (https://docs.slack.dev/reference/methods/chat.postMessage).
_UNCLEAR_ANSWERS = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")


class NotPosted(ReportError):
    """The message certainly did not get there; sending it again cannot make two."""

    reason: str | None = None
    """Slack's own word for it, such as `invalid_blocks`; None when Slack did not say one."""


class NotKnown(ReportError):
    """The message may be in the channel or not; the next run looks for it before it posts."""


def find_hook(connection_id: str) -> SlackHook | None:
    """Return the hook of an Airflow connection; None when there is no such connection."""
    from airflow.providers.slack.hooks.slack import SlackHook
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        return None
    # The client's own retries would post again after a lost answer.
    return SlackHook(slack_conn_id=connection_id, retry_handlers=[])


def channel_of(hook: SlackHook, *, default: str) -> str:
    """Return the channel that the connection's extra names, or the default."""
    return hook.get_connection(hook.slack_conn_id).extra_dejson.get("channel") or default


def post(
    hook: SlackHook, *, channel: str, text: str, blocks: Sequence[Mapping] = (), facts: Mapping | None = None
) -> tuple[str, str]:
    """Post a message once; return the channel's id and Slack's id of the message.

    Args:
        text: Escaped; what notifications show, and all there is without blocks.
        facts: Goes along as the message's metadata, by which it can be found again.
    Raises:
        NotPosted: It certainly is not in the channel: refused, or Slack was never reached.
        NotKnown: It may be there: the answer was lost or an internal error.
    """
    metadata = {"event_type": EVENT_TYPE, "event_payload": dict(facts)} if facts else None
    answer = _ask(
        hook,
        "chat_postMessage",
        doing=f"the message to {channel}",
        channel=channel,
        text=text,
        blocks=list(blocks) or None,
        metadata=metadata,
        mrkdwn=False,
        parse="none",
        link_names=False,
        unfurl_links=False,
        unfurl_media=False,
    )
    return answer["channel"], answer["ts"]


def update(
    hook: SlackHook, *, channel_id: str, message_ts: str, text: str, blocks: Sequence[Mapping], facts: Mapping
) -> None:
    """Replace a posted message; doing it twice is doing it once.

    Raises:
        NotPosted, NotKnown: As `post`.
    """
    _ask(
        hook,
        "chat_update",
        doing=f"the update of message {message_ts}",
        channel=channel_id,
        ts=message_ts,
        text=text,
        blocks=list(blocks),
        parse="none",
        link_names=False,
        metadata={"event_type": EVENT_TYPE, "event_payload": dict(facts)},
    )


def find_message(hook: SlackHook, *, channel_id: str, facts: Mapping, since: float) -> str | None:
    """Return Slack's id of the first message of the channel whose metadata holds the facts; None when there is none.

    Args:
        since: Seconds since 1970 from which on to look.
    Raises:
        ReportError: The channel could not be read.
    """
    messages = _paged(
        hook,
        "conversations_history",
        "messages",
        doing=f"the search of channel {channel_id}",
        channel=channel_id,
        oldest=f"{since:.6f}",
        include_all_metadata=True,
    )
    found = [message["ts"] for message in messages if _has(message, facts)]
    return min(found, default=None)


def channel_id_of(hook: SlackHook, channel: str) -> str:
    """Return the id of a channel that is named as `#ai-cost`, `ai-cost` or by its id already.

    Raises:
        ReportError: There is none of that name among those that the app sees, or it may not list them.
    """
    if _CHANNEL_ID.fullmatch(channel):
        return channel
    name, doing = channel.removeprefix("#"), f"the search for {channel}"
    types = ("public_channel,private_channel", "public_channel")
    for place, kinds in enumerate(types):
        try:
            channels = _paged(hook, "conversations_list", "channels", doing=doing, types=kinds, exclude_archived=True)
            for found in channels:
                if found["name"] == name:
                    return found["id"]
            break
        except NotPosted as error:
            if error.reason != "missing_scope" or place == len(types) - 1:
                raise
    raise NotPosted(
        f"no channel {channel} among those that the Slack app sees; name the channel by its id, such as C024BE91L"
    )


def upload(hook: SlackHook, *, content: bytes, name: str, title: str, alt_text: str) -> str:
    """Upload a picture without sharing it anywhere; return its id, for a block of a message.

    Raises:
        ReportError: It is not there.
    """
    from slack_sdk.errors import SlackRequestError

    try:
        answer = _ask(
            hook,
            "files_upload_v2",
            doing="the picture",
            content=content,
            filename=name,
            title=title,
            alt_txt=alt_text,
        )
    except SlackRequestError as error:
        raise NotPosted(f"Slack did not take the picture: {str(error)[:200]}") from error
    return answer["files"][0]["id"]


def _has(message: Mapping, facts: Mapping) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == EVENT_TYPE and all(payload.get(name) == value for name, value in facts.items())


def _paged(hook: SlackHook, method: str, key: str, *, doing: str, **arguments: Any) -> Iterator[Mapping]:
    cursor = None
    while True:
        answer = _ask(hook, method, doing=doing, limit=_PAGE, cursor=cursor, **arguments)
        yield from answer.get(key) or []
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def _ask(hook: SlackHook, method: str, *, doing: str, **arguments: Any) -> Mapping:
    """Call a method of the client, and wait as Slack asks where that is not long."""
    from airflow.sdk.exceptions import AirflowNotFoundException
    from slack_sdk.errors import SlackApiError

    waited = 0.0
    while True:
        try:
            return getattr(hook.client, method)(**arguments)
        except AirflowNotFoundException as error:
            raise NotPosted(
                f"the Slack connection cannot be used: {error}; put the bot token into its password"
            ) from error
        except SlackApiError as error:
            wait = _asked_wait(error)
            if wait is None:
                raise _refused(error, doing=doing) from error
            if waited + wait > MOST_WAIT_SECONDS:
                raise NotPosted(f"Slack refused {doing}: ratelimited, for {wait:.0f} s more") from error
            waited += max(wait, 1.0)
            time.sleep(wait)
        except (OSError, HTTPException) as error:
            raise _unreached(error, doing=doing) from error


def _asked_wait(error: Any) -> float | None:
    if error.response.status_code != 429:
        return None
    asked = {name.lower(): value for name, value in (error.response.headers or {}).items()}.get("retry-after", "")
    return float(asked) if re.fullmatch(r"\d{1,6}", str(asked)) else 30.0


def _refused(error: Any, *, doing: str) -> ReportError:
    data = error.response.data
    said = data if isinstance(data, Mapping) else {}
    reason, status = said.get("error"), error.response.status_code
    if status >= 500 or reason in _UNCLEAR_ANSWERS:
        return NotKnown(f"Slack failed on {doing} ({reason or status}); it may be there all the same")
    needed = f", give the app the scope {said['needed']}" if said.get("needed") else ""
    refused = NotPosted(f"Slack refused {doing}: {reason or status}{needed}")
    refused.reason = reason
    return refused


def _unreached(error: Exception, *, doing: str) -> ReportError:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ConnectionRefusedError) or type(cause).__name__ == "gaierror":
        return NotPosted(f"Slack could not be reached for {doing}: {cause}")
    return NotKnown(f"no answer from Slack on {doing} ({cause}); it may be there all the same")
