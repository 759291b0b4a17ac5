"""Under a real scheduler: retries by kind of fault, the pool, deadlines, a morning without a feed, lineage and telemetry."""

import json
import threading
import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from ai_finops.config import REPOSITORY, Settings
from ai_finops.demo.account import create_account
from ai_finops.demo.airflow_api import AirflowApi
from ai_finops.demo.airflow_services import HOST, airflow_env, airflow_processes, free_port, listening_on, migrate
from ai_finops.demo.local_aws import local_aws
from ai_finops.demo.run import clients_for, nobodys_environment
from ai_finops.lake import Lake, Outcome
from tests.extract.made import json_bytes, request, span
from tests.report.slack_api import TOKEN, SlackApi

pytestmark = pytest.mark.long

DAY = date(2025, 6, 2)
WAIT_SECONDS = 240
TRIES = """
import os, signal, time
from datetime import timedelta
import pendulum
from airflow.sdk import dag, task
from ai_finops.errors import SourceForbidden, SourceUnavailable
from ai_finops.orchestrate.handling import handled, told_when_longer_than
from ai_finops.orchestrate.pools import build_slot

def made(dag_id, body, deadline=None, tasks=("t",), **more):
    start = pendulum.datetime(2025, 1, 1, tz="UTC")

    @dag(dag_id=dag_id, schedule=None, start_date=start, default_args=handled(), deadline=deadline)
    def one():
        for name in tasks:
            @task(task_id=name, **more)
            def t(**context):
                return body(context)
            t()
    one()

def unavailable_twice(context):
    if context["ti"].try_number < 3:
        raise SourceUnavailable("not now")

def down(context):
    raise SourceUnavailable("down <!channel> password=hunter22")

def refused(context):
    raise SourceForbidden("no")

def killed_once(context):
    if context["ti"].try_number < 2:
        os.kill(os.getpid(), signal.SIGKILL)

made("twice", unavailable_twice)
made("down", down)
made("refused", refused)
made("killed", killed_once)
made("slow", lambda context: time.sleep(20), deadline=told_when_longer_than(timedelta(seconds=5)))
made("slots", lambda context: (time.time(), time.sleep(2), time.time())[::2], tasks=("a", "b", "c"), **build_slot(0))
"""


class Receiver:
    """Takes OTLP over HTTP and counts what came by path."""

    def __init__(self):
        self.bodies = defaultdict(list)
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                bodies[self.path].append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    home = tmp_path_factory.mktemp("handling")
    dags, lineage = home / "dags", home / "lineage.jsonl"
    dags.mkdir()
    (dags / "tries.py").write_text(TRIES)
    for name in ("check_morning", "build_marts", "extract_traces"):
        (dags / f"{name}.py").symlink_to(REPOSITORY / "dags" / f"{name}.py")
    slack, receiver, port = SlackApi(), Receiver(), free_port()
    with local_aws(log=home / "aws.log") as aws:
        env = {
            **nobodys_environment(),
            **aws.env(),
            **airflow_env(home / "airflow", all_admins=True),
            **listening_on(port),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AI_FINOPS_HOME": str(home / "var"),
            "AI_FINOPS_SOURCES": "traces,cloudwatch",
            "AI_FINOPS_LAST_DAY": str(DAY),
            "AI_FINOPS_RETRY_DELAY_SECONDS": "1",
            "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(
                {"conn_type": "slack", "password": TOKEN, "extra": {"base_url": f"{slack.url}/api/", "timeout": 5}}
            ),
            # As docs/operations.md says.
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(lineage), "append": True}
            ),
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "AIRFLOW__TRACES__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{HOST}:{receiver.server.server_port}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp_proto_http",
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        }
        settings = Settings.from_env(env)
        clients = clients_for(aws.env(), settings)
        create_account(clients, settings)
        clients["s3"].put_object(
            Bucket=settings.traces_bucket,
            Key=f"otlp/{DAY:year=%Y/month=%m/day=%d}/hour=12/minute=00/docs-api_traces_1.json",
            Body=json_bytes(request(span(1))),
        )
        migrate(env, log=home / "migrate.log")
        with airflow_processes(env, logs=home / "logs"):
            api = AirflowApi(f"http://{HOST}:{port}")
            ids = [
                "twice",
                "down",
                "refused",
                "killed",
                "slow",
                "slots",
                "check_morning",
                "build_marts",
                "extract_traces",
            ]
            api.wait_until_ready(ids, timeout_seconds=WAIT_SECONDS)
            yield SimpleNamespace(
                api=api, slack=slack, settings=settings, lineage=lineage, received=receiver.bodies, home=home
            )
    slack.stop()
    receiver.server.shutdown()


def ended(api, dag_id, *, of=lambda run: True):
    """Return the DAG's run that `of` holds for, once it is over."""
    return until(
        lambda: next((run for run in api.runs(dag_id) if of(run) and run["state"] in ("success", "failed")), None),
        what=f"a run of {dag_id}",
    )


