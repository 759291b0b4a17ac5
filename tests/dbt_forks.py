"""dbt for the tests: started and its project parsed once for each test process, and forked for each command.

Not for a project whose models a test changes between two commands, which would not be read again; of seeds, which dbt
reads when it runs them, the rows may change.

A build starts dbt anew and reads the parsed project each time, four seconds of which nothing is about the test. The
forks run what a build's process runs after that (`dbt_process.run_parsed`), each in an environment and folder of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import time
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from ai_finops.build import dbt
from ai_finops.build.dbt_process import run_parsed, split
from ai_finops.build.parsing import parse

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest


def run_forked(arguments: list[str], *, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a dbt command as `dbt_process` would.

    Args:
        arguments: What `process_arguments` returned; the project and target are those of the first call.
        environment: Of the command's process, whole.
        folder: Where what it prints is kept meanwhile.
    """
    server = _server(*arguments[1:3], next(option for option in arguments if option.startswith("--target=")))
    said = {name: str(folder / f"dbt_{name}.txt") for name in ("stdout", "stderr")}
    server.stdin.write(json.dumps({"arguments": arguments, "environment": environment, **said}) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    if not answer:
        raise RuntimeError("the process that forks dbt has died; what it said is above")
    texts = {name: Path(path).read_text(errors="replace") for name, path in said.items()}
    return subprocess.CompletedProcess(arguments, int(answer), **texts)


def fork_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `ai_finops.build.run_dbt` fork dbt too."""

    def run(command: list[str], *, environment: dict[str, str], output_path: Path) -> str:
        # Python's own arguments and the module's name come first.
        done = run_forked(command[3:], environment=environment, folder=output_path.parent)
        return done.stdout + done.stderr

    monkeypatch.setattr("ai_finops.build.dbt._run", run)


def leave_generic_tests_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let builds run of the data tests those with a file of their own: the rest takes longer than the models."""
    command = dbt._command
    monkeypatch.setattr(
        dbt, "_command", lambda *given, **named: [*command(*given, **named), "--exclude=test_type:generic"]
    )


@cache
def _server(parsed: str, project_option: str, target_option: str) -> subprocess.Popen[str]:
    """Start the process that parses the project and forks."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.dbt_forks"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    atexit.register(process.kill)
    return process


def serve() -> None:
    """Parse the project with the first command's options, then fork for each command until nobody asks any more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    manifest = None
    for line in sys.stdin:
        asked = json.loads(line)
        (_, parsed_path, *shared), _ = split(asked["arguments"])
        if manifest is None:
            outcome = parse([*shared, "--no-write-json"], before=Path(parsed_path))
            if not outcome.success:
                raise RuntimeError(f"dbt cannot parse the project: {outcome.exception}")
            manifest = outcome.result
        child = os.fork()
        if child == 0:
            _run_and_exit(manifest, asked)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _run_and_exit(manifest: Manifest, asked: dict) -> NoReturn:
    """In the child: run a command in its environment, with what it prints in its files, and end without clean-up."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    code = 1
    try:
        os.environ.clear()
        os.environ.update(asked["environment"])
        time.tzset()  # the zone was looked up at the start
        for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
            os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
        code = run_parsed(manifest, asked["arguments"])
        # What a process does at its end: without it the last of what was written is in a log beside the warehouse's file.
        DuckDBConnectionManager.close_all_connections()
    except BaseException:  # noqa: BLE001 - whatever it is, the parent must not go on here as well
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
