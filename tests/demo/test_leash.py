"""What a demo starts ends with it, however it ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

# Starts a process that starts a process, both of which note their ids and stay.
NOTE = "import os, subprocess, sys, time; print(os.getpid(), file=open(os.environ['PIDS'], 'a'))\n"
CHILD = f"{NOTE}subprocess.run([sys.executable, '-c', {NOTE + 'time.sleep(300)'!r}])"
HOLDER = """
import pathlib, sys, time
from ai_finops.demo import airflow_services
from ai_finops.demo.signals import stop_when_asked
stop_when_asked()
airflow_services._AIRFLOW = (sys.executable, "-c", sys.argv[2])
folder = pathlib.Path(sys.argv[1])
with airflow_services.airflow_processes({"PIDS": str(folder / "pids")}, logs=folder, processes=[("child",)]):
    print("started", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def holder(tmp_path):
    """A demo's process that holds a child and a grandchild; and the ids of these."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path), CHILD], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    pids = tmp_path / "pids"
    wait_until(lambda: pids.exists() and pids.read_text().count("\n") == 2)
    started = [int(line) for line in pids.read_text().split()]
    assert all(map(is_running, started))
    yield process, started
    process.kill()
    process.communicate()
    for pid in filter(is_running, started):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "signals",
    [
        (signal.SIGINT,),
        (signal.SIGTERM,),
        (signal.SIGHUP,),
        (signal.SIGKILL,),
        (signal.SIGINT, signal.SIGINT, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGHUP, signal.SIGINT),
    ],
)
def test_nothing_is_left_behind(holder, signals):
    process, started = holder
    for number in signals:
        process.send_signal(number)
        time.sleep(0.05)
    process.wait(timeout=30)
    wait_until(lambda: not any(map(is_running, started)))


def test_an_exit_code_comes_through():
    leashed = [sys.executable, "-m", "ai_finops.demo.leash", sys.executable, "-c", "raise SystemExit(7)"]
    with subprocess.Popen(leashed, stdin=subprocess.PIPE, start_new_session=True) as process:
        assert process.wait(timeout=30) == 7


def wait_until(is_so, *, seconds=30):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
