"""Run dbt-bouncer, which has an environment of its own (`.venv-bouncer`), on a project and rules of a test's making."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.dbt_rules.project import PROJECT, Manifest

CONFIG = PROJECT.parent / "dbt-bouncer.yml"


class Failure(NamedTuple):
    """What one rule found wrong in one place; `number` is that of the rule in the file, from 0."""

    number: int
    check: str
    resource: str | None
    path: str | None


def read_config() -> dict[str, Any]:
    """Return the rules as they are written down."""
    return yaml.safe_load(CONFIG.read_text())


def failures(config: dict[str, Any], manifest: Manifest, folder: Path) -> list[Failure]:
    """Return what `config` finds wrong in a project; `folder` is for the files between.

    Raises:
        AssertionError: dbt-bouncer did not run.
    """
    (folder / "dbt-bouncer.yml").write_text(yaml.safe_dump(config | {"dbt_artifacts_dir": "."}))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    program = Path(f"{sys.prefix}-bouncer") / "bin" / "dbt-bouncer"
    assert program.exists(), f"{program} is missing; `make lint` makes it"
    options = ["--config-file", "dbt-bouncer.yml", "--output-file", "found.json", "--output-only-failures"]
    ran = subprocess.run([str(program), "run", *options], cwd=folder, capture_output=True, text=True, check=False)
    # 1 is "a rule failed"; all above is that it could not run.
    assert ran.returncode in (0, 1), ran.stdout[-4000:] + ran.stderr[-4000:]
    found = json.loads((folder / "found.json").read_text())
    return [_failure(each) for each in found]


def _failure(found: dict[str, Any]) -> Failure:
    check, number = re.match(r"(\w+):(\d+)", found["check_run_id"]).groups()
    return Failure(int(number), check, found["unique_id"], found["file_path"])
