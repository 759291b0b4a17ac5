"""Airflow as it is deployed and all that it talks to: PostgreSQL, each process of its own, a local AWS that can fail, Slack.

Everything is on loopback, lives in one folder and is stopped on the way out, whatever happened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psutil

from ai_finops.config import Settings
from ai_finops.demo.account import create_account
from ai_finops.demo.airflow_api import AirflowApi
from ai_finops.demo.airflow_services import (
    HOST,
    SCHEDULER,
    TRIGGERER,
    airflow_env,
    free_port,
    listening_on,
    migrate,
    start_process,
    stop_groups,
)
from ai_finops.demo.deliver import deliver
from ai_finops.demo.local_aws import local_aws
from ai_finops.demo.run import DAG_IDS, clients_for, nobodys_environment
from ai_finops.demo.sample import Sample
from ai_finops.errors import BuildError
from tests.publish.postgres_cluster import PORT, Cluster
from tests.report.slack_api import TOKEN, SlackApi
from tests.scheduler.fault_proxy import FaultProxy

READY_SECONDS = 240.0
RUN_SECONDS = 1200.0
FINISHED = ("success", "failed")
SERVICES = {
    "api-server": ("api-server",),
    "scheduler": SCHEDULER,
    "dag-processor": ("dag-processor",),
    "triggerer": TRIGGERER,
}
_QUICK = {
    # Whoever died is noticed within a minute, where a deployment may wait for five. Not sooner: a busy machine stands still for
    # 20 seconds at times, and a scheduler that was only slow must not count as dead.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "45",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}


def postgres_env(cluster: Cluster, database: str) -> dict[str, str]:
    """Return the settings of a metadata database in PostgreSQL, by psycopg 3 in both of Airflow's manners."""
    url = f"postgresql+psycopg://postgres@/{database}?host={cluster.folder}&port={PORT}"
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": url,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{url}",
    }


@dataclass(slots=True)
class AirflowStack:
    """A running Airflow with its surroundings."""

    sample: Sample
    env: dict[str, str]
    direct: dict[str, str]
    """What leads to the local AWS past the proxy."""
    settings: Settings
    clients: dict[str, Any]
    proxy: FaultProxy
    slack: SlackApi
    api: AirflowApi
    logs: Path
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    def start(self, name: str, words: Sequence[str]) -> None:
        """Start one more of Airflow's processes."""
        self.processes[name] = start_process(words, env=self.env, log=self.logs / f"{name}.log")

    def kill(self, name: str) -> None:
        """SIGKILL a process and its children, as a machine or a container that ends would."""
        kill_group(self.processes.pop(name))

    def check_alive(self) -> None:
        """Raise when a process that should run has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise BuildError(f"{name} ended with exit code {process.returncode}; read {self.logs / name}.log")

    def all_processes(self) -> list[psutil.Process]:
        """Return Airflow's processes and what they started."""
        return [each for started in self.processes.values() for each in with_children(started)]

    def cpu_seconds(self) -> Counter[str]:
        """Return what Airflow's processes have used so far, by name, the killed left out; `tasks` are what executors start."""
        total: Counter[str] = Counter()
        for name, started in self.processes.items():
            for process in with_children(started):
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    is_task = any(word.startswith("airflow worker") for word in process.cmdline())
                    total["tasks" if is_task else name] += (
                        times.user + times.system + times.children_user + times.children_system
                    )
        return total

    def tasks_by_scheduler(self) -> Counter[str]:
        """Return how many tasks each scheduler saw to the end, by the name of its process."""
        counted = {name: (self.logs / f"{name}.log").read_text(errors="replace") for name in self.processes}
        return +Counter({name: text.count("TaskInstance Finished: ") for name, text in counted.items()})

    def deliver(self, first: date, last: date) -> None:
        """Put what landed on these days into the local AWS, past the proxy."""
        deliver(self.sample, first=first, last=last, clients=self.clients, settings=self.settings)

    def backfill(self, first: date, last: date, *, feeds: Sequence[str] = ("traces", "billing", "cloudwatch")) -> None:
        """Start Airflow's own backfill of the extract DAGs for a range of days."""
        for feed in feeds:
            self.api.backfill(f"extract_{feed}", first=first, last=last)

    def runs(self, dag_id: str, *, key: date | None = None) -> list[dict[str, Any]]:
        """Return the DAG's runs, or those of one partition."""
        runs = self.api.runs(dag_id)
        return runs if key is None else [run for run in runs if (run["partition_key"] or "").startswith(str(key))]

    def wait_for(self, dag_id: str, key: date, *, state: str = "success", seconds: float = RUN_SECONDS) -> dict:
        """Wait until the run of a partition has ended, which must be as `state` says."""

        def ended() -> dict | None:
            return next((run for run in self.runs(dag_id, key=key) if run["state"] in FINISHED), None)

        run = self.wait_until(ended, what=f"{dag_id} of {key} to end", seconds=seconds)
        assert run["state"] == state, f"{dag_id} of {key} is {run['state']}; {self.told_of(dag_id, run)}"
        return run

    def clear(self, dag_id: str, run: Mapping[str, Any]) -> None:
        """Clear a run, as a person does in the UI who has mended what was wrong."""
        self.api.post(f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}/clear", {"dry_run": False})

    def told_of(self, dag_id: str, run: Mapping[str, Any]) -> str:
        """Return the tasks of a run with their states."""
        tasks = self.api.tasks(dag_id, run["dag_run_id"])
        return ", ".join(f"{task['task_id']} {task['state']} (try {task['try_number']})" for task in tasks)

    def task(self, dag_id: str, run: Mapping[str, Any], task_id: str) -> dict[str, Any]:
        """Return one task of a run."""
        tasks = self.api.tasks(dag_id, run["dag_run_id"])
        return next(task for task in tasks if task["task_id"] == task_id)

    def wait_until(self, condition: Callable[[], Any], *, what: str, seconds: float = RUN_SECONDS) -> Any:
        """Wait for a condition to hold and return what it gave; fails, naming `what`, when it takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check_alive()
            found = condition()
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(f"waited {seconds:.0f} s for {what}; the logs in {self.logs} say how far it got")


def with_children(started: subprocess.Popen) -> list[psutil.Process]:
    """Return a process with all that it started and that is still there; nothing once it has ended."""
    if started.poll() is not None:
        return []
    parent = psutil.Process(started.pid)
    return [parent, *parent.children(recursive=True)]


def kill_group(process: subprocess.Popen) -> None:
    """SIGKILL a process with all of its group."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()


