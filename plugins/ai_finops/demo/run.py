"""The whole way once: sample → local AWS → Airflow's real scheduler → Monday's message.

`python -m ai_finops.demo.run` is what `make demo` calls, and the end-to-end test calls `run_demo`.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ai_finops.config import Settings
from ai_finops.days import week_start
from ai_finops.demo.account import create_account
from ai_finops.demo.airflow_api import AirflowApi
from ai_finops.demo.airflow_services import HOST, airflow_env, airflow_processes, free_port, listening_on, migrate
from ai_finops.demo.deliver import DeliveryReport, deliver
from ai_finops.demo.local_aws import local_aws
from ai_finops.demo.progress import Progress
from ai_finops.demo.sample import Sample, load_sample
from ai_finops.demo.signals import stop_when_asked
from ai_finops.demo.workspace import fresh_workspace
from ai_finops.errors import AiFinopsError, BuildError
from ai_finops.lake_place import LakeOnS3

DAG_IDS = (
    "extract_traces",
    "extract_billing",
    "extract_cloudwatch",
    "build_marts",
    "report_weekly",
    "load_history",
    "check_morning",
    "check_alarms",
    "check_weekly_message",
    "retain_data",
)
_REAL_ONES = ("AI_FINOPS_", "AIRFLOW_", "AWS_", "DBT_", "SLACK_")
_READY_SECONDS = 180.0
_RUN_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo leaves behind."""

    settings: Settings
    week: date
    """Monday of the week reported."""
    message: str


def run_demo(*, home: Path, progress: Progress) -> DemoResult:
    """Run the sample's two weeks as their mornings would have run them; everything started is stopped again.

    Raises:
        AiFinopsError: A step failed; what it says names the step's object. Nothing is left running.
    """
    with running_pipeline(home=home, progress=progress) as pipeline:
        return pipeline.run()


@dataclass(slots=True)
class DemoPipeline:
    """A started local AWS and Airflow, with the sample at hand; `run` plays the days."""

    settings: Settings
    sample: Sample
    clients: dict[str, Any]
    api: AirflowApi
    progress: Progress

    def run(self) -> DemoResult:
        """Play the sample: all days but the last as history, the last through the daily DAGs, then the week's message."""
        first, last = self.sample.first_day, self.sample.last_day
        self.load_history(first, last - timedelta(days=1))
        self.run_day(last)
        week = week_start(last)
        self.wait_for_week(week)
        return DemoResult(self.settings, week, self.message(week))

    def load_history(self, first: date, last: date) -> None:
        """Run `load_history` once for the range."""
        with self.progress.step(f"load_history {first} to {last}"):
            run_id = self.api.trigger("load_history", conf={"first_day": str(first), "last_day": str(last)})
            self._wait("load_history", lambda run: run["dag_run_id"] == run_id)

    def run_day(self, day: date) -> None:
        """Deliver one more day and let the extract DAGs, and by their events `build_marts`, run for it."""
        with self.progress.step(f"deliver {day} to the local AWS") as note:
            note(told(deliver(self.sample, first=day, last=day, clients=self.clients, settings=self.settings)))
        with self.progress.step(f"extract {day}: three DAGs, backfilled by partition"):
            for feed in self.settings.sources_by_feed:
                self.api.backfill_day(f"extract_{feed}", day)
            for feed in self.settings.sources_by_feed:
                self._wait(f"extract_{feed}", lambda run: run["partition_key"] == str(day), quiet=True)
        with self.progress.step(f"build_marts {day}: started by the three assets"):
            self._wait("build_marts", lambda run: run["partition_key"] == str(day))

    def wait_for_week(self, week: date) -> None:
        """Wait for the run of `report_weekly` that the seventh published day starts."""
        with self.progress.step(f"report_weekly {week}: started by the week's seven published days"):
            self._wait("report_weekly", lambda run: (run["partition_key"] or "").startswith(str(week)))

    def message(self, week: date) -> str:
        """Return the message that `report_weekly` kept."""
        return (self.settings.published / "reviews" / f"{week}.md").read_text(encoding="utf-8").strip()

    def _wait(self, dag_id: str, is_wanted, *, quiet: bool = False) -> None:  # noqa: ANN001
        show = (lambda *_: None) if quiet else self.progress.detail
        self.api.wait_for_run(dag_id, is_wanted, timeout_seconds=_RUN_SECONDS, on_task=show)


