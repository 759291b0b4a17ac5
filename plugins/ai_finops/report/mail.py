"""The week's message by e-mail, through Airflow's SMTP provider: once per week and list of addresses.

An e-mail can neither be looked for nor replaced. So it is sent once, later changes are only kept, and after a run whose end
is not known nobody sends again before a person has looked. Addresses that the server refused while it took others certainly
got nothing; they are written down, and the next run sends to them alone.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import ReportError
from ai_finops.report.data_notes import data_notes
from ai_finops.report.edition import Edition
from ai_finops.report.failures import NotPosted
from ai_finops.report.ledger import INTENT, MAIL, claim, claim_again, confirm, entry_path, locked, release
from ai_finops.report.message import no_decision, paragraph, title
from ai_finops.report.metric_lines import metric_lines
from ai_finops.report.recommendation import recommend
from ai_finops.report.wording import one_line

if TYPE_CHECKING:
    from airflow.providers.smtp.hooks.smtp import SmtpHook

_PICTURE = "picture"
_STYLE = "font: 16px/1.5 sans-serif; max-width: 50em"
# Answers to a message by which the server says that it did not take it.
_REFUSALS = (
    smtplib.SMTPSenderRefused,
    smtplib.SMTPDataError,
    smtplib.SMTPHeloError,
    smtplib.SMTPNotSupportedError,
)


def deliver_by_mail(connection_id: str, edition: Edition, *, to: Sequence[str], reviews: Path) -> str:
    """Send the week's message to some addresses, once; return what was done.

    Raises:
        NotPosted: It certainly was not sent, or not to all; run again, which sends to those alone that have not got it.
        ReportError: It may have been sent, now or by an earlier run; look into the mailbox first.
    """
    addresses = ", ".join(sorted(to))
    path = mail_entry_path(reviews, week=edition.week, to=to)
    with locked(path):
        content = {"content_sha256": edition.content_sha256, "text": edition.text}
        entry = claim(path, week=edition.week, channel=f"{MAIL} {addresses}", **content)
        if entry and entry.state == INTENT:
            raise ReportError(
                f"an earlier run began to send the week of {edition.week} to {addresses} and its end is not known; "
                f"look into the mailbox, and if it is not there remove {path} and run again"
            )
        if entry and not entry.not_taken:
            return f"not sent again: the week of {edition.week} went to {addresses} already"
        lacking = sorted(entry.not_taken) if entry else to
        if entry:
            claim_again(path, **content)
        try:
            refused = send(connection_id, lambda sender: compose_mail(edition, sender=sender, to=lacking))
        except NotPosted:
            (confirm if entry else release)(path)
            raise
        confirm(path, has_picture=True, not_taken=refused)
    sent = f"sent to {', '.join(sorted(set(lacking) - set(refused)))}"
    if refused:
        raise NotPosted(f"{not_taken(refused)}; correct AI_FINOPS_EMAIL_TO or the mail server; {sent}")
    return sent


def mail_entry_path(reviews: Path, *, week: date, to: Sequence[str]) -> Path:
    """Return the ledger's file of a list of addresses."""
    return entry_path(reviews, week=week, channel=f"{MAIL} {', '.join(sorted(to))}")


def not_taken(refused: Mapping[str, str]) -> str:
    """Say which addresses the mail server refused, and with which answers."""
    named = ", ".join(f"{address} ({answer})" for address, answer in sorted(refused.items()))
    return f"the mail server did not take {named}"


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


def send(connection_id: str, compose: Callable[[str], EmailMessage]) -> dict[str, str]:
    """Send what `compose` makes for a sender; return the addresses that the server did not take, with its answers.

    Raises:
        NotPosted: It certainly was not sent to anybody.
        ReportError: It may have been sent: the server went away before it answered.
    """
    hook = _connected(connection_id)
    try:
        if not hook.from_email:
            raise NotPosted(f"Airflow connection {connection_id} has no from_email in its extra; set the sender there")
        mail = compose(hook.from_email)
        # The hook's own way of sending has no part of plain text, and sends again after a lost answer.
        return _answers(hook._smtp_client.send_message(mail))
    except smtplib.SMTPRecipientsRefused as error:
        answers = not_taken(_answers(error.recipients))
        raise NotPosted(f"the mail server of {connection_id} refused the message: {answers}") from error
    except _REFUSALS as error:
        raise NotPosted(f"the mail server of {connection_id} refused the message: {error}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise ReportError(
            f"no answer from the mail server of {connection_id} on the message ({error}); it may have been sent all the same"
        ) from error
    finally:
        hook._smtp_client.close()


def _answers(refused: Mapping[str, tuple[int, bytes]]) -> dict[str, str]:
    """Return the server's answer for each address in words: `550 no such user`."""
    return {
        address: one_line(f"{code} {answer.decode(errors='replace')}") for address, (code, answer) in refused.items()
    }


def _connected(connection_id: str) -> SmtpHook:
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError

    try:
        return SmtpHook(smtp_conn_id=connection_id).get_conn()
    except (OSError, ValueError, RuntimeError, smtplib.SMTPException, AirflowException, AirflowRuntimeError) as error:
        raise NotPosted(f"the mail server of connection {connection_id} could not be used: {error}") from error


def _html(edition: Edition) -> str:
    digest, names = edition.review.digest, edition.review.feature_names
    sentences = list(recommend(digest))
    notes = data_notes(edition.review)
    link = f"{edition.page_url}?week={edition.week}"
    parts = [
        f"<h2>{escape(title(digest))}</h2>",
        *(f"<p>{escape(line)}</p>" for line in (paragraph(digest, names=names), no_decision(digest)) if line),
        f'<p><img src="cid:{_PICTURE}" alt="{escape(edition.alt_text)}" width="800" style="max-width: 100%"></p>',
        _list(metric_lines(edition.review.metrics, names=names)),
        f"<p><strong>{escape(' '.join(sentences))}</strong></p>",
        *([f"<p>Data:</p>{_list(notes)}"] if notes else []),
        *([f'<p><a href="{escape(link)}">Open the weekly review</a></p>'] if edition.page_url else []),
    ]
    return f'<!DOCTYPE html><html lang="en"><body style="{_STYLE}">{"".join(parts)}</body></html>'


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""
