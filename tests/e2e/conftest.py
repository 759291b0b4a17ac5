"""One run of the demo for all end-to-end tests: real scheduler, real HTTP, its own folder, secrets of its own.

What is planted: a deployment's secrets in the environment and in connections, one of which is used (a Slack), and a prompt in
objects of traces, most of which are broken (tests/planted.py).
"""

import shutil
import time
from contextlib import suppress
from types import SimpleNamespace

import httpx
import psutil
import pytest

from ai_finops.demo.progress import Progress
from ai_finops.demo.run import running_pipeline
from ai_finops.errors import BuildError
from ai_finops.lake import Lake
from ai_finops.lake_schemas import tables_of
from ai_finops.ui.address import PREFIX
from ai_finops.ui.views import VIEWS
from tests import planted
from tests.report.slack_api import SlackApi

PLANTED_ON = "year=2025/month=06/day=03/hour=12/minute=00"


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo as `make demo` runs it; then, Airflow still running, three more runs of `build_marts`.

    One for a day in the middle, one for a day that nobody landed, and one over a lake from which all spans are gone.
    """
    home = tmp_path_factory.mktemp("demo")
    slack = SlackApi(token=planted.SLACK_TOKEN)
    secrets = planted.environment(slack_url=slack.url)
    with running_pipeline(home=home, progress=Progress(), more_env=secrets) as pipeline:
        for name, body in planted.objects_with_prompts().items():
            key = f"{pipeline.settings.traces_prefix}/{PLANTED_ON}/{name}"
            pipeline.clients["s3"].put_object(Bucket=pipeline.settings.traces_bucket, Key=key, Body=body)
        result = pipeline.run()
        published = result.settings.published
        kept = home / "first-build"
        shutil.copytree((published / "current").resolve(), kept)
        build_day(pipeline, "2025-06-05")
        current = (published / "current").resolve()
        page = page_answers(pipeline)
        listening, commands = listeners(), command_lines()
        failures = {"unknown day": failure_of(pipeline, "2025-07-01")}
        lose_all_spans(Lake(result.settings.lake))
        failures["no spans"] = failure_of(pipeline, "2025-06-15")
        wait_for_alerts(slack, count=len(failures))
        runs = {dag_id: pipeline.api.runs(dag_id) for dag_id in ("build_marts", "report_weekly", "extract_traces")}
        yield SimpleNamespace(
            result=result,
            settings=result.settings,
            first_build=kept,
            current=current,
            runs=runs,
            failures=failures,
            listening=listening,
            commands=commands,
            slack=slack,
            page=page,
            cloudwatch=pipeline.clients["cloudwatch"],
        )
    slack.stop()


def build_day(pipeline, day):
    """Run `build_marts` for a day as a person who clears it would."""
    run_id = pipeline.api.trigger("build_marts", conf={"day": day})
    pipeline.api.wait_for_run("build_marts", lambda run: run["dag_run_id"] == run_id, timeout_seconds=600)


def failure_of(pipeline, day):
    """Return what Airflow says of a run that must fail."""
    with pytest.raises(BuildError) as failed:
        build_day(pipeline, day)
    return str(failed.value)


def lose_all_spans(lake):
    """Make every partition of the traces empty, as a feed that broke unseen would leave them."""
    for key in lake.current("traces"):
        tables = {name: schema.empty_table() for name, schema in tables_of("traces").items()}
        lake.write_partition("traces", key, tables=tables)


def wait_for_alerts(slack, *, count):
    """Wait until Slack was told of the runs that failed: a task tells after its state is known."""
    deadline = time.monotonic() + 120
    while sum("AI cost: build_marts " in message["text"] for message in slack.messages) < count:
        assert time.monotonic() < deadline, [message["text"] for message in slack.messages]
        time.sleep(0.5)


def page_answers(pipeline):
    """Return what the page of the demo's Airflow, where everybody is an admin, answers over HTTP by address."""
    with httpx.Client(base_url=pipeline.api.base_url, trust_env=False, timeout=60, follow_redirects=True) as client:
        return {
            path: client.get(f"{PREFIX}/{path}")
            for path in (*VIEWS, "features/daily-costs.csv", "dbt-docs/", "data-docs/")
        }


def listeners():
    """Return the addresses on which this process's descendants listen."""
    return {
        connection.laddr.ip
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }


def command_lines():
    """Return what everybody on the machine can read of this process's descendants: their arguments."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):  # it has ended since
            found.append(" ".join(process.cmdline()))
    return found
