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
from ai_finops.demo.leash import leashed
from ai_finops.errors import BuildError, SettingsError

HOST = "127.0.0.1"
# Without their log servers, which would listen on every interface; the API server reads the log files itself.
SCHEDULER, TRIGGERER = ("scheduler", "--skip-serve-logs"), ("triggerer", "--skip-serve-logs")
DEMO_PROCESSES = (SCHEDULER, ("dag-processor",), ("api-server",))
STANDALONE_PROCESSES = (*DEMO_PROCESSES, TRIGGERER)
"""What `airflow standalone` starts, on loopback alone."""
_STOP_SECONDS = 15.0


def free_port() -> int:
    """Return a port of loopback that nothing listens on right now."""
    return _bound(0)


def wanted_port(text: str) -> int:
    """Return the port that `AI_FINOPS_UI_PORT` asks for, which must be free.

    Raises:
        SettingsError: It is not a port, or something else listens on it.
    """
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise SettingsError(
            f"AI_FINOPS_UI_PORT is {text!r}; give a port from 1 to 65535, or leave it out for a free one"
        )
    try:
        return _bound(int(text))
    except OSError as error:
        raise SettingsError(
            f"port {text} cannot be listened on ({error.strerror}); set AI_FINOPS_UI_PORT to another, or leave it out"
        ) from error


def _bound(port: int) -> int:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        return listener.getsockname()[1]


def listening_on(port: int) -> dict[str, str]:
    """Return the settings that put the API server on a port of loopback, and tell the others where it is."""
    return {
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://{HOST}:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{port}/execution/",
    }


def airflow_env(airflow_home: Path, *, all_admins: bool, paused: bool = False) -> dict[str, str]:
    """Return the settings of a one-machine Airflow on this repository's DAGs: SQLite and LocalExecutor.

    Where it listens is `listening_on`.
    """
    secret = secrets.token_urlsafe(32)
    return {
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": str(paused),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": str(all_admins),
        # One process writes at a time; the others wait, where the default of 5 s gives up on a busy machine.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home / 'airflow.db'}?timeout=60",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secret,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
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
) -> Iterator[dict[str, subprocess.Popen]]:
    """Start `airflow <process>` for each, one log file each; stop all of them on the way out, whatever happened.

    Yields:
        The processes by name; each is on a leash, so that not even our own SIGKILL leaves one behind.
    """
    logs.mkdir(parents=True, exist_ok=True)
    started: dict[str, subprocess.Popen] = {}
    try:
        for words in processes:
            started[words[0]] = start_process(words, env=env, log=logs / f"airflow-{words[0]}.log")
        yield started
    finally:
        stop_groups(list(started.values()))


def start_process(words: Sequence[str], *, env: Mapping[str, str], log: Path) -> subprocess.Popen:
    """Start `airflow <words>` on a leash, in a group of its own; whoever starts it stops it, with `stop_groups`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            leashed([*_AIRFLOW, *words]),
            env=dict(env),
            stdin=subprocess.PIPE,  # held open by us: its end tells the leash that we are gone
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


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
        if process.stdin:
            process.stdin.close()


def _signal_group(process: subprocess.Popen, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
