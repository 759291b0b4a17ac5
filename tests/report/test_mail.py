"""The message by e-mail, against a mail server that answers."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai_finops.errors import ReportError
from ai_finops.report import NotKnown, NotPosted, alert, compose, deliver, find_overdue
from tests.report.conftest import A_METRIC, METRIC_LINE
from tests.report.mail_sink import MailSink

MONDAY = date(2025, 6, 9)
TO = ("cfo@example.com", "eng@example.com")


def connect(monkeypatch, port, **extra):
    known = {
        "from_email": "ai-cost@example.com",
        "disable_ssl": True,
        "disable_tls": True,
        "timeout": 5,
        "retry_limit": 0,
    }
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": known | extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))


@pytest.fixture
def sink(monkeypatch):
    server = MailSink()
    connect(monkeypatch, server.port)
    yield server
    server.stop()


@pytest.fixture
def by_mail(settings):
    return replace(
        settings, email_connection="smtp_default", email_to=TO, page_url="https://airflow.example/ai-cost/weekly"
    )


def entries(settings):
    return [json.loads(path.read_text())["state"] for path in (settings.published / "reviews").glob("ledger/*.json")]


def test_sent_as_text_and_html_with_its_picture_inside(by_mail, publish, week, sink):
    publish(week(top_feature_name="<b>R&D</b>"), statements=(A_METRIC,))
    assert deliver(settings=by_mail, week=MONDAY) == "sent to cfo@example.com, eng@example.com"
    (mail,) = sink.mails
    assert sink.recipients == [list(TO)]
    assert (mail["Subject"], mail["From"]) == ("AI Cost Weekly (Week of June 9)", "ai-cost@example.com")
    assert mail["Message-ID"].startswith("<ai-cost-2025-06-09.")
    text = mail.get_body(("plain",)).get_content()
    assert " ".join(text.split()) == f"{compose(week(top_feature_name='<b>R&D</b>'))} {METRIC_LINE}"
    html = mail.get_body(("html",)).get_content()
    assert "&lt;b&gt;R&amp;D&lt;/b&gt;: $890" in html
    assert "<b>" not in html
    assert "<strong>Recommended: route batch summarization" in html
    assert 'href="https://airflow.example/ai-cost/weekly?week=2025-06-09"' in html
    (picture,) = (part for part in mail.walk() if part.get_content_type() == "image/png")
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html
    assert html.count("src=") == 1
    assert picture.get_content() == (by_mail.published / "reviews" / "2025-06-09.png").read_bytes()


def test_five_runs_send_once(by_mail, publish, week, sink):
    publish(week())
    results = [deliver(settings=by_mail, week=MONDAY) for _ in range(5)]
    assert len(sink.mails) == 1
    assert set(results[1:]) == {
        "not sent again: the week of 2025-06-09 went to cfo@example.com, eng@example.com already"
    }


def test_what_was_sent_stays_known_when_the_kept_text_becomes_another(by_mail, publish, publish_again, week, sink):
    publish(week())
    deliver(settings=by_mail, week=MONDAY)
    publish_again(week(total_cost_usd=Decimal("2150")))
    assert deliver(settings=by_mail, week=MONDAY).startswith("not sent again")
    (path,) = (by_mail.published / "reviews").glob("ledger/*.json")
    assert json.loads(path.read_text())["text"] == compose(week())
    assert "Total: $2,150" in (by_mail.published / "reviews" / "2025-06-09.md").read_text()


def test_another_list_of_addresses_is_sent_to(by_mail, publish, week, sink):
    publish(week())
    deliver(settings=by_mail, week=MONDAY)
    assert deliver(settings=replace(by_mail, email_to=TO[::-1]), week=MONDAY).startswith("not sent again")
    assert deliver(settings=replace(by_mail, email_to=TO[:1]), week=MONDAY) == "sent to cfo@example.com"


def test_beside_slack(by_mail, publish, week, sink, slack):
    publish(week())
    done = deliver(settings=by_mail, week=MONDAY)
    assert done == "posted to #ai-cost (message 5750068000.000002); sent to cfo@example.com, eng@example.com"


def test_a_slack_that_fails_keeps_no_mail_back(by_mail, publish, week, sink, slack):
    publish(week())
    slack.scopes.clear()
    with pytest.raises(NotPosted, match=r"missing_scope.*; sent to cfo@example\.com"):
        deliver(settings=by_mail, week=MONDAY)
    assert len(sink.mails) == 1


@pytest.mark.parametrize(
    ("slack_fault", "mail_fault", "kind"),
    [
        ("drop after", "", NotKnown),
        ("channel_not_found", "", NotPosted),
        # The mail is not sent again, but the message may still reach the channel.
        ("channel_not_found", "drop after", NotPosted),
        ("drop after", "554 no", NotKnown),
        ("", "drop after", ReportError),
    ],
)
def test_of_several_failures_one_that_a_retry_may_mend_counts(
    by_mail, publish, week, sink, slack, slack_fault, mail_fault, kind
):
    publish(week())
    slack.faults["chat.postMessage"] = [slack_fault]
    sink.fault = mail_fault
    with pytest.raises(ReportError) as raised:
        deliver(settings=by_mail, week=MONDAY)
    assert type(raised.value) is kind


@pytest.mark.parametrize("fault", ["554 no", "451 later"])
def test_a_refused_mail_can_be_sent_again(by_mail, publish, week, sink, fault):
    publish(week())
    sink.fault = fault
    with pytest.raises(NotPosted, match="refused the message"):
        deliver(settings=by_mail, week=MONDAY)
    assert entries(by_mail) == []
    assert deliver(settings=by_mail, week=MONDAY).startswith("sent to")


@pytest.mark.parametrize(("fault", "count"), [("drop after", 1), ("drop before", 0)])
def test_after_an_unclear_end_nobody_sends_again(by_mail, publish, week, sink, fault, count):
    publish(week())
    sink.fault = fault
    with pytest.raises(ReportError, match="it may have been sent all the same") as first:
        deliver(settings=by_mail, week=MONDAY)
    assert not isinstance(first.value, NotPosted)
    with pytest.raises(ReportError, match="its end is not known; look into the mailbox"):
        deliver(settings=by_mail, week=MONDAY)
    assert (len(sink.mails), entries(by_mail)) == (count, ["intent"])


def test_an_address_that_is_not_taken_is_named_recorded_and_sent_to_when_it_is(by_mail, publish, week, sink):
    publish(week())
    sink.refused = {"cfo@example.com"}
    said = (
        r"did not take cfo@example\.com \(550 no such user\); correct AI_FINOPS_EMAIL_TO .*; sent to eng@example\.com$"
    )
    with pytest.raises(NotPosted, match=said):
        deliver(settings=by_mail, week=MONDAY)
    (path,) = (by_mail.published / "reviews").glob("ledger/*.json")
    entry = json.loads(path.read_text())
    assert (entry["state"], entry["not_taken"]) == ("posted", {"cfo@example.com": "550 no such user"})
    assert "is late: the mail server did not take cfo@example.com (550 no such user)." in (
        find_overdue(by_mail, week=MONDAY)
    )
    with pytest.raises(NotPosted, match=r"refused the message: .*cfo@example\.com \(550 no such user\)"):
        deliver(settings=by_mail, week=MONDAY)
    assert json.loads(path.read_text()) | {"intent_at": 0} == entry | {"intent_at": 0, "state": "posted"}
    sink.refused = set()
    assert deliver(settings=by_mail, week=MONDAY) == "sent to cfo@example.com"
    assert deliver(settings=by_mail, week=MONDAY).startswith("not sent again")
    assert sink.recipients == [["eng@example.com"], ["cfo@example.com"]]
    assert sink.mails[1]["To"] == "cfo@example.com"
    assert find_overdue(by_mail, week=MONDAY) is None


def test_an_alert_names_those_alone_that_it_was_sent_to(by_mail, sink, caplog):
    sink.refused = {"cfo@example.com"}
    assert alert(by_mail, "it failed") == ["e-mail to eng@example.com"]
    assert "did not take cfo@example.com (550 no such user)" in caplog.text


def test_no_address_taken_is_nothing_sent(by_mail, publish, week, sink):
    publish(week())
    sink.refused = set(TO)
    with pytest.raises(NotPosted, match="refused the message"):
        deliver(settings=by_mail, week=MONDAY)
    assert entries(by_mail) == []


def test_a_server_that_is_not_there_can_be_tried_again(by_mail, publish, week, sink):
    publish(week())
    sink.stop()
    with pytest.raises(NotPosted, match="could not be used"):
        deliver(settings=by_mail, week=MONDAY)
    assert entries(by_mail) == []


def test_a_connection_that_is_not_there_says_so(by_mail, publish, week):
    publish(week())
    with pytest.raises(NotPosted, match="could not be used: SMTP connection is not found"):
        deliver(settings=by_mail, week=MONDAY)


def test_a_slack_connection_that_is_configured_and_not_there_keeps_no_mail_back(by_mail, publish, week, sink):
    publish(week())
    with pytest.raises(
        NotPosted, match=r"no Airflow connection nowhere, .*; sent to cfo@example\.com, eng@example\.com$"
    ):
        deliver(settings=replace(by_mail, slack_connection="nowhere"), week=MONDAY)


def test_a_connection_without_a_sender_says_so(by_mail, publish, week, sink, monkeypatch):
    connect(monkeypatch, sink.port, from_email="")
    publish(week())
    with pytest.raises(NotPosted, match="has no from_email in its extra"):
        deliver(settings=by_mail, week=MONDAY)
    assert entries(by_mail) == []
