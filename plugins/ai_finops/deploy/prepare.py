"""What `airflow-init` does at each start: Airflow's tables, its pools, and the password of the first user.

Each step may run again: tables are migrated, pools set to what the file says, the password to what the environment says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ai_finops.config import REPOSITORY
from ai_finops.errors import AiFinopsError, BuildError, SettingsError
from ai_finops.lake_files import replace_file

USER = "admin"
"""The one user of `AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS` in docker-compose.yaml."""
POOLS = REPOSITORY / "plugins" / "ai_finops" / "orchestrate" / "pools.json"
LEAST_PASSWORD = 12


def prepare(env: Mapping[str, str], *, pools: Path = POOLS) -> None:
    """Run all steps.

    Raises:
        SettingsError: The environment lacks a password or names no file for it.
        BuildError: Airflow refused a step; what it said went to standard error.
    """
    path, password = _sign_in(env)
    _airflow("db", "migrate", env=env)
    _airflow("pools", "import", str(pools), env=env)
    write_sign_in(path, password=password)


def write_sign_in(path: Path, *, password: str) -> None:
    """Write the file in which Airflow's simple auth manager looks for passwords; none but its owner may read it."""
    previous = os.umask(0o077)
    try:
        replace_file(path, f"{json.dumps({USER: password})}\n".encode())
    finally:
        os.umask(previous)


def _sign_in(env: Mapping[str, str]) -> tuple[Path, str]:
    password = env.get("AIRFLOW_ADMIN_PASSWORD", "")
    if len(password) < LEAST_PASSWORD:
        raise SettingsError(
            f"AIRFLOW_ADMIN_PASSWORD has {len(password)} characters; give {LEAST_PASSWORD} or more, or let make env make it up"
        )
    path = env.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE")
    if not path:
        raise SettingsError("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE is missing; docker-compose.yaml sets it")
    return Path(path), password


def _airflow(*words: str, env: Mapping[str, str]) -> None:
    done = subprocess.run([sys.executable, "-m", "airflow", *words], env=dict(env), check=False)
    if done.returncode:
        raise BuildError(
            f"airflow {' '.join(words)} failed (exit code {done.returncode}); what it said stands above, "
            "and the database is the one of AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
        )


def main() -> int:
    """Prepare, or say in a sentence why not."""
    try:
        prepare(os.environ)
    except AiFinopsError as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    print("prepare: tables, pools and sign-in are there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