@contextmanager
def running_airflow(
    folder: Path,
    *,
    cluster: Cluster,
    database: str,
    sample: Sample,
    dbt_project: Path,
    more_env: Mapping[str, str] | None = None,
    more_services: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[AirflowStack]:
    """Start all of it around an empty metadata database, lake and account.

    Args:
        folder: Where everything is kept.
        cluster: The PostgreSQL server.
        database: Name of the metadata database to make in it.
        sample: What the account delivers.
        dbt_project: What the builds run.
        more_env: Airflow's further settings, such as another executor.
        more_services: Further processes by name, such as a worker.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True)
    cluster.make_database(database)
    with ExitStack() as stack:
        aws = stack.enter_context(local_aws(log=logs / "local-aws.log"))
        proxy, slack = FaultProxy(aws.endpoint), SlackApi()
        stack.callback(slack.stop)
        stack.callback(proxy.stop)
        env = {
            **nobodys_environment(),
            **aws.env(),
            **{name: proxy.url for name in aws.env() if name.startswith("AWS_ENDPOINT_URL")},
            **airflow_env(folder / "airflow", all_admins=True),
            **postgres_env(cluster, database),
            **_QUICK,
            "AIRFLOW_CONN_SLACK_DEFAULT": _slack_connection(slack),
            "AI_FINOPS_HOME": str(folder / "home"),
            "AI_FINOPS_DBT_PROJECT": str(dbt_project),
            "AI_FINOPS_RETRY_DELAY_SECONDS": "2",
            "AI_FINOPS_LAST_DAY": str(sample.last_day),
            **(more_env or {}),
        }
        settings = Settings.from_env(env)
        clients = clients_for(aws.env(), settings)
        create_account(clients, settings)
        migrate(env, log=logs / "migrate.log")
        port = free_port()
        started = AirflowStack(
            sample=sample,
            env=env | listening_on(port),
            direct=aws.env(),
            settings=settings,
            clients=clients,
            proxy=proxy,
            slack=slack,
            api=AirflowApi(f"http://{HOST}:{port}"),
            logs=logs,
        )
        started.api.check_alive = started.check_alive
        stack.callback(lambda: stop_groups(list(started.processes.values())))
        for name, words in {**SERVICES, **(more_services or {})}.items():
            started.start(name, words)
        started.api.wait_until_ready(DAG_IDS, timeout_seconds=READY_SECONDS)
        yield started


def _slack_connection(slack: SlackApi) -> str:
    extra = {"base_url": f"{slack.url}/api/", "timeout": 5}
    return json.dumps({"conn_type": "slack", "password": TOKEN, "extra": extra})
