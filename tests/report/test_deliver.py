"""Keeping, printing and posting, against a Slack that answers over HTTP."""

import json
import logging
import os
import signal
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

from ai_finops.config import Settings
from ai_finops.errors import PublishError, ReportError
from ai_finops.report import (
    NotKnown,
    NotPosted,
    compose,
    deliver,
    find_overdue,
    read_edition,
    slack_delivery,
    slack_entry,
    write_review,
)
from ai_finops.report import slack as slack_calls
from ai_finops.report.deliver import reviews_of
from ai_finops.report.ledger import entry_path, write_atomically
from ai_finops.report.slack import find_hook
from tests.report.conftest import A_METRIC, METRIC_LINE, connect
from tests.report.slack_api import ANSWERS, Channel

MONDAY = date(2025, 6, 9)
COSTS = """create table fct_daily_feature_costs as select '{name}' as feature_id, '{name}' as display_name,
    7::bigint as request_count, 0::bigint as unknown_cost_call_count, 5::decimal(18, 6) as allocated_cost_usd,
    date '2025-06-10' as usage_date"""


def kept(settings, week=MONDAY):
    return (settings.published / "reviews" / f"{week}.md").read_text()


def entries(settings):
    return [json.loads(path.read_text())["state"] for path in (settings.published / "reviews").glob("ledger/*.json")]


