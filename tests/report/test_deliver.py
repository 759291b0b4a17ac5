"""Keeping, printing and posting, against a Slack that answers over HTTP."""

import json
from datetime import date
from decimal import Decimal

import pytest

from ai_finops.errors import PublishError, ReportError
from ai_finops.report import NotPosted, compose, deliver, write_review
from ai_finops.report.slack import slack_text

MONDAY = date(2025, 6, 9)


def kept(settings, week=MONDAY):
    return (settings.published / "reviews" / f"{week}.md").read_text()


def entries(settings):
    return [json.loads(path.read_text())["state"] for path in (settings.published / "reviews").glob("ledger/*.json")]


def test_review_is_kept_and_printed(settings, publish, week, capsys):
    publish(week())
    assert write_review(settings=settings, week=MONDAY) == compose(week())
    assert kept(settings) == capsys.readouterr().out == compose(week()) + "\n"


def test_nothing_published_keeps_nothing(settings):
    with pytest.raises(PublishError):
        write_review(settings=settings, week=MONDAY)
    assert not (settings.published / "reviews").exists()


def test_without_a_connection_nothing_is_posted(settings, publish, week):
    publish(week())
    assert deliver(settings=settings, week=MONDAY) == "kept, not posted: there is no Airflow connection slack_default"
    assert kept(settings) == compose(week()) + "\n"
    assert entries(settings) == []


def test_posted_to_the_channel_with_its_facts(settings, publish, week, slack):
    publish(week())
    assert deliver(settings=settings, week=MONDAY) == "posted to #ai-cost (message 1750068000.000100)"
    (message,) = slack.posted
    assert (message["channel"], message["text"]) == ("#ai-cost", slack_text(compose(week())))
    assert (message["mrkdwn"], message["parse"], message["link_names"]) == (False, "none", False)
    assert message["metadata"]["event_payload"] == {"week_start_date": "2025-06-09", "channel": "#ai-cost"}
    assert slack.tokens == ["Bearer xoxb-not-a-token"]
    assert entries(settings) == ["posted"]


def test_five_runs_post_once(settings, publish, week, slack):
    publish(week())
    results = [deliver(settings=settings, week=MONDAY) for _ in range(5)]
    assert len(slack.posted) == 1
    assert set(results[1:]) == {
        "not posted again: the week of 2025-06-09 is in #ai-cost already (message 1750068000.000100)"
    }


@pytest.mark.parametrize("as_of", [date(2025, 6, 15), date(2025, 6, 23)])
def test_a_week_that_is_not_the_last_complete_one_is_kept_only(settings, publish, week, slack, as_of):
    publish(week(marts_as_of_date=as_of), as_of=as_of)
    due = {date(2025, 6, 15): "2025-06-02", date(2025, 6, 23): "2025-06-16"}[as_of]
    assert deliver(settings=settings, week=MONDAY) == (
        f"kept, not posted: the last complete week in the marts is that of {due}, not 2025-06-09"
    )
    assert slack.posted == []
    assert kept(settings)


@pytest.mark.parametrize("as_of", [date(2025, 6, 16), date(2025, 6, 22)])
def test_the_last_complete_week_is_posted_until_the_next_is(settings, publish, week, slack, as_of):
    publish(week(), as_of=as_of)
    assert deliver(settings=settings, week=MONDAY).startswith("posted to")


def test_names_cannot_call_anybody(settings, publish, week, slack):
    publish(week(top_feature_name="<!channel> R&D <@U123>", top_feature_cost_usd=Decimal("0.001")))
    deliver(settings=settings, week=MONDAY)
    text = slack.posted[0]["text"]
    assert "&lt;!channel&gt; R&amp;D &lt;@U123&gt;: &lt;$0.01" in text
    assert not {"<", ">"} & set(text)
    assert "<!channel> R&D <@U123>: <$0.01" in kept(settings)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, {"ok": False, "error": "channel_not_found"}, "channel_not_found"),
        (200, {"ok": False, "error": "invalid_auth"}, "invalid_auth"),
        (429, {"ok": False, "error": "ratelimited"}, "ratelimited"),
    ],
)
def test_a_refused_message_is_kept_and_can_be_sent_again(
    settings, publish, week, slack, answer_with, status, body, reason
):
    publish(week())
    slack.answer = answer_with(status, body)
    with pytest.raises(NotPosted, match=f"Slack refused the message to #ai-cost: {reason}"):
        deliver(settings=settings, week=MONDAY)
    assert kept(settings)
    assert entries(settings) == []
    slack.answer = None
    assert deliver(settings=settings, week=MONDAY).startswith("posted to")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"ok": False, "error": "fatal_error"}),
        (200, {"ok": False, "error": "internal_error"}),
        (503, {"ok": False}),
    ],
)
def test_after_an_unclear_answer_nobody_posts_again(settings, publish, week, slack, answer_with, status, body):
    publish(week())
    slack.answer = answer_with(status, body)
    with pytest.raises(ReportError, match="it may be there all the same"):
        deliver(settings=settings, week=MONDAY)
    slack.answer = None
    with pytest.raises(ReportError, match="its end is not known; look at the channel"):
        deliver(settings=settings, week=MONDAY)
    assert len(slack.posted) == 1
    assert entries(settings) == ["intent"]


def test_a_lost_answer_is_not_posted_twice(settings, publish, week, slack):
    publish(week())
    slack.answer = lambda handler: handler.connection.close()
    with pytest.raises(ReportError, match="no answer from Slack"):
        deliver(settings=settings, week=MONDAY)
    assert len(slack.posted) == 1
    assert entries(settings) == ["intent"]


def test_a_slack_that_is_not_there_can_be_tried_again(settings, publish, week, slack):
    publish(week())
    slack.stop()
    with pytest.raises(NotPosted, match="could not be reached"):
        deliver(settings=settings, week=MONDAY)
    assert entries(settings) == []


def test_a_connection_without_a_token_says_so(settings, publish, week, monkeypatch):
    publish(week())
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps({"conn_type": "slack"}))
    with pytest.raises(NotPosted, match="put the bot token into its password"):
        deliver(settings=settings, week=MONDAY)
    assert entries(settings) == []


def test_a_changed_text_is_kept_and_not_posted_again(settings, publish, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    (settings.published / "current").unlink()
    (settings.published / "builds" / "000001-2025-06-16-00000000").rename(settings.published / "old")
    publish(week(total_cost_usd=Decimal("2150")))
    assert deliver(settings=settings, week=MONDAY).startswith("not posted again")
    assert "Total: $2,150" in kept(settings)
    assert len(slack.posted) == 1
