"""`make up`: Airflow standalone with its UI on the sample, shifted so that it ends yesterday; Ctrl-C stops all of it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from ai_finops.config import EXTRACT_HOUR_UTC, FEEDS, Settings
from ai_finops.demo.account import create_account
from ai_finops.demo.airflow_api import AirflowApi
from ai_finops.demo.airflow_services import (
    HOST,
    STANDALONE_PROCESSES,
    airflow_env,
    airflow_processes,
    free_port,
    listening_on,
    migrate,
    wanted_port,
)
from ai_finops.demo.deliver import deliver
from ai_finops.demo.local_aws import LocalAws, local_aws
from ai_finops.demo.progress import Progress
from ai_finops.demo.run import (
    DAG_IDS,
    check_alive,
    clients_for,
    nobodys_environment,
    told,
)
from ai_finops.demo.sample import Sample, load_sample
from ai_finops.demo.sample_plan import LAST_DATE
from ai_finops.demo.signals import stop_when_asked
from ai_finops.demo.workspace import fresh_workspace
from ai_finops.errors import AiFinopsError, BuildError

_READY_SECONDS = 240.0
_RUN_SECONDS = 900.0


def run_up(*, home: Path, progress: Progress) -> None:
    """Start everything, load the history, switch the daily DAGs on, and stay until interrupted."""
    # The one place where the wall clock counts: somebody is looking at Airflow's UI today.
    now = datetime.now(UTC)
    yesterday = now.date() - timedelta(days=1)
    sample = load_sample(shift_days=(yesterday - LAST_DATE).days)
    wanted = os.environ.get("AI_FINOPS_UI_PORT")
    port = wanted_port(wanted) if wanted else free_port()
    logs = home / "logs"
    with fresh_workspace(home):
        logs.mkdir()
        with local_aws(log=logs / "local-aws.log") as aws:
            serve(aws, sample, home=home, port=port, now=now, progress=progress)


def serve(aws: LocalAws, sample: Sample, *, home: Path, port: int, now: datetime, progress: Progress) -> None:
    """Deliver the sample, start Airflow on it, fill the marts, and stay until interrupted."""
    logs, yesterday = home / "logs", sample.last_day
    env = {
        **nobodys_environment(),
        **aws.env(),
        **airflow_env(home / "airflow", all_admins=False, paused=True),
        **listening_on(port),
        "AI_FINOPS_HOME": str(home),
        "AI_FINOPS_ALARMS": "cloudwatch",
    }
    settings = Settings.from_env(env)
    clients = clients_for(aws.env(), settings)
    with progress.step("put the sample, ending yesterday, into the local AWS") as note:
        create_account(clients, settings)
        note(told(deliver(sample, first=sample.first_day, last=yesterday, clients=clients, settings=settings)))
    migrate(env, log=logs / "airflow-migrate.log")
    with airflow_processes(env, logs=logs, processes=STANDALONE_PROCESSES) as processes:
        alive = partial(check_alive, processes, logs)
        with progress.step("start what `airflow standalone` starts, on loopback alone"):
            user, password = sign_in_of(home / "airflow", seconds=_READY_SECONDS, check_alive=alive)
            api = AirflowApi(f"http://{HOST}:{port}", user, password, alive)
            api.wait_until_ready(DAG_IDS, timeout_seconds=_READY_SECONDS)
        print(
            f"\n  Airflow    {api.base_url}\n  sign in    {user} / {password}\n  Ctrl-C stops everything\n",
            flush=True,
        )
        fill(api, first=sample.first_day, last=yesterday, is_due=is_due(now), progress=progress)
        while True:
            alive()
            time.sleep(1)


def is_due(now: datetime) -> bool:
    """Return whether the daily DAGs, once unpaused, run for yesterday by themselves: their hour has struck today."""
    return now.hour >= EXTRACT_HOUR_UTC


def fill(api: AirflowApi, *, first: date, last: date, is_due: bool, progress: Progress) -> None:
    """Load all days but the last as history; the daily DAGs run the last, by themselves if it `is_due`, else as a backfill."""
    for dag_id in ("load_history", "build_marts", "report_weekly"):
        api.unpause(dag_id)
    with progress.step(f"load_history {first} to {last - timedelta(days=1)}"):
        conf = {"first_day": str(first), "last_day": str(last - timedelta(days=1))}
        run_id = api.trigger("load_history", conf=conf)
        api.wait_for_run("load_history", lambda run: run["dag_run_id"] == run_id, timeout_seconds=_RUN_SECONDS)
    how = "unpaused, by themselves" if is_due else "by backfill, since their hour is still to come"
    with progress.step(f"the daily DAGs run {last}, {how}"):
        for dag_id in DAG_IDS:
            api.unpause(dag_id)
        if not is_due:
            for feed in FEEDS:
                api.backfill_day(f"extract_{feed}", last)
        api.wait_for_run("build_marts", lambda run: run["partition_key"] == str(last), timeout_seconds=_RUN_SECONDS)


def sign_in_of(airflow_home: Path, *, seconds: float, check_alive: Callable[[], None]) -> tuple[str, str]:
    """Return the user and the password that Airflow standalone made up."""
    path = airflow_home / "simple_auth_manager_passwords.json.generated"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.is_file() and (text := path.read_text(encoding="utf-8").strip()):
            return next(iter(json.loads(text).items()))
        check_alive()
        time.sleep(0.5)
    raise BuildError(f"Airflow made no sign-in within {seconds:.0f} s; read the logs beside {airflow_home}")


def main() -> int:
    """Run until interrupted; one sentence and exit code 1 when something fails."""
    stop_when_asked()
    home = Settings.from_env().home / "up"
    try:
        run_up(home=home, progress=Progress())
    except AiFinopsError as error:
        print(f"up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nup: everything is stopped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
