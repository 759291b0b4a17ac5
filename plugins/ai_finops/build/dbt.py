"""Run one phase of the dbt project on a build's warehouse, in a process of its own."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

from ai_finops.build.disk import disk_errors_named
from ai_finops.build.leash import leash
from ai_finops.build.lock import one_writer
from ai_finops.build.parsing import process_arguments
from ai_finops.build.seal import break_seal, seal
from ai_finops.build.spark_session import missing_for_spark
from ai_finops.build.stations import station
from ai_finops.config import TARGETS, Settings
from ai_finops.errors import BuildError

_STATIONS = {"phase_1": "build_costs", "phase_2": "build_reviews"}
PHASES = tuple(_STATIONS)
logger = logging.getLogger(__name__)


def run_dbt(phase: str, *, settings: Settings, build: dict[str, str], target: str = "duckdb") -> dict[str, int]:
    """Build and test the models of `phase`.

    Args:
        phase: `phase_1` (up to allocation) or `phase_2` (what needs the analyses).
        settings: Where the dbt project is.
        build: What `prepare` returned.
        target: The engine; from `spark`, its tables are shown in the build's DuckDB file too.
    Returns:
        How many nodes ended with each status, such as `{"success": 20, "pass": 60}`.
    Raises:
        BuildError: A node failed, or dbt could not run; names the nodes and dbt's log. Or this machine lacks Spark or Java.
    """
    if phase not in PHASES:
        raise BuildError(f"dbt phase {phase!r} is not one of {', '.join(PHASES)}")
    folder = Path(build["build_dir"]) / "dbt" / phase
    report_path = folder / "report.json"
    command = [
        *(sys.executable, "-m", *_process(target, build=build)),
        *process_arguments(
            settings.dbt_project, report=report_path, folder=folder, target=target, command=_command(phase, build=build)
        ),
    ]
    warehouse = Path(build["warehouse"])
    with (
        one_writer(settings.builds, doing=f"dbt {phase} of {build['build_id']}"),
        station(Path(build["build_dir"]), _STATIONS[phase]),
        disk_errors_named(f"run dbt {phase} of {build['build_id']}"),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        report_path.unlink(missing_ok=True)
        break_seal(warehouse)
        output = _run(command, environment=_environment(build), output_path=folder / "output.txt")
        counts = _counted(report_path, phase=phase, output=output, log=folder / "logs" / "dbt.log")
        if target == "spark":
            from ai_finops.build.take_over import take_over

            take_over(Path(build["build_dir"]))
        if phase == PHASES[-1]:
            seal(warehouse)
    return counts


def _process(target: str, *, build: dict[str, str]) -> list[str]:
    """Return the module that runs dbt on an engine, with its first arguments."""
    if target not in TARGETS:
        raise BuildError(f"dbt target {target!r} is not one of {', '.join(TARGETS)}")
    if target == "duckdb":
        return ["ai_finops.build.dbt_process"]
    missing = missing_for_spark()
    if missing is not None:
        raise BuildError(missing)
    return ["ai_finops.build.spark_process", build["build_dir"]]


def _run(command: list[str], *, environment: dict[str, str], output_path: Path) -> str:
    """Run a process to its end and return what it said, which the log and a file show line by line as it comes."""
    said = []
    with (
        output_path.open("w") as output,
        leash() as (variables, handles),
        subprocess.Popen(
            command,
            env=environment | variables,
            pass_fds=handles,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                said.append(line)
                output.write(line)
                output.flush()
                logger.info("%s", line.rstrip())
        except BaseException:
            # A task that is stopped takes its dbt along.
            process.kill()
            raise
    return "".join(said)


def _command(phase: str, *, build: dict[str, str]) -> list[str]:
    return [
        "build",
        f"--select=tag:{phase}",
        # Unit tests are about the code and not about the day's data: `make test` runs them.
        "--exclude-resource-type=unit_test",
        f"--vars={json.dumps(dbt_vars(build))}",
    ]


def dbt_vars(build: dict[str, str]) -> dict[str, str]:
    """Return what the models are told of a build: its clock, and that of the build that it began as a copy of."""
    return {name: build.get(name, "") for name in ("as_of_date", "built_on_as_of_date")}


def _environment(build: dict[str, str]) -> dict[str, str]:
    """Return the environment of dbt's process: this build's warehouse, UTC days, nothing sent anywhere."""
    return os.environ | {
        "AI_FINOPS_WAREHOUSE": build["warehouse"],
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        "TZ": "UTC",
    }


def _counted(report_path: Path, *, phase: str, output: str, log: Path) -> dict[str, int]:
    if not report_path.exists():
        last_line = (output.strip().splitlines() or ["no output"])[-1]
        raise BuildError(f"dbt {phase} ended without a report: {last_line}; see {log.parents[1] / 'output.txt'}")
    report = json.loads(report_path.read_text())
    failed = report["failed"]
    if failed:
        names = ", ".join(node["unique_id"] for node in failed[:5]) + (", …" if len(failed) > 5 else "")
        raise BuildError(f"dbt {phase} failed in {len(failed)} nodes ({names}): {failed[0]['message']}; log {log}")
    if not report["success"]:
        raise BuildError(f"dbt {phase} could not run: {report['exception']}; log {log}")
    if not report["counts"]:
        raise BuildError(f"dbt {phase} selected nothing: no node of the project has tag {phase}; log {log}")
    return report["counts"]
