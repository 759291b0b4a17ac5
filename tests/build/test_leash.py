"""A process on a leash ends when its holder is gone."""

from __future__ import annotations

import subprocess
import sys

import psutil

HOLDER = """
import os, signal, subprocess, sys
from ai_finops.build.leash import leash

code = "import time; from ai_finops.build.leash import follow; follow(); print('on the leash', flush=True); time.sleep(60)"
with leash() as (variables, handles):
    child = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | variables, pass_fds=handles, stdout=subprocess.PIPE, text=True
    )
    child.stdout.readline()
    print(child.pid, flush=True)
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
child.wait(30)
print("ended", flush=True)
"""


def test_it_ends_when_its_holder_is_killed():
    done = subprocess.run([sys.executable, "-c", HOLDER, "killed"], capture_output=True, text=True, timeout=60)
    assert done.returncode == -9
    pid = int(done.stdout)
    if psutil.pid_exists(pid):
        psutil.wait_procs([psutil.Process(pid)], timeout=20)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_it_ends_when_the_leash_is_let_go():
    done = subprocess.run([sys.executable, "-c", HOLDER, "let go"], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[1:] == ["ended"], done.stderr


def test_without_a_leash_nothing_happens():
    code = "from ai_finops.build.leash import follow; follow(); print('goes on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "goes on\n"
