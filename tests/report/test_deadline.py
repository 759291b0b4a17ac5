"""What is missing on Monday at ten, told once."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ai_finops.report import NotTold, alert, check_deadline, deliver, find_overdue, write_review
from ai_finops.report.ledger import ALERT, claim, entry_path, write_atomically
from tests.report.conftest import connect
from tests.report.mail_sink import MailSink
from tests.report.slack_api import Channel
from tests.report.test_mail import connect as connect_mail

MONDAY = date(2025, 6, 9)
DUE = datetime(2025, 6, 16, 10, tzinfo=UTC)


def test_where_nothing_is_configured_the_kept_text_counts(settings, publish, week):
    publish(week())
    assert f"it is not in {settings.published / 'reviews'}." in find_overdue(settings, week=MONDAY)
    write_review(settings=settings, week=MONDAY)
    assert check_deadline(settings, now=DUE) is None
    assert not (settings.published / "reviews" / "ledger").exists()


def test_a_posted_week_is_not_late(settings, publish, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    assert check_deadline(settings, now=DUE) is None
    assert len(slack.messages) == 1


def test_a_whole_week_that_was_not_posted_is_told_once(settings, publish, week, slack):
    publish(week())
    texts = {check_deadline(settings, now=DUE) for _ in range(3)}
    (text,) = texts
    assert text == (
        "The AI cost message for the week of June 9 is late: it was not sent to #ai-cost. All seven days are published; "
        "look at the runs of report_weekly, and trigger it with the parameter week=2025-06-09 where there is none."
    )
    assert [message["text"] for message in slack.messages] == [text]


def test_days_that_are_not_published_are_named(settings, publish, week, slack):
    publish(week(), as_of=date(2025, 6, 14))
    assert "Not published yet: June 14, June 15; look at the runs" in find_overdue(settings, week=MONDAY)


def test_a_week_of_which_nothing_is_published(settings, publish, week, slack):
    publish(week(), as_of=date(2025, 6, 2))
    days = "June 9, June 10, June 11, June 12, June 13, June 14, June 15"
    assert f"Not published yet: {days};" in find_overdue(settings, week=MONDAY)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"covered_day_count": 5, "missing_days": "2025-06-11, 2025-06-12"}, "June 11, June 12"),
        ({"covered_day_count": 5, "missing_days": None}, "2"),
    ],
)
def test_days_without_data_are_named(settings, publish, week, slack, changes, named):
    publish(week(**changes))
    assert f"Days without cost data: {named}; look at" in find_overdue(settings, week=MONDAY)


def test_nothing_published_at_all(settings, slack):
    assert "Nothing can be said of its days: " in find_overdue(settings, week=MONDAY)


def test_a_run_that_did_not_end_and_a_mail_that_was_not_sent(settings, publish, week, slack):
    publish(week())
    slack.faults["chat.postMessage"] = ["drop before"]
    both = replace(settings, email_connection="smtp_default", email_to=("cfo@example.com",))
    with pytest.raises(Exception, match="no answer"):
        deliver(settings=settings, week=MONDAY)
    assert (
        "is late: a run that sent it to #ai-cost did not come to its end; it was not sent to e-mail to cfo@example.com."
    ) in find_overdue(both, week=MONDAY)


def test_an_alert_that_did_not_get_through_is_tried_and_told_again(settings, publish, week, slack):
    publish(week())
    slack.faults["chat.postMessage"] = ["channel_not_found"]
    with pytest.raises(NotTold, match=r"is late: .* Nobody could be told of it: .*channel_not_found"):
        check_deadline(settings, now=DUE)
    assert slack.messages == []
    assert check_deadline(settings, now=DUE)
    assert check_deadline(settings, now=DUE)
    assert len(slack.messages) == 1


def test_an_alert_whose_run_ended_before_it_told_anybody_is_told(settings, publish, week, slack):
    publish(week())
    path = entry_path(settings.published / "reviews", week=MONDAY, channel=ALERT)
    claim(path, week=MONDAY, channel=ALERT, content_sha256="")
    for _ in range(2):
        assert check_deadline(settings, now=DUE)
    assert len(slack.messages) == 1


def test_a_ledger_that_cannot_be_used_is_told_of_all_the_same(settings, publish, week, slack):
    publish(week())
    write_atomically(settings.published / "reviews" / "ledger", "not a folder")
    assert "whether it was sent to Slack is not known: " in check_deadline(settings, now=DUE)
    (message,) = slack.messages
    assert "That this was told cannot be written down: " in message["text"]
    assert "ledger/2025-06-09.alert-of-the-deadline." in message["text"]


def test_a_connection_that_is_configured_and_not_there_is_told_by_mail(settings, publish, week, monkeypatch):
    publish(week())
    sink = MailSink()
    connect_mail(monkeypatch, sink.port)
    named = replace(
        settings, slack_connection="nowhere", email_connection="smtp_default", email_to=("cfo@example.com",)
    )
    assert "whether it was sent to Slack is not known: there is no Airflow connection nowhere" in (
        check_deadline(named, now=DUE)
    )
    (mail,) = sink.mails
    assert mail["Subject"] == "AI cost: alert"
    sink.stop()


def test_the_alert_goes_to_its_own_channel_and_calls_nobody(settings, slack):
    slack.channels.append(Channel("C0000OPS1", "ops"))
    assert alert(replace(settings, alert_channel="#ops"), "<!channel> it failed") == ["Slack #ops"]
    assert [message["text"] for message in slack.channels[1].messages] == ["&lt;!channel&gt; it failed"]
    assert slack.messages == []


def test_the_connection_s_channel_gets_the_alert_where_none_is_set(settings, slack, monkeypatch):
    slack.channels.append(Channel("C0000FIN1", "finance"))
    connect(monkeypatch, slack, channel="finance")
    assert alert(settings, "it failed") == ["Slack finance"]


def test_where_slack_does_not_take_the_alert_it_goes_by_mail_and_to_the_log(settings, slack, monkeypatch, caplog):
    sink = MailSink()
    connect_mail(monkeypatch, sink.port)
    slack.scopes.clear()
    by_mail = replace(settings, email_connection="smtp_default", email_to=("cfo@example.com",))
    assert alert(by_mail, "it failed") == ["e-mail to cfo@example.com"]
    assert sink.mails[0].get_content().strip() == "it failed"
    assert "it failed" in caplog.text
    sink.stop()
    assert alert(by_mail, "it failed again") == []
    assert "it failed again" in caplog.text
    assert "missing_scope" in caplog.text


def test_without_any_channel_the_log_has_it(settings, caplog):
    assert alert(settings, "it failed") == []
    assert "it failed" in caplog.text


def test_the_kept_entry_of_an_alert_is_json(settings, publish, week, slack):
    publish(week())
    check_deadline(settings, now=DUE)
    (path,) = (settings.published / "reviews" / "ledger").glob("*alert*.json")
    assert json.loads(path.read_text())["state"] == "posted"
