"""Parse the dbt project once, and not again in each build.

Parsing all files takes dbt longer than the rest of its start. It takes over an earlier parse unless vars, the target or the
warehouse's path are others, so the project is always parsed with the same of these; models and macros ask for the
build's own when they run. Which files have changed since is for dbt to find out. What is parsed names the database by the
profile's default file, so each build's file is called `warehouse.duckdb` too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

_OF_A_BUILD = ("AI_FINOPS_WAREHOUSE", "AI_FINOPS_BUILD_MEMORY")
"""What the profile reads of the environment; dbt parses everything again where one of them has changed."""
# As for a build that began as a copy of another: it refers to every model that one from nothing does, and to more.
_VARS = {"built_on_as_of_date": "9999-12-31"}


def parsed_project(project: Path) -> Path:
    """Return where `make manifest` leaves what dbt has read of a project for its builds."""
    return project / "target" / "build" / "target" / "partial_parse.msgpack"


def shared_options(project: Path, *, folder: Path, target: str) -> list[str]:
    """Return the options with which a build parses the project as well as builds it; dbt writes into `folder` alone."""
    return [
        f"--project-dir={project}",
        f"--profiles-dir={project}",
        f"--target={target}",
        f"--target-path={folder / 'target'}",
        f"--log-path={folder / 'logs'}",
        "--no-send-anonymous-usage-stats",
        "--no-version-check",
        "--no-use-colors",
    ]


def process_arguments(project: Path, *, report: Path, folder: Path, target: str, command: list[str]) -> list[str]:
    """Return what `dbt_process` is given to run `command` on a project, which is parsed first."""
    return [
        str(report),
        str(parsed_project(project)),
        *shared_options(project, folder=folder, target=target),
        "--",
        *command,
    ]


def parse(options: list[str], *, before: Path) -> dbtRunnerResult:
    """Read a project in this process; the result, where dbt could, is a manifest for `dbtRunner`.

    Args:
        options: What `shared_options` returned.
        before: What `parsed_project` returned. Without that file, dbt parses everything.
    """
    from dbt.cli.main import dbtRunner

    earlier = [f"--partial-parse-file-path={before}"] if before.is_file() else []
    with _profile_of_any_build():
        outcome = dbtRunner().invoke(["--quiet", "parse", f"--vars={json.dumps(_VARS)}", *earlier, *options])
    if outcome.success:
        _look_for_seeds_here(outcome.result, options)
    return outcome


def _look_for_seeds_here(manifest: Manifest, options: list[str]) -> None:
    """Let seeds be read from the project that was asked for.

    What was parsed before the project was copied says of each seed that it lies where the original does.
    """
    project = next(option.partition("=")[2] for option in options if option.startswith("--project-dir="))
    for node in manifest.nodes.values():
        if node.resource_type == "seed":
            node.root_path = project


@contextmanager
def _profile_of_any_build() -> Iterator[None]:
    """Take away what the profile has of one build; it then has its defaults."""
    values = {name: os.environ.pop(name) for name in _OF_A_BUILD if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(values)
