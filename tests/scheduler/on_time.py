"""The same days without Airflow and without faults: what the marts must be in the end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from ai_finops.days import morning_after


def marts_on_time(env: Mapping[str, str], days: Iterable[date], *, home: Path) -> Path:
    """Land and build each day from the command line, on its morning; return the folder of the published build.

    Args:
        env: Environment that leads to the account, past any proxy.
        days: In order. Each is built by itself, because projections stay as they were issued; and landed as of its morning,
            since CloudWatch forgets what is as old as the sample by now.
        home: Where lake and marts are made.
    """
    env = {**env, "AI_FINOPS_HOME": str(home)}
    for day in days:
        _run(["land", "all", "--from", str(day), "--as-of", str(morning_after(day))], env=env)
        _run(["run", "--day", str(day)], env=env)
    return (home / "published" / "current").resolve()


def _run(words: list[str], *, env: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ai_finops.cli", *words], env=dict(env), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"ai-finops {' '.join(words)}: {done.stderr[-2000:]}"
