"""What runs inside dbt's own process: `python -m ai_finops.build.dbt_process REPORT PARSED OPTION... -- COMMAND...`.

dbt keeps its flags, adapters and logging in globals of the process, so the caller never imports it.
"""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.build.leash import follow
from ai_finops.build.parsing import parse

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

FAILED = ("error", "fail", "runtime error", "partial success")


def main(arguments: list[str]) -> int:
    """Run a dbt command and write what came of every node to the report; return the exit code.

    Args:
        arguments: What `process_arguments` returned.
    """
    (report_path, parsed_path, *shared), _ = split(arguments)
    outcome = parse([*shared, "--no-write-json"], before=Path(parsed_path))
    if outcome.success:
        return run_parsed(outcome.result, arguments)
    _report(outcome, Path(report_path))
    return 1


def run_parsed(manifest: Manifest, arguments: list[str]) -> int:
    """Do what `main` does after the project is parsed."""
    from dbt.cli.main import dbtRunner

    (report_path, _, *shared), command = split(arguments)
    outcome = dbtRunner(manifest=manifest).invoke([*command, *shared])
    _report(outcome, Path(report_path))
    return 0 if outcome.success else 1


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part what is before the `--` from the command behind it."""
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _report(outcome: dbtRunnerResult, path: Path) -> None:
    results = list(getattr(outcome.result, "results", None) or [])
    report = {
        "success": outcome.success,
        "exception": _one_line(outcome.exception),
        "counts": Counter(str(result.status) for result in results),
        "failed": [
            {"unique_id": result.node.unique_id, "message": _one_line(result.message)}
            for result in results
            if str(result.status) in FAILED
        ],
    }
    path.write_text(json.dumps(report, indent=1) + "\n")


def _one_line(message: object) -> str:
    return " ".join(str(message).split())[:500]


if __name__ == "__main__":
    follow()
    gc.disable()  # what a node leaves in cycles ends with the process; docs/performance.md has the seconds
    sys.exit(main(sys.argv[1:]))