def until(found, *, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if (value := found()) is not None:
            return value
        time.sleep(1)
    raise AssertionError(f"{what} was waited for in vain")


def told(running, dag_id):
    return [message["text"] for message in running.slack.messages if message["text"].startswith(f"AI cost: {dag_id} ")]


@pytest.mark.parametrize(
    ("dag_id", "state", "attempts", "alerts"),
    [("twice", "success", 3, 0), ("down", "failed", 4, 1), ("refused", "failed", 1, 1), ("killed", "success", 2, 0)],
)
def test_a_task_is_tried_again_by_its_fault_and_told_of_once(running, dag_id, state, attempts, alerts):
    run_id = running.api.trigger(dag_id, conf={})
    assert ended(running.api, dag_id)["state"] == state
    (task,) = running.api.tasks(dag_id, run_id)
    assert task["try_number"] == attempts
    if alerts:
        until(lambda: told(running, dag_id) or None, what=f"an alert on {dag_id}")
    assert len(told(running, dag_id)) == alerts
    assert "hunter22" not in "".join(told(running, dag_id))


def test_the_pool_is_there_and_lets_one_task_in_at_a_time(running):
    pools = {pool["name"]: pool["slots"] for pool in running.api.get("/api/v2/pools")["pools"]}
    assert pools["ai_finops_build"] == 1
    run_id = running.api.trigger("slots", conf={})
    assert ended(running.api, "slots")["state"] == "success"
    spans = sorted((task["start_date"], task["end_date"]) for task in running.api.tasks("slots", run_id))
    assert len(spans) == 3
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_run_that_takes_too_long_is_told_of_while_it_goes_on(running):
    running.api.trigger("slow", conf={})
    assert ended(running.api, "slow")["state"] == "success"
    until(lambda: told(running, "slow") or None, what="the alert on a slow run")
    (text,) = told(running, "slow")
    assert text.startswith("AI cost: slow is not over after ")


def test_a_morning_without_a_feed_is_told_of_and_built_once(running):
    api, lake = running.api, Lake(running.settings.lake)
    before = DAY - timedelta(days=1)
    at = datetime(2025, 6, 2, 6, tzinfo=UTC)
    lake.record_outcome(Outcome("cloudwatch", before, "empty", DAY, at))
    api.backfill_day("extract_traces", DAY)
    assert ended(api, "extract_traces")["state"] == "success"
    assert api.runs("build_marts") == []  # it waits for CloudWatch
    for number in (1, 2):  # a second check, as after a retry, tells the build again
        run_id = api.trigger("check_morning", conf={"day": str(DAY)})
        found = ended(api, "check_morning", of=lambda run, run_id=run_id: run["dag_run_id"] == run_id)
        assert found["state"] == "failed"
        states = {task["task_id"]: task["state"] for task in api.tasks("check_morning", run_id)}
        assert states["report_missing_cloudwatch"] == "success", number
        assert states["report_missing_traces"] == "skipped"
        until(lambda: api.runs("build_marts") or None, what="the build")
    (text, *_) = told(running, "check_morning")
    assert "extract_cloudwatch has not reported and no run of it is going" in text
    assert [lake.outcome(source, DAY).status for source in ("traces", "cloudwatch")] == ["loaded", "missing"]
    time.sleep(10)
    assert [run["partition_key"] for run in api.runs("build_marts")] == [str(DAY)]
    until(lambda: prepared(api), what="prepare_build")


def prepared(api):
    (run,) = api.runs("build_marts")
    states = {task["task_id"]: task["state"] for task in api.tasks("build_marts", run["dag_run_id"])}
    return True if states["prepare_build"] == "success" else None


def test_lineage_goes_from_the_bucket_over_the_lake_to_the_builds(running):
    def flows():
        if not running.lineage.exists():
            return None
        events = [json.loads(line) for line in running.lineage.read_text().splitlines()]
        found = {}
        for event in events:
            if event.get("eventType") == "COMPLETE" and (event["inputs"] or event["outputs"]):
                names = [
                    sorted(f"{each['namespace']}|{each['name']}" for each in event[side])
                    for side in ("inputs", "outputs")
                ]
                found[event["job"]["name"]] = tuple(names)
        return found if {"extract_traces.land_traces", "build_marts.prepare_build"} <= set(found) else None

    found = until(flows, what="lineage of landing and build")
    home = Path(running.settings.home)
    read, written = found["extract_traces.land_traces"]
    assert [name.split("|")[0] for name in read] == [f"s3://{running.settings.traces_bucket}"]
    assert written[0].endswith(f"{home}/lake/data/traces")
    read, written = found["build_marts.prepare_build"]
    assert any(name.endswith(f"{home}/lake/data/traces") for name in read)
    assert written[0].endswith(f"{home}/builds")


def test_airflows_own_metrics_and_traces_come_over_otlp(running):
    until(lambda: running.received.get("/v1/metrics"), what="metrics")
    assert any(b"airflow." in body for body in running.received["/v1/metrics"])
    until(lambda: running.received.get("/v1/traces"), what="traces")
    assert any(b"twice" in body or b"extract_traces" in body for body in running.received["/v1/traces"])
