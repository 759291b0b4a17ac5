"""Posting one text to Slack through Airflow's provider, and saying which failures certainly posted nothing."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from ai_finops.errors import ReportError

if TYPE_CHECKING:
    from airflow.providers.slack.hooks.slack import SlackHook

# Slack's answers after which the message may be there all the same (https://docs.slack.dev/reference/methods/chat.postMessage).
_UNCLEAR_ANSWERS = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})


class NotPosted(ReportError):
    """Slack did not take the message; posting it again cannot make two."""


def slack_text(text: str) -> str:
    """Return plain text as Slack wants it: what starts its markup is escaped, so that no name calls anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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


def post(hook: SlackHook, *, channel: str, text: str, facts: Mapping[str, Any]) -> str:
    """Post a text once; return Slack's id of the message.

    Args:
        facts: Goes along as the message's metadata, by which it can be found again.
    Raises:
        NotPosted: It certainly is not in the channel: refused, or Slack was never reached.
        ReportError: It may be there: the answer was lost or an internal error.
    """
    from airflow.sdk.exceptions import AirflowNotFoundException
    from slack_sdk.errors import SlackApiError

    try:
        answer = hook.client.chat_postMessage(
            channel=channel,
            text=slack_text(text),
            mrkdwn=False,
            parse="none",
            link_names=False,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": "ai_finops_weekly_digest", "event_payload": dict(facts)},
        )
    except AirflowNotFoundException as error:
        raise NotPosted(f"the Slack connection cannot be used: {error}; put the bot token into its password") from error
    except SlackApiError as error:
        raise _refused(error, channel=channel) from error
    except (OSError, HTTPException) as error:
        raise _unreached(error, channel=channel) from error
    return answer["ts"]


def _refused(error: Any, *, channel: str) -> ReportError:
    data = error.response.data
    reason = data.get("error") if isinstance(data, Mapping) else None
    status = error.response.status_code
    if status >= 500 or reason in _UNCLEAR_ANSWERS:
        return ReportError(
            f"Slack failed on the message to {channel} ({reason or status}); it may be there all the same"
        )
    return NotPosted(f"Slack refused the message to {channel}: {reason or status}")


def _unreached(error: Exception, *, channel: str) -> ReportError:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ConnectionRefusedError) or type(cause).__name__ == "gaierror":
        return NotPosted(f"Slack could not be reached for {channel}: {cause}")
    return ReportError(f"no answer from Slack on the message to {channel} ({cause}); it may be there all the same")
