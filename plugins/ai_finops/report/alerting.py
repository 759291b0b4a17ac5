"""Tell somebody that the weekly message failed or is late: in Slack, else by e-mail, and in the log in any case."""

from __future__ import annotations

import logging

from ai_finops.config import Settings
from ai_finops.errors import ReportError
from ai_finops.report import mail, slack
from ai_finops.report.limits import MOST_TEXT, fit

logger = logging.getLogger(__name__)


def alert(settings: Settings, text: str) -> list[str]:
    """Tell the alert channel, and the addresses where Slack does not take it; return where it got to. It never fails."""
    told, _ = try_alert(settings, text)
    return told


def try_alert(settings: Settings, text: str) -> tuple[list[str], list[str]]:
    """Alert as `alert` does; return where it got to, and why it did not get where it should."""
    logger.error("%s", text)
    told, failed = [], []
    for tell in (_in_slack, _by_mail):
        try:
            told += tell(settings, text)
        except ReportError as error:
            logger.error("the alert did not get through: %s", error)
            failed.append(str(error))
        if told:
            break
    return told, failed


def _in_slack(settings: Settings, text: str) -> list[str]:
    hook = slack.find_hook(settings.slack_connection)
    if hook is None:
        return []
    channel = settings.alert_channel or slack.channel_of(hook, default=settings.slack_channel)
    slack.post(hook, channel=channel, text=fit(text.splitlines(), MOST_TEXT))
    return [f"Slack {channel}"]


def _by_mail(settings: Settings, text: str) -> list[str]:
    if not settings.email_to:
        return []
    to = settings.email_to
    refused = mail.send(
        settings.email_connection, lambda sender: mail.plain_mail("AI cost: alert", text, sender=sender, to=to)
    )
    if refused:
        logger.error("%s", mail.not_taken(refused))
    return [f"e-mail to {', '.join(address for address in to if address not in refused)}"]
