"""Airflow's own processes, started on loopback for the demo and the tests, and always stopped again."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ai_finops.config import REPOSITORY
from ai_finops.errors import BuildError

HOST = "127.0.0.1"
DEMO_PROCESSES = (("scheduler",), ("dag-processor",), ("api-server",))
_STOP_SECONDS = 15.0


def free_port() -> int:
    """Return a port of loopback that nothing listens on right now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def airflow_env(airflow_home: Path, *, port: int, all_admins: bool, paused: bool = False) -> dict[str, str]:
    """Return the settings of a one-machine Airflow on this repository's DAGs: SQLite, LocalExecutor, loopback only."""
    secret = secrets.token_urlsafe(32)
    return {
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": str(all_admins),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home / 'airflow.db'}",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secret,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "DO_NOT_TRACK": "1",
        "SCARF_ANALYTICS": "false",
        "GX_ANALYTICS_ENABLED": "False",
        # Python on PATH first, so that `airflow` and its children are this environment's.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def migrate(env: Mapping[str, str], *, log: Path) -> None:
    """Create Airflow's metadata database.

    Raises:
        BuildError: It could not be made; the message names the log.
    """
    with log.open("ab") as output:
        done = subprocess.run([*_AIRFLOW, "db", "migrate"], env=dict(env), stdout=output, stderr=output, check=False)
    if done.returncode:
        raise BuildError(f"Airflow's database could not be made (exit code {done.returncode}); read {log}")


_AIRFLOW = (sys.executable, "-m", "airflow")


@contextlib.contextmanager
def airflow_processes(
    env: Mapping[str, str], *, logs: Path, processes: Sequence[tuple[str, ...]] = DEMO_PROCESSES
) -> Iterator[list[subprocess.Popen]]:
    """Start `airflow <process>` for each, one log file each; stop all of them on the way out, whatever happened."""
    logs.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        started = []
        for words in processes:
            output = stack.enter_context((logs / f"airflow-{words[0]}.log").open("ab"))
            process = subprocess.Popen(
                [*_AIRFLOW, *words], env=dict(env), stdout=output, stderr=output, start_new_session=True
            )
            started.append(process)
        stack.callback(stop_groups, started)
        yield started


def stop_groups(processes: Sequence[subprocess.Popen]) -> None:
    """Ask each process and its children to stop, then make them."""
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(0.1, deadline - time.monotonic()))
    for process in processes:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