@contextlib.contextmanager
def running_pipeline(
    *, home: Path, progress: Progress, more_env: Mapping[str, str] = MappingProxyType({})
) -> Iterator[DemoPipeline]:
    """Start the local AWS with all days of the sample but the last, and Airflow; stop both on the way out.

    Args:
        more_env: Variables of Airflow's processes beside those of the demo; the bucket of a lake on S3 is made.
    """
    sample = load_sample()
    with contextlib.ExitStack() as stack:
        stack.enter_context(fresh_workspace(home))
        logs = home / "logs"
        logs.mkdir()
        # Rendering the sample keeps one core busy, starting Airflow the other. An interrupted delivery ends at once, since
        # the local AWS is stopped before the pool is waited for.
        pool = stack.enter_context(ThreadPoolExecutor(1))
        with progress.step("start the local AWS (moto's server on loopback)") as note:
            aws = stack.enter_context(local_aws(log=logs / "local-aws.log"))
            note(aws.endpoint)
        env = {
            **nobodys_environment(),
            **aws.env(),
            **airflow_env(home / "airflow", all_admins=True),
            "AI_FINOPS_HOME": str(home),
            # The sample's account ends here: no run for a day that it does not have.
            "AI_FINOPS_LAST_DAY": str(sample.last_day),
            "AI_FINOPS_ALARMS": "cloudwatch",
            **more_env,
        }
        settings = Settings.from_env(env)
        clients = clients_for(aws.env(), settings)
        with progress.step("put the sample into it, and start Airflow (scheduler, DAG processor, API server)") as note:
            create_account(clients, settings)
            if isinstance(settings.lake, LakeOnS3):
                clients["s3"].create_bucket(Bucket=settings.lake.bucket)
            until = sample.last_day - timedelta(days=1)
            delivered = pool.submit(
                deliver, sample, first=sample.first_day, last=until, clients=clients, settings=settings
            )
            migrate(env, log=logs / "airflow-migrate.log")
            port = free_port()  # chosen last: another program may take a port while the database is made
            processes = stack.enter_context(airflow_processes(env | listening_on(port), logs=logs))
            api = AirflowApi(f"http://{HOST}:{port}", check_alive=lambda: check_alive(processes, logs))
            api.wait_until_ready(DAG_IDS, timeout_seconds=_READY_SECONDS)
            note(told(delivered.result()))
            note(api.base_url)
        yield DemoPipeline(settings, sample, clients, api, progress)


def told(report: DeliveryReport) -> str:
    """Return what a delivery put where, in words."""
    return (
        f"{report.span_count:,} spans in {report.object_count:,} objects, {report.line_item_count:,} bill lines, "
        f"{report.metric_point_count:,} metric points"
    )


def nobodys_environment() -> dict[str, str]:
    """Return the process environment without what is set up for a real account, a real Airflow or a real channel."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_REAL_ONES)}


def clients_for(env: dict[str, str], settings: Settings) -> dict[str, Any]:
    """Return boto3 clients that talk to the local AWS, whatever the process environment says."""
    import boto3

    forget_profiles()
    session = boto3.session.Session(
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=env["AWS_SESSION_TOKEN"],
        region_name=settings.aws_region,
    )
    return {name: session.client(name, endpoint_url=env["AWS_ENDPOINT_URL"]) for name in ("s3", "cloudwatch")}


def check_alive(processes: Mapping[str, subprocess.Popen], logs: Path) -> None:
    """Raise `BuildError` when one of Airflow's processes has ended."""
    for name, process in processes.items():
        if process.poll() is not None:
            raise BuildError(
                f"airflow {name} ended with exit code {process.returncode}; read {logs}/airflow-{name}.log"
            )


def forget_profiles() -> None:
    """Drop the user's AWS profile from this process: boto3 would look it up although nothing of it is wanted here."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)


def show(result: DemoResult) -> None:
    """Print the message, the week's tables, and where everything lies."""
    from ai_finops.report import tables

    settings, rule = result.settings, "─" * 100
    print(f"\n{rule}\n{result.message}\n{rule}\n")
    print(tables.feature_costs(settings, result.week))
    print()
    print(tables.metrics(settings, result.week))
    print(f"""
marts      {settings.published / "current" / "marts.duckdb"} (and one Parquet file per mart beside it)
message    {settings.published / "reviews"}
Data Docs  {settings.home / "data_docs" / "index.html"}
logs       {settings.home / "logs"} and {settings.home / "airflow" / "logs"}""")


def main() -> int:
    """Run the demo; one sentence and exit code 1 when it fails, 130 when interrupted."""
    stop_when_asked()
    try:
        show(run_demo(home=Settings.from_env().home, progress=Progress()))
    except AiFinopsError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; everything it started is stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
