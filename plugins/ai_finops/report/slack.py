"""Slack's API through Airflow's provider: post, update, find and upload, and which failures certainly changed nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from ai_finops.errors import ReportError
from ai_finops.report.failures import NotKnown, NotPosted

if TYPE_CHECKING:
    from airflow.providers.slack.hooks.slack import SlackHook
    from slack_sdk import WebClient

DEFAULT_CONNECTION = "slack_default"
"""The Airflow connection that is used where it is there and none is configured."""
EVENT_TYPE = "ai_finops_weekly_digest"
"""What the message's metadata is called."""
MOST_WAIT_SECONDS = 60.0
"""How long a call waits in all because Slack says so; past it, Airflow's retry is the better wait."""
_PAGE = 100

# Slack's answers after which the message may be there all the same (https://docs.slack.dev/reference/methods/chat.postMessage).
_UNCLEAR_ANSWERS = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")


def find_hook(connection_id: str) -> SlackHook | None:
    """Return the hook of the Airflow connection that is configured; where none is, that of `slack_default`, or None.

    Raises:
        NotPosted: The connection that is configured is not there, or Airflow does not give it.
    """
    from airflow.providers.slack.hooks.slack import SlackHook
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException, AirflowRuntimeError

    try:
        BaseHook.get_connection(connection_id or DEFAULT_CONNECTION)
    except AirflowNotFoundException as error:
        if not connection_id:
            return None
        raise NotPosted(
            f"there is no Airflow connection {connection_id}, which AI_FINOPS_SLACK_CONNECTION names; make it (type Slack "
            "API, the bot token as password), or take the setting away"
        ) from error
    except (AirflowException, AirflowRuntimeError, OSError) as error:  # a secrets backend may refuse
        raise NotPosted(f"Airflow does not give connection {connection_id or DEFAULT_CONNECTION}: {error}") from error
    # The client's own retries would post again after a lost answer.
    return SlackHook(slack_conn_id=connection_id or DEFAULT_CONNECTION, retry_handlers=[])


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
    channel_id, message_ts = answer.get("channel"), answer.get("ts")
    if not isinstance(channel_id, str) or not isinstance(message_ts, str):
        raise NotKnown(
            f"Slack's answer to the message to {channel} does not say where it is; it may be there all the same"
        )
    return channel_id, message_ts


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
    answer = _ask(
        hook,
        "files_upload_v2",
        doing="the picture",
        content=content,
        filename=name,
        title=title,
        alt_txt=alt_text,
    )
    try:
        return answer["files"][0]["id"]
    except (TypeError, LookupError) as error:
        raise NotPosted("Slack's answer to the picture does not name it") from error


def _has(message: Mapping, facts: Mapping) -> bool:
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return metadata.get("event_type") == EVENT_TYPE and all(payload.get(name) == value for name, value in facts.items())


def _paged(hook: SlackHook, method: str, key: str, *, doing: str, **arguments: Any) -> Iterator[Mapping]:
    cursor = None
    while True:
        answer = _ask(hook, method, doing=doing, limit=_PAGE, cursor=cursor, **arguments)
        if not isinstance(answer.get(key), list):  # nothing that was left out is taken for nothing that is there
            raise NotKnown(f"Slack's answer on {doing} has no {key}")
        yield from answer[key]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def _ask(hook: SlackHook, method: str, *, doing: str, **arguments: Any) -> Mapping:
    """Call a method of the client, and wait as Slack asks where that is not long."""
    from slack_sdk.errors import SlackApiError, SlackRequestError

    call, waited = getattr(_client(hook), method), 0.0
    while True:
        try:
            return _mapping(call(**arguments).data)
        except SlackApiError as error:
            wait = _asked_wait(error)
            if wait is None:
                raise _refused(error, doing=doing) from error
            if waited + wait > MOST_WAIT_SECONDS:
                raise NotPosted(f"Slack refused {doing}: ratelimited, for {wait:.0f} s more") from error
            waited += max(wait, 1.0)
            time.sleep(wait)
        except SlackRequestError as error:  # an address that is none, or a picture that was not taken
            raise NotPosted(f"Slack did not get {doing}: {str(error)[:200]}") from error
        except (OSError, HTTPException) as error:
            raise _unreached(error, doing=doing) from error
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # an answer that the client cannot read
            raise NotKnown(f"no answer of Slack's on {doing} ({error}); it may be there all the same") from error


def _mapping(answer: object) -> Mapping:
    if not isinstance(answer, Mapping):
        raise TypeError(f"a {type(answer).__name__}")
    return answer


def _client(hook: SlackHook) -> WebClient:
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return hook.client
    except (AirflowNotFoundException, ValueError) as error:
        raise NotPosted(
            f"the Slack connection cannot be used: {error}; put the bot token into its password, and a number into timeout"
        ) from error


def _asked_wait(error: Any) -> float | None:
    if error.response.status_code != 429:
        return None
    asked = {name.lower(): value for name, value in (error.response.headers or {}).items()}.get("retry-after", "")
    return float(asked) if re.fullmatch(r"\d{1,6}", str(asked)) else 30.0


def _refused(error: Any, *, doing: str) -> ReportError:
    """Return the error for an answer that is not `ok`: only what Slack itself says in a word is a refusal.

    A page of HTML is of something that stands between, and says nothing of what came of the call.
    """
    data = error.response.data
    said = data if isinstance(data, Mapping) else {}
    reason, status = said.get("error"), error.response.status_code
    is_said = isinstance(reason, str) and re.fullmatch(r"\w{1,100}", reason)
    if not is_said or status >= 500 or status == 408 or reason in _UNCLEAR_ANSWERS:
        answer = reason if is_said else f"status {status}, no answer of Slack's"
        return NotKnown(f"Slack failed on {doing} ({answer}); it may be there all the same")
    needed = f", give the app the scope {said['needed']}" if said.get("needed") else ""
    refused = NotPosted(f"Slack refused {doing}: {reason}{needed}")
    refused.reason = reason
    return refused


def _unreached(error: Exception, *, doing: str) -> ReportError:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ConnectionRefusedError) or type(cause).__name__ == "gaierror":
        return NotPosted(f"Slack could not be reached for {doing}: {cause}")
    return NotKnown(f"no answer from Slack on {doing} ({cause}); it may be there all the same")
