"""The same days without Airflow and without faults: what the marts must be in the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from tests.scheduler.airflow_stack import AirflowStack


def marts_on_time(stack: AirflowStack, days: Iterable[date], *, home: Path) -> Path:
    """Land and build each day from the command line, past the proxy; return the folder of the published build.

    A day's build is made on the day's morning, because projections stay as they were issued.
    """
    env = stack.env | stack.direct | {"AI_FINOPS_HOME": str(home)}
    for day in days:
        _run(["land", "all", "--from", str(day), "--to", str(day)], env=env)
        _run(["run", "--day", str(day)], env=env)
    return (home / "published" / "current").resolve()


def _run(words: list[str], *, env: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ai_finops.cli", *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"ai-finops {' '.join(words)}: {done.stderr[-2000:]}"
