"""One alert of a task that failed: what it says, to a Slack over HTTP, and that it can neither fail nor hang the task."""

import logging
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk._shared.secrets_masker import secrets_masker

from ai_finops import report
from ai_finops.config import Settings
from ai_finops.errors import SourceForbidden
from ai_finops.orchestrate import alerting
from ai_finops.orchestrate.alert_rate import MOST_AN_HOUR, may_tell
from ai_finops.orchestrate.alert_words import MOST_ERROR_LENGTH, anchor, failure_text, safe, subject
from ai_finops.orchestrate.alerting import ToldAlready, tell_of_failure, tell_of_slow_run
from tests.report.conftest import connect
from tests.report.slack_api import SlackApi

NOON = datetime(2025, 6, 16, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("AI_FINOPS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def slack(monkeypatch):
    api = SlackApi()
    connect(monkeypatch, api)
    yield api
    api.stop()


def failed(error="it broke", *, day="2025-06-15", task_id="land_traces", tries=3, **params):
    run = SimpleNamespace(partition_key=day, run_id="manual__1", dag_id="extract_traces")
    ti = SimpleNamespace(
        dag_id="extract_traces", task_id=task_id, try_number=tries, log_url="http://airflow/log?a=1&b=2"
    )
    return {"ti": ti, "dag_run": run, "params": params, "exception": error}


def test_the_alert_says_which_task_of_which_day_why_and_what_to_do(slack, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_RUNBOOK_URL", "https://git.example/docs/runbook.md")
    tell_of_failure(failed(SourceForbidden("cannot read the bucket ai-traces")))
    (message,) = slack.messages
    assert message["text"].splitlines() == [
        "AI cost: extract_traces failed in land_traces for 2025-06-15, after 3 attempts.",
        "Why: cannot read the bucket ai-traces",
        "What to do: https://git.example/docs/runbook.md#extract_traces-land",
        "Log: http://airflow/log?a=1&amp;b=2",
    ]


def test_an_error_calls_nobody_and_gives_no_secret_away(slack):
    tell_of_failure(failed("<!channel> <@U1> AKIAABCDEFGHIJKLMNOP password='hunter22', line\n*two*"))
    (message,) = slack.messages
    assert "&lt;!channel&gt; &lt;@U1&gt; [key] password=[removed]" in message["text"]
    assert len(message["text"].splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("key sk-ant-REDACTED here", "key [key] here"),
        ("token xoxb-1234-abcdef", "token [key]"),
        ("at postgresql://user:pa55@db:5432/x", "at postgresql://[password]@db:5432/x"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer [token]"),
        ("to https://hooks.slack.com/services/T0/B0/xyz failed", "to [webhook] failed"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "AWS_SECRET_ACCESS_KEY=[removed]"),
        ('{"api_key": "abc123"}', '{"api_key": [removed]"}'),
        ("the key of the object is otlp/year=2025/a.json", "the key of the object is otlp/year=2025/a.json"),
        ("1,200 tokens were read of 3 parts", "1,200 tokens were read of 3 parts"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out_and_nothing_else(text, told):
    assert safe(text) == told


def test_a_secret_that_airflow_knows_is_masked(monkeypatch):
    masker = secrets_masker.SecretsMasker()
    masker.add_mask("correcthorse9")
    monkeypatch.setattr(secrets_masker, "_secrets_masker", lambda: masker)
    assert safe("refused with correcthorse9 as it was") == "refused with *** as it was"


def test_a_long_error_is_cut_and_a_longer_one_costs_nothing():
    assert len(safe("x" * 5_000_000)) == MOST_ERROR_LENGTH
    assert safe("x" * MOST_ERROR_LENGTH) == "x" * MOST_ERROR_LENGTH


def test_a_killed_process_and_a_callback_without_a_run_are_told_of_too():
    context = {"ti": SimpleNamespace(dag_id="build_marts", task_id="build_costs"), "run_id": "scheduled__1"}
    first, why, todo = failure_text(context, settings=Settings.from_env()).splitlines()
    assert first == "AI cost: build_marts failed in build_costs for run scheduled__1."
    assert why.startswith("Why: its process ended without saying why")
    assert todo == "What to do: docs/runbook.md#build_marts-build_costs"


def test_a_run_is_named_by_its_day_week_or_range():
    assert subject(failed(day="2025-06-09 (W24)")) == "2025-06-09 (W24)"
    assert subject(failed(day=None, week="2025-06-09")) == "2025-06-09"
    assert subject(failed(day=None, first_day="2025-06-01", last_day="2025-06-14")) == "2025-06-01 to 2025-06-14"
    assert subject(failed(day=None)) == "run manual__1"
    assert anchor("extract_billing", "land_cost_explorer") == anchor("extract_billing", "land_openai")


def test_what_a_check_has_told_itself_is_not_told_twice(slack):
    tell_of_failure(failed(ToldAlready("the message is late")))
    assert slack.messages == []


@pytest.mark.parametrize("answer", ["500", "page", "bare", "drop", "invalid_auth"])
def test_a_slack_that_is_ill_changes_nothing(slack, answer, caplog):
    slack.faults["chat.postMessage"].append(answer)
    tell_of_failure(failed())
    assert "did not get through" in caplog.text


def test_a_slack_that_is_gone_changes_nothing(monkeypatch, caplog):
    api = SlackApi()
    connect(monkeypatch, api)
    api.stop()
    tell_of_failure(failed())
    assert "did not get through" in caplog.text


def test_an_alert_that_raises_anything_changes_nothing(monkeypatch, caplog):
    monkeypatch.setattr(report, "alert", lambda *_: 1 / 0)
    tell_of_failure(failed())
    assert "extract_traces.land_traces failed, and nobody could be told" in caplog.text
    monkeypatch.setenv("AI_FINOPS_TIMEZONE", "nowhere")
    tell_of_failure(failed())
    assert "AI_FINOPS_TIMEZONE is 'nowhere'" in caplog.text


def test_an_alert_that_hangs_is_given_up(monkeypatch, caplog):
    monkeypatch.setattr(alerting, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(report, "alert", lambda *_: time.sleep(2))
    tell_of_failure(failed())
    assert "was given up after 0 s" in caplog.text


def test_a_backfill_of_a_dead_source_is_told_of_three_times_an_hour(slack, caplog):
    caplog.set_level(logging.INFO)
    for day in range(1, 31):
        tell_of_failure(failed(day=f"2025-05-{day:02}"))
    assert len(slack.messages) == MOST_AN_HOUR
    assert "no further one comes before" in slack.messages[-1]["text"]
    assert "2025-05-30" in caplog.text  # what was not told is in the log
    tell_of_failure(failed(task_id="record_outcome"))  # another task has its own count
    assert len(slack.messages) == MOST_AN_HOUR + 1


def test_the_next_alert_says_how_many_were_held_back(tmp_path):
    about = ("a", "b")
    assert [may_tell(tmp_path, about=about, now=NOON) for _ in range(5)][3:] == [None, None]
    assert may_tell(tmp_path, about=about, now=NOON + timedelta(minutes=59)) is None
    later = may_tell(tmp_path, about=about, now=NOON + timedelta(hours=1))
    assert later == "\n3 more failures of this task were not told of since the alert before."
    assert may_tell(tmp_path, about=about, now=NOON + timedelta(hours=1)) == ""


def test_a_ledger_that_cannot_be_read_or_written_holds_no_alert_back(tmp_path):
    (tmp_path / "a.b.json").write_text('{"told": [')
    assert may_tell(tmp_path, about=("a", "b"), now=NOON) == ""
    (tmp_path / "file").write_text("")
    assert [may_tell(tmp_path / "file", about=("a", "b"), now=NOON) for _ in range(5)] == [""] * 5


def test_a_hostile_name_stays_in_the_folder(tmp_path):
    may_tell(tmp_path / "alerts", about=("../../x", "y/z"), now=NOON)
    assert [path.name for path in (tmp_path / "alerts").iterdir()] == [".._.._x.y_z.json"]


@pytest.mark.parametrize(("state", "told_count"), [("failed", 0), ("success", 0), ("running", 1), ("queued", 1)])
def test_a_run_that_is_over_is_not_told_of_as_slow(slack, state, told_count):
    run = {"dag_id": "extract_traces", "partition_key": "2025-06-15", "state": state}
    tell_of_slow_run(within="1 h", context={"dag_run": run})
    assert len(slack.messages) == told_count


def test_a_run_that_takes_too_long_is_told_of(slack):
    run = {"dag_id": "build_marts", "partition_key": "2025-06-15", "dag_run_id": "r"}
    tell_of_slow_run(within="1 h", context={"dag_run": run, "deadline": {}})
    tell_of_slow_run(within="1 h")  # whatever Airflow leaves out
    assert [message["text"].splitlines() for message in slack.messages] == [
        [
            "AI cost: build_marts is not over after 1 h for 2025-06-15; it goes on.",
            "What to do: docs/runbook.md#a-run-takes-too-long",
        ],
        [
            "AI cost: a DAG is not over after 1 h for a run without a name; it goes on.",
            "What to do: docs/runbook.md#a-run-takes-too-long",
        ],
    ]