def test_review_is_kept_and_printed(settings, publish, week, capsys):
    publish(week())
    assert write_review(settings=settings, week=MONDAY) == compose(week())
    assert kept(settings) == capsys.readouterr().out == compose(week()) + "\n"
    folder = settings.published / "reviews"
    assert (folder / "2025-06-09.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((folder / "2025-06-09.json").read_text())["blocks"][0]["type"] == "header"


def test_nothing_published_keeps_nothing(settings):
    with pytest.raises(PublishError):
        write_review(settings=settings, week=MONDAY)
    assert not (settings.published / "reviews").exists()


def test_marts_of_another_release_say_so(settings, publish, week):
    publish(week(), statements=("create table fct_weekly_metrics (metric_name varchar)",))
    with pytest.raises(ReportError, match="do not hold a readable weekly review"):
        write_review(settings=settings, week=MONDAY)


def test_without_a_connection_nothing_is_posted(settings, publish, week):
    publish(week())
    assert deliver(settings=settings, week=MONDAY) == "kept, not posted: there is no Airflow connection slack_default"
    assert kept(settings) == compose(week()) + "\n"
    assert entries(settings) == []


def test_a_connection_that_is_configured_has_to_be_there(settings, publish, week):
    publish(week())
    with pytest.raises(
        NotPosted, match="no Airflow connection slack_finance, which AI_FINOPS_SLACK_CONNECTION names; make it"
    ):
        deliver(settings=replace(settings, slack_connection="slack_finance"), week=MONDAY)
    assert kept(settings) == compose(week()) + "\n"
    assert entries(settings) == []


def test_a_secrets_backend_that_refuses_is_not_a_connection_that_is_not_there(settings, publish, week, monkeypatch):
    def refuse(connection_id):
        raise AirflowSecretsBackendAccessDenied("not this task's")

    monkeypatch.setattr(BaseHook, "get_connection", refuse)
    publish(week())
    with pytest.raises(NotPosted, match="does not give connection slack_default: not this task's"):
        deliver(settings=settings, week=MONDAY)


def test_what_is_not_healthy_is_in_the_kept_text_and_in_the_fallback(settings, publish, week, slack):
    publish(week(gap_call_count=2), statements=(A_METRIC,))
    deliver(settings=settings, week=MONDAY)
    assert kept(settings).splitlines()[1:] == [METRIC_LINE, "Data: 2 calls without usage."]
    assert slack.messages[0]["text"] == kept(settings).strip()


def test_posted_to_the_channel_with_blocks_picture_and_facts(settings, publish, week, slack):
    publish(week())
    assert deliver(settings=settings, week=MONDAY) == "posted to #ai-cost (message 5750068000.000002)"
    (message,) = slack.messages
    assert message["text"] == compose(week())
    assert message["metadata"]["event_payload"] == {"week_start_date": "2025-06-09", "channel": "#ai-cost"}
    (image,) = (block for block in message["blocks"] if block["type"] == "image")
    (file_id,) = slack.files
    assert image["slack_file"] == {"id": file_id}
    assert slack.files[file_id]["content"] == (settings.published / "reviews" / "2025-06-09.png").read_bytes()
    assert image["alt_text"] == slack.files[file_id]["alt_txt"]
    (body,) = (body for method, body in zip(slack.calls, slack.bodies, strict=True) if method == "chat.postMessage")
    assert (body["mrkdwn"], body["parse"], body["link_names"]) == (False, "none", False)
    assert entries(settings) == ["posted"]


def test_the_connection_names_the_channel(settings, publish, week, slack, monkeypatch):
    slack.channels.append(Channel("C0000FIN1", "finance"))
    connect(monkeypatch, slack, channel="#finance")
    publish(week())
    assert deliver(settings=settings, week=MONDAY).startswith("posted to #finance")
    assert (len(slack.channels[0].messages), len(slack.channels[1].messages)) == (0, 1)


def test_five_runs_post_once(settings, publish, week, slack):
    publish(week())
    results = [deliver(settings=settings, week=MONDAY) for _ in range(5)]
    assert len(slack.messages) == 1
    assert set(results[1:]) == {
        "not posted again: the week of 2025-06-09 is in #ai-cost already (message 5750068000.000002)"
    }
    assert slack.calls.count("chat.update") == 0


@pytest.mark.parametrize("as_of", [date(2025, 6, 15), date(2025, 6, 23)])
def test_a_week_that_is_not_the_last_complete_one_is_kept_only(settings, publish, week, slack, as_of):
    publish(week(marts_as_of_date=as_of), as_of=as_of)
    due = {date(2025, 6, 15): "2025-06-02", date(2025, 6, 23): "2025-06-16"}[as_of]
    assert deliver(settings=settings, week=MONDAY) == (
        f"kept, not posted: the last complete week in the marts is that of {due}, not 2025-06-09"
    )
    assert slack.calls == []
    assert kept(settings)


@pytest.mark.parametrize("as_of", [date(2025, 6, 16), date(2025, 6, 22)])
def test_the_last_complete_week_is_posted_until_the_next_is(settings, publish, week, slack, as_of):
    publish(week(), as_of=as_of)
    assert deliver(settings=settings, week=MONDAY).startswith("posted to")


@pytest.mark.parametrize("name", ["<!channel>", "<!here> R&D", "<@U0123ABCD>", "<#C024BE91L>", "<https://x.example|x>"])
def test_names_cannot_call_anybody(settings, publish, week, slack, name):
    publish(
        week(
            top_feature_name=name,
            main_driver_detail=name,
            recommended_feature_name=name,
            recommended_task_type=None,
            top_feature_cost_usd=Decimal("0.001"),
        ),
        statements=(COSTS.format(name=name),),
    )
    deliver(settings=settings, week=MONDAY)
    (message,) = slack.messages
    said = json.dumps(message)
    assert not {"<", ">"} & set(said)
    assert name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in said
    assert {text["type"] for block in message["blocks"] for text in _texts(block)} == {"plain_text"}
    assert name in kept(settings)


def _texts(block):
    return [block["text"]] if "text" in block else block.get("elements", [])


@pytest.mark.parametrize("reason", ["channel_not_found", "invalid_auth", "is_archived", "restricted_action"])
def test_a_refused_message_is_kept_and_can_be_sent_again(settings, publish, week, slack, reason):
    publish(week())
    slack.faults["chat.postMessage"] = [reason]
    with pytest.raises(NotPosted, match=f"Slack refused the message to #ai-cost: {reason}"):
        deliver(settings=settings, week=MONDAY)
    assert kept(settings)
    assert entries(settings) == []
    assert deliver(settings=settings, week=MONDAY).startswith("posted to")


def test_a_wrong_token_is_refused(settings, publish, week, slack, monkeypatch):
    publish(week())
    connect(monkeypatch, slack, password="xoxb-other")
    with pytest.raises(NotPosted, match="invalid_auth"):
        deliver(settings=settings, week=MONDAY)


@pytest.mark.parametrize(("is_there", "reason"), [(True, "not_in_channel"), (False, "channel_not_found")])
def test_a_channel_that_the_app_is_not_in_is_said(settings, publish, week, slack, is_there, reason):
    publish(week())
    slack.channels[:] = [Channel("C024BE91L", "ai-cost", is_member=False)] if is_there else []
    with pytest.raises(NotPosted, match=reason):
        deliver(settings=settings, week=MONDAY)


def test_without_the_scope_to_write_nothing_is_posted_and_the_scope_is_named(settings, publish, week, slack):
    publish(week())
    slack.scopes.remove("chat:write")
    with pytest.raises(NotPosted, match="missing_scope, give the app the scope chat:write"):
        deliver(settings=settings, week=MONDAY)
    assert entries(settings) == []


def test_without_the_scope_for_files_the_message_goes_without_its_picture_until_it_has_it(
    settings, publish, week, slack, caplog
):
    publish(week())
    slack.scopes.remove("files:write")
    with caplog.at_level(logging.WARNING):
        done = deliver(settings=settings, week=MONDAY)
    assert "without its picture: Slack refused the picture: missing_scope, give the app the scope files:write" in done
    assert "the message goes without its picture" in caplog.text
    assert "image" not in [block["type"] for block in slack.messages[0]["blocks"]]
    assert deliver(settings=settings, week=MONDAY).startswith("not posted again")
    slack.scopes.add("files:write")
    assert deliver(settings=settings, week=MONDAY) == "updated in #ai-cost (message 5750068000.000001)"
    assert "image" in [block["type"] for block in slack.messages[0]["blocks"]]
    assert deliver(settings=settings, week=MONDAY).startswith("not posted again")
    assert len(slack.messages) == 1


@pytest.mark.parametrize(("looks", "has_picture"), [(3, True), (4, False)])
def test_a_picture_that_slack_has_not_looked_through_is_waited_for_a_while(
    settings, publish, week, slack, looks, has_picture
):
    publish(week())
    slack.looks_needed = looks
    done = deliver(settings=settings, week=MONDAY)
    assert ("without its picture" in done) != has_picture
    assert ("image" in [block["type"] for block in slack.messages[0]["blocks"]]) == has_picture


def uploads(slack):
    return slack.calls.count("files.completeUploadExternal")


def test_a_picture_that_slack_refuses_is_uploaded_once_and_shown_when_it_is_taken(
    settings, publish, publish_again, week, slack
):
    publish(week())
    slack.looks_needed = 1000
    results = [deliver(settings=settings, week=MONDAY) for _ in range(3)]
    assert all("without its picture: Slack refused" in done for done in results)
    publish_again(week(total_cost_usd=Decimal("2150")))  # which the picture does not show
    assert "without its picture" in deliver(settings=settings, week=MONDAY)
    slack.looks_needed = 0
    assert deliver(settings=settings, week=MONDAY) == "updated in #ai-cost (message 5750068000.000002)"
    assert deliver(settings=settings, week=MONDAY).startswith("not posted again")
    assert uploads(slack) == 1
    (image,) = (block for block in slack.messages[0]["blocks"] if block["type"] == "image")
    assert [image["slack_file"]["id"]] == list(slack.files)


def test_another_picture_is_uploaded(settings, publish, publish_again, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    publish_again(week(), statements=(COSTS.format(name="chat"),))
    assert deliver(settings=settings, week=MONDAY).startswith("updated in")
    assert uploads(slack) == 2
    assert list(slack.files)[-1] in json.dumps(slack.messages[0]["blocks"])


def test_a_picture_that_somebody_removed_is_uploaded_again(settings, publish, publish_again, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    slack.files.clear()
    publish_again(week(total_cost_usd=Decimal("2150")))
    assert "without its picture" in deliver(settings=settings, week=MONDAY)
    assert deliver(settings=settings, week=MONDAY) == "updated in #ai-cost (message 5750068000.000002)"
    assert uploads(slack) == 2
    assert "image" in [block["type"] for block in slack.messages[0]["blocks"]]


@pytest.mark.parametrize("fault", ["drop after", "drop before"])
def test_a_run_that_was_stopped_leaves_its_text_and_picture_to_the_next(
    settings, publish, publish_again, week, slack, fault
):
    publish(week())
    slack.faults["chat.postMessage"] = [fault]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    (path,) = reviews_of(settings).glob("ledger/*.json")
    assert json.loads(path.read_text())["text"] == compose(week())
    publish_again(week(total_cost_usd=Decimal("2150")))
    deliver(settings=settings, week=MONDAY)
    assert json.loads(path.read_text())["text"] == kept(settings).strip() == slack.messages[0]["text"]
    assert uploads(slack) == 1
    assert next(iter(slack.files)) in json.dumps(slack.messages[0]["blocks"])


def test_what_was_posted_stays_known_when_the_kept_text_becomes_another(settings, publish, publish_again, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    (path,) = reviews_of(settings).glob("ledger/*.json")
    assert json.loads(path.read_text())["text"] == compose(week())
    # Past its week the message is kept only, and a shell's is never posted.
    late = week(total_cost_usd=Decimal("2150"), marts_as_of_date=date(2025, 6, 23))
    publish_again(late, as_of=date(2025, 6, 23))
    assert deliver(settings=settings, week=MONDAY).startswith("kept, not posted")
    assert "Total: $2,150" in kept(settings)
    assert json.loads(path.read_text())["text"] == compose(week()) == slack.messages[0]["text"]
    publish_again(week(total_cost_usd=Decimal("2150")))
    write_review(settings=settings, week=MONDAY)
    assert json.loads(path.read_text())["text"] == compose(week())
    deliver(settings=settings, week=MONDAY)
    assert json.loads(path.read_text())["text"] == kept(settings).strip() == slack.messages[0]["text"]


def test_an_upload_that_is_refused_costs_the_picture_alone(settings, publish, week, slack):
    publish(week())
    slack.faults["files.completeUploadExternal"] = ["500 before"]
    assert "without its picture" in deliver(settings=settings, week=MONDAY)


def test_a_short_rate_limit_is_waited_for(settings, publish, week, slack):
    publish(week())
    slack.rate_limits["chat.postMessage"] = [0, 0]
    slack.rate_limits["files.getUploadURLExternal"] = [0]
    assert deliver(settings=settings, week=MONDAY).startswith("posted to #ai-cost")
    assert len(slack.messages) == 1


@pytest.mark.parametrize(("wait", "is_posted"), [(60, True), (61, False)])
def test_a_rate_limit_is_waited_for_up_to_a_minute(settings, publish, week, slack, monkeypatch, wait, is_posted):
    waits = []
    monkeypatch.setattr(slack_calls.time, "sleep", waits.append)
    publish(week())
    slack.rate_limits["chat.postMessage"] = [wait]
    if is_posted:
        assert deliver(settings=settings, week=MONDAY).startswith("posted to")
        assert waits == [wait]
    else:
        with pytest.raises(NotPosted, match="ratelimited, for 61 s more"):
            deliver(settings=settings, week=MONDAY)
        assert entries(settings) == []


@pytest.mark.parametrize("fault", [f"{kind} after" for kind in ("drop", *ANSWERS)])
def test_after_an_unclear_end_the_message_is_looked_for_and_found(settings, publish, week, slack, fault):
    publish(week())
    slack.faults["chat.postMessage"] = [fault]
    with pytest.raises(NotKnown, match="it may be there all the same"):
        deliver(settings=settings, week=MONDAY)
    assert entries(settings) == ["intent"]
    assert deliver(settings=settings, week=MONDAY).startswith("updated in #ai-cost")
    assert deliver(settings=settings, week=MONDAY).startswith("not posted again")
    assert len(slack.messages) == 1
    assert entries(settings) == ["posted"]


@pytest.mark.parametrize("fault", [*(f"{kind} before" for kind in ("drop", *ANSWERS)), "fatal_error", "internal_error"])
def test_after_an_unclear_end_a_message_that_is_not_there_is_posted(settings, publish, week, slack, fault):
    publish(week())
    slack.faults["chat.postMessage"] = [fault]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    assert deliver(settings=settings, week=MONDAY).startswith("posted to #ai-cost")
    assert len(slack.messages) == 1


@pytest.mark.parametrize("fault", ["bare", "page", "408", "list"])
def test_a_search_that_was_not_answered_does_not_mean_that_nothing_is_there(settings, publish, week, slack, fault):
    publish(week())
    slack.faults["chat.postMessage"] = ["drop after"]
    slack.faults["conversations.history"] = [fault]
    for _ in range(2):
        with pytest.raises(NotKnown):
            deliver(settings=settings, week=MONDAY)
    assert (len(slack.messages), entries(settings)) == (1, ["intent"])
    assert deliver(settings=settings, week=MONDAY).startswith("updated in")
    assert len(slack.messages) == 1


def test_a_message_that_was_just_sent_is_given_time_to_arrive(settings, publish, week, slack, monkeypatch):
    publish(week())
    waits = []
    monkeypatch.setattr(slack_entry, "SETTLE_SECONDS", 30)
    monkeypatch.setattr(slack_entry.time, "sleep", waits.append)
    slack.faults["chat.postMessage"] = ["drop before", "drop before"]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    (path,) = reviews_of(settings).glob("ledger/*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"intent_at": 1_750_068_000}))
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    # The second run wrote its own intent, and the third waits for what that one may have sent.
    assert deliver(settings=settings, week=MONDAY).startswith("posted to")
    assert waits[0] == 0
    assert 0 < waits[1] <= 30


def test_the_message_is_found_behind_pages_of_others(settings, publish, week, slack):
    publish(week())
    slack.faults["chat.postMessage"] = ["drop after"]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    other = {
        "event_type": "ai_finops_weekly_digest",
        "event_payload": {"week_start_date": "2025-06-02", "channel": "#ai-cost"},
    }
    for place in range(5):
        slack.messages.append(
            {"ts": f"5750069000.{place:06d}", "text": "chatter", "metadata": other if place % 2 else None}
        )
    assert deliver(settings=settings, week=MONDAY).startswith("updated in")
    assert slack.calls.count("conversations.history") == 3
    assert slack.calls.count("chat.postMessage") == 1


def test_without_the_scope_to_look_nobody_posts_and_the_scope_is_named(settings, publish, week, slack):
    publish(week())
    slack.faults["chat.postMessage"] = ["drop after"]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    slack.scopes.remove("channels:history")
    for _ in range(2):
        with pytest.raises(NotPosted, match="give the app the scope channels:history"):
            deliver(settings=settings, week=MONDAY)
    slack.scopes.add("channels:history")
    slack.scopes.remove("channels:read")
    with pytest.raises(NotPosted, match="give the app the scope channels:read"):
        deliver(settings=settings, week=MONDAY)
    assert (len(slack.messages), entries(settings)) == (1, ["intent"])


def test_a_channel_that_is_not_listed_is_to_be_named_by_its_id(settings, publish, week, slack, monkeypatch):
    publish(week())
    slack.faults["chat.postMessage"] = ["drop after"]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    slack.channels[0].name = "renamed"
    with pytest.raises(NotPosted, match="name the channel by its id"):
        deliver(settings=settings, week=MONDAY)


def test_a_channel_known_from_another_week_is_not_looked_up(settings, publish, publish_again, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    next_week = week(week_start_date=date(2025, 6, 16), marts_as_of_date=date(2025, 6, 23))
    publish_again(next_week, as_of=date(2025, 6, 23))
    slack.faults["chat.postMessage"] = ["drop after"]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=date(2025, 6, 16))
    assert deliver(settings=settings, week=date(2025, 6, 16)).startswith("updated in")
    assert "conversations.list" not in slack.calls
    assert len(slack.messages) == 2


def test_a_slack_that_is_not_there_can_be_tried_again(settings, publish, week, slack):
    publish(week())
    slack.stop()
    with pytest.raises(NotPosted, match="could not be reached"):
        deliver(settings=settings, week=MONDAY)
    assert entries(settings) == []


@pytest.mark.parametrize("more", [{}, {"password": "xoxb", "extra": {"timeout": "soon"}}])
def test_a_connection_that_cannot_be_used_says_so(settings, publish, week, monkeypatch, more):
    publish(week())
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps({"conn_type": "slack"} | more))
    with pytest.raises(NotPosted, match="put the bot token into its password"):
        deliver(settings=settings, week=MONDAY)
    assert entries(settings) == []


def test_a_changed_message_is_updated_where_it_stands(settings, publish, publish_again, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    publish_again(week(total_cost_usd=Decimal("2150")))
    assert deliver(settings=settings, week=MONDAY) == "updated in #ai-cost (message 5750068000.000002)"
    (message,) = slack.messages
    assert "Total: $2,150" in message["text"]
    assert message["is_edited"]
    assert deliver(settings=settings, week=MONDAY).startswith("not posted again")


@pytest.mark.parametrize("fault", ["500 after", "drop before"])
def test_an_update_that_fails_is_done_again(settings, publish, publish_again, week, slack, fault):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    publish_again(week(total_cost_usd=Decimal("2150")))
    slack.faults["chat.update"] = [fault]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    assert deliver(settings=settings, week=MONDAY).startswith("updated in")
    assert len(slack.messages) == 1


def test_a_message_that_somebody_deleted_stays_deleted(settings, publish, publish_again, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    slack.messages.clear()
    publish_again(week(total_cost_usd=Decimal("2150")))
    assert "message_not_found; remove" in deliver(settings=settings, week=MONDAY)
    assert slack.messages == []


SPELLINGS = ("#ai-cost", "ai-cost", "C024BE91L")


@pytest.mark.parametrize("fault", ["", "drop after", "drop before"])
@pytest.mark.parametrize(("first", "then"), list(pairwise([*SPELLINGS, SPELLINGS[0]])))
def test_a_channel_spelt_otherwise_is_the_same_channel(settings, publish, week, slack, monkeypatch, first, then, fault):
    publish(week())
    connect(monkeypatch, slack, channel=first)
    if fault:
        slack.faults["chat.postMessage"] = [fault]
        with pytest.raises(NotKnown):
            deliver(settings=settings, week=MONDAY)
    else:
        deliver(settings=settings, week=MONDAY)
    connect(monkeypatch, slack, channel=then)
    assert (find_overdue(settings, week=MONDAY) is None) == (fault == "")
    deliver(settings=settings, week=MONDAY)
    for spelling in (then, first):
        connect(monkeypatch, slack, channel=spelling)
        assert deliver(settings=settings, week=MONDAY).startswith(("not posted again", "updated in"))
        assert find_overdue(settings, week=MONDAY) is None
    assert len(slack.messages) == 1


def test_a_channel_that_was_renamed_meanwhile_is_the_same_channel(settings, publish, week, slack, monkeypatch):
    publish(week())
    slack.faults["chat.postMessage"] = ["drop after"]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    slack.channels[0].name = "cost-of-ai"
    connect(monkeypatch, slack, channel="#cost-of-ai")
    assert deliver(settings=settings, week=MONDAY).startswith("updated in #cost-of-ai")
    assert len(slack.messages) == 1


@pytest.mark.parametrize("fault", ["", "drop after"])
def test_another_channel_gets_the_week_too(settings, publish, week, slack, monkeypatch, fault):
    publish(week())
    slack.faults["chat.postMessage"] = [fault]
    slack.channels.append(Channel("C0000FIN1", "finance"))
    with suppress(NotKnown):
        deliver(settings=settings, week=MONDAY)
    connect(monkeypatch, slack, channel="#finance")
    assert find_overdue(settings, week=MONDAY).startswith(
        "The AI cost message for the week of June 9 is late: it was not sent to #finance."
    )
    assert deliver(settings=settings, week=MONDAY).startswith("posted to #finance")
    assert [len(channel.messages) for channel in slack.channels] == [1, 1]


def test_a_spelling_that_slack_cannot_tell_apart_posts_nothing(settings, publish, week, slack, monkeypatch):
    publish(week())
    connect(monkeypatch, slack, channel="C024BE91L")
    deliver(settings=settings, week=MONDAY)
    connect(monkeypatch, slack, channel="#ai-cost")
    slack.scopes.remove("channels:read")
    said = "was begun or sent for C024BE91L, and whether that is #ai-cost is not known: .* the scope channels:read"
    with pytest.raises(NotPosted, match=said):
        deliver(settings=settings, week=MONDAY)
    assert "whether it was sent to Slack is not known: the week of" in find_overdue(settings, week=MONDAY)
    assert len(slack.messages) == 1


def test_a_damaged_entry_of_another_week_is_reported_and_stops_nothing(settings, publish, week, slack, caplog):
    publish(week())
    damaged = entry_path(reviews_of(settings), week=date(2025, 6, 2), channel="#ai-cost")
    write_atomically(damaged, "{")
    slack.faults["chat.postMessage"] = ["drop after"]
    with pytest.raises(NotKnown):
        deliver(settings=settings, week=MONDAY)
    assert deliver(settings=settings, week=MONDAY).startswith("updated in #ai-cost")
    assert f"{damaged} is not a ledger entry" in caplog.text


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_damaged_entry_of_the_week_stops_it_however_the_channel_is_spelt(
    settings, publish, week, slack, monkeypatch, spelling
):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    (path,) = reviews_of(settings).glob("ledger/*.json")
    path.write_text("{")
    connect(monkeypatch, slack, channel=spelling)
    with pytest.raises(ReportError, match="is not a ledger entry") as raised:
        deliver(settings=settings, week=MONDAY)
    assert not isinstance(raised.value, NotPosted | NotKnown)
    assert len(slack.messages) == 1


def test_without_a_ledger_nothing_is_posted_and_its_file_is_named(settings, publish, week, slack):
    publish(week())
    ledger = reviews_of(settings) / "ledger"
    write_atomically(ledger, "not a folder")
    with pytest.raises(
        NotPosted, match=r"ledger/2025-06-09\.slack\.lock cannot be read or written \(.*\); let Airflow"
    ):
        deliver(settings=settings, week=MONDAY)
    assert slack.calls == []
    ledger.unlink()
    entry_path(reviews_of(settings), week=MONDAY, channel="#ai-cost").mkdir(parents=True)
    with pytest.raises(NotPosted, match=r"2025-06-09\.ai-cost\.\w+\.json cannot be read or written \(Is a directory\)"):
        deliver(settings=settings, week=MONDAY)
    assert slack.calls == []


def test_a_text_that_cannot_be_kept_is_not_posted(settings, publish, week, slack):
    publish(week())
    (reviews_of(settings) / "2025-06-09.md").mkdir(parents=True)
    with pytest.raises(NotPosted, match=r"2025-06-09\.md cannot be read or written \(Is a directory\)"):
        deliver(settings=settings, week=MONDAY)
    assert slack.calls == []


def test_a_ledger_that_is_lost_while_posting_is_found_out_and_the_message_found(
    settings, publish, week, slack, monkeypatch
):
    publish(week())
    ledger, aside, post = reviews_of(settings) / "ledger", settings.published / "aside", slack_calls.post

    def post_and_lose_the_ledger(*given, **more):
        posted = post(*given, **more)
        ledger.rename(aside)
        ledger.write_text("not a folder")
        return posted

    with monkeypatch.context() as losing:
        losing.setattr(slack_calls, "post", post_and_lose_the_ledger)
        with pytest.raises(NotKnown, match=r"the message was sent, and .*ledger/2025-06-09"):
            deliver(settings=settings, week=MONDAY)
    ledger.unlink()
    aside.rename(ledger)
    assert entries(settings) == ["intent"]
    assert deliver(settings=settings, week=MONDAY).startswith("updated in #ai-cost")
    assert len(slack.messages) == 1


def test_an_entry_of_an_earlier_release_is_read(settings, publish, week, slack):
    publish(week())
    deliver(settings=settings, week=MONDAY)
    (path,) = (settings.published / "reviews" / "ledger").glob("*.json")
    known = json.loads(path.read_text())
    old = {name: known[name] for name in ("week_start_date", "channel", "state", "message_ts")} | {"text_sha256": "0"}
    path.write_text(json.dumps(old))
    assert deliver(settings=settings, week=MONDAY).startswith("updated in")
    assert len(slack.messages) == 1


def run_apart(work):
    """Run something in a process of its own; return its id. What it reads is read already: no thread of DuckDB is forked."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    finally:
        os._exit(1)


def deliver_edition(settings: Settings, edition):
    hook = find_hook("slack_default")
    return lambda: (
        slack_delivery.deliver_to_slack(hook, edition, channel="#ai-cost", reviews=reviews_of(settings)),
        os._exit(0),
    )


def test_five_runs_that_are_killed_between_posting_and_the_ledger_post_once(
    settings, publish, week, slack, monkeypatch
):
    publish(week())
    deliver_once = deliver_edition(settings, read_edition(settings, MONDAY))
    with monkeypatch.context() as killing:
        killing.setattr(slack_delivery, "confirm", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        for _ in range(5):
            _, status = os.waitpid(run_apart(deliver_once), 0)
            assert os.WTERMSIG(status) == signal.SIGKILL
            assert (len(slack.messages), entries(settings)) == (1, ["intent"])
    assert deliver(settings=settings, week=MONDAY).startswith("updated in")
    assert (len(slack.messages), entries(settings)) == (1, ["posted"])


def test_two_processes_at_once_post_once(settings, publish, week, slack):
    publish(week())
    deliver_once = deliver_edition(settings, read_edition(settings, MONDAY))
    children = [run_apart(deliver_once) for _ in range(2)]
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert (len(slack.messages), entries(settings)) == (1, ["posted"])
