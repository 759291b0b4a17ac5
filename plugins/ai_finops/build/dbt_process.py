"""What runs inside dbt's own process: `python -m ai_finops.build.dbt_process REPORT PARSED OPTION... -- COMMAND...`.

dbt keeps its flags, adapters and logging in globals of the process, so the caller never imports it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from ai_finops.build.parsing import parse

FAILED = ("error", "fail", "runtime error", "partial success")


def main(arguments: list[str]) -> int:
    """Run a dbt command and write what came of every node to the report; return the exit code.

    Args:
        arguments: What `process_arguments` returned.
    """
    from dbt.cli.main import dbtRunner

    (report_path, parsed_path, *shared), command = _split(arguments)
    outcome = parse(shared, before=Path(parsed_path))
    if outcome.success:
        outcome = dbtRunner(manifest=outcome.result).invoke([*command, *shared])
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
    Path(report_path).write_text(json.dumps(report, indent=1) + "\n")
    return 0 if outcome.success else 1


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _one_line(message: object) -> str:
    return " ".join(str(message).split())[:500]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
