"""The FOCUS validator in a virtual environment of its own: its pandas and pandera are not the project's."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parents[1] / ".venv-focus"
REQUIREMENTS = HERE / "requirements.txt"
VERSION = "1.2"
"""Of FOCUS: the highest whose rules the validator carries."""


def known_gaps(bill: str) -> set[str]:
    """Return the rules that are known to fail on a bill."""
    with (HERE / "known_gaps.csv").open() as file:
        return {row["rule"] for row in csv.DictReader(file) if row["bill"] in (bill, "both")}


def failed_rules(file: Path) -> set[str]:
    """Return the rules of FOCUS that a Parquet file fails.

    Raises:
        AssertionError: The validator did not run, or skipped so much that its silence means nothing.
    """
    command = [str(_python()), str(HERE / "run_validator.py"), str(file), VERSION, ",".join(_criteria())]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    outcomes = {rule: found["outcome"] for rule, found in json.loads(ran.stdout).items()}
    # 165 rules of the specification speak of what no table can show, and are never checked.
    assert sum(outcome != "skipped" for outcome in outcomes.values()) > 300, outcomes
    return {rule for rule, outcome in outcomes.items() if outcome == "failed"}


def _criteria() -> list[str]:
    with (HERE / "criteria.csv").open() as file:
        return [row["criterion"] for row in csv.DictReader(file) if row["applies"] == "true"]


def _python() -> Path:
    """Make the environment if it is not there as pinned, one process at a time; return its Python."""
    python = ENVIRONMENT / "bin" / "python"
    pinned = f"{sys.version_info[:2]} {hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()}"
    made = ENVIRONMENT / ".installed"
    ENVIRONMENT.mkdir(exist_ok=True)
    with (ENVIRONMENT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists() or made.read_text() != pinned:
            venv.create(ENVIRONMENT, with_pip=False)
            # The package names Python 3.12 as its first; run_validator.py says what that is about.
            options = [
                "-qq",
                "--disable-pip-version-check",
                "--no-deps",
                "--ignore-requires-python",
                "--require-hashes",
            ]
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *options, "-r", str(REQUIREMENTS)]
            installed = subprocess.run(pip, capture_output=True, text=True, check=False)
            assert installed.returncode == 0, installed.stderr[-4000:]
            made.write_text(pinned)
    return python
