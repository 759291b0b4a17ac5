"""The week's message by e-mail, through Airflow's SMTP provider: once per week and list of addresses.

An e-mail can neither be looked for nor replaced. So it is sent once, later changes are only kept, and after a run whose end
is not known nobody sends again before a person has looked.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import ReportError
from ai_finops.report.data_notes import digest_notes, review_notes
from ai_finops.report.edition import Edition
from ai_finops.report.ledger import POSTED, claim, confirm, entry_path, locked, release
from ai_finops.report.message import no_decision, paragraph, title
from ai_finops.report.metric_lines import metric_lines
from ai_finops.report.recommendation import recommend
from ai_finops.report.slack import NotPosted

if TYPE_CHECKING:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

_PICTURE = "picture"
_STYLE = "font: 16px/1.5 sans-serif; max-width: 50em"
# Answers to a message by which the server says that it did not take it.
_REFUSALS = (
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPSenderRefused,
    smtplib.SMTPDataError,
    smtplib.SMTPHeloError,
    smtplib.SMTPNotSupportedError,
)


def deliver_by_mail(connection_id: str, edition: Edition, *, to: Sequence[str], reviews: Path) -> str:
    """Send the week's message to some addresses, once; return what was done.

    Raises:
        NotPosted: It certainly was not sent; run again.
        ReportError: It may have been sent, now or by an earlier run; look into the mailbox first.
    """
    addresses = ", ".join(sorted(to))
    path = entry_path(reviews, week=edition.week, channel=f"e-mail to {addresses}")
    with locked(path):
        entry = claim(path, week=edition.week, channel=f"e-mail to {addresses}", content_sha256=edition.content_sha256)
        if entry and entry.state == POSTED:
            return f"not sent again: the week of {edition.week} went to {addresses} already"
        if entry:
            raise ReportError(
                f"an earlier run began to send the week of {edition.week} to {addresses} and its end is not known; "
                f"look into the mailbox, and if it is not there remove {path} and run again"
            )
        try:
            refused = send(connection_id, lambda sender: compose_mail(edition, sender=sender, to=to))
        except NotPosted:
            release(path)
            raise
        confirm(path, has_picture=True)
    return f"sent to {addresses}" + (f"; not taken: {', '.join(sorted(refused))}" if refused else "")


def compose_mail(edition: Edition, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """Return the message as text, and as HTML that loads nothing: its picture is a part of it."""
    mail = plain_mail(title(edition.review.digest), edition.text, sender=sender, to=to)
    # The same week to the same people has one id, by which mail programs show a second copy as such.
    of_week = sha256(f"{edition.week} {sorted(to)}".encode()).hexdigest()[:16]
    mail["Message-ID"] = f"<ai-cost-{edition.week}.{of_week}@ai-finops.invalid>"
    mail.add_alternative(_html(edition), subtype="html")
    mail.get_payload()[1].add_related(
        edition.picture, "image", "png", cid=f"<{_PICTURE}>", filename=f"ai-cost-{edition.week}.png"
    )
    return mail


def plain_mail(subject: str, text: str, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """Return an e-mail of text alone."""
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, sender, ", ".join(to)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail.set_content(text)
    return mail


def send(connection_id: str, compose: Callable[[str], EmailMessage]) -> dict[str, tuple[int, bytes]]:
    """Send what `compose` makes for a sender; return the addresses that the server did not take, others having been.

    Raises:
        NotPosted: It certainly was not sent.
        ReportError: It may have been sent: the server went away before it answered.
    """
    hook = _connected(connection_id)
    try:
        if not hook.from_email:
            raise NotPosted(f"Airflow connection {connection_id} has no from_email in its extra; set the sender there")
        mail = compose(hook.from_email)
        # The hook's own way of sending has no part of plain text, and sends again after a lost answer.
        return hook._smtp_client.send_message(mail)
    except _REFUSALS as error:
        raise NotPosted(f"the mail server of {connection_id} refused the message: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise ReportError(
            f"no answer from the mail server of {connection_id} on the message ({error}); it may have been sent all the same"
        ) from error
    finally:
        hook._smtp_client.close()


def _connected(connection_id: str) -> SmtpHook:
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk.exceptions import AirflowException

    try:
        return SmtpHook(smtp_conn_id=connection_id).get_conn()
    except (OSError, smtplib.SMTPException, AirflowException) as error:
        raise NotPosted(f"the mail server of connection {connection_id} could not be used: {error}") from error


def _html(edition: Edition) -> str:
    digest = edition.review.digest
    sentences = list(recommend(digest))
    notes = [*digest_notes(digest), *review_notes(edition.review)]
    link = f"{edition.page_url}?week={edition.week}"
    parts = [
        f"<h2>{escape(title(digest))}</h2>",
        *(f"<p>{escape(line)}</p>" for line in (paragraph(digest), no_decision(digest)) if line),
        f'<p><img src="cid:{_PICTURE}" alt="{escape(edition.alt_text)}" width="800" style="max-width: 100%"></p>',
        _list(metric_lines(edition.review.metrics)),
        f"<p><strong>{escape(' '.join(sentences))}</strong></p>",
        *([f"<p>Data:</p>{_list(notes)}"] if notes else []),
        *([f'<p><a href="{escape(link)}">Open the weekly review</a></p>'] if edition.page_url else []),
    ]
    return f'<!DOCTYPE html><html lang="en"><body style="{_STYLE}">{"".join(parts)}</body></html>'


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""
