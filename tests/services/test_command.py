"""The console script of a service: the doctor runs, verbs of the pipeline say in one sentence what they need."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("ai-finops")


def _run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=60)


def test_doctor_runs_without_the_pipeline():
    done = _run("doctor")

    assert done.returncode == 1  # no provider is set in a bare process
    assert done.stdout.startswith("ok     installed: ai-finops")


@pytest.mark.parametrize(
    "verb", [["status"], ["run"], ["report", "--print"], ["land", "traces", "--from", "2025-06-01"]]
)
def test_verbs_of_the_pipeline_say_what_they_need(verb):
    done = _run(*verb)

    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("ai-finops: this verb needs ")
    assert "ai-finops[pipeline]" in line
