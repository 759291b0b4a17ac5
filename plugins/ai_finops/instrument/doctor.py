"""`python -m ai_finops.instrument.doctor`: what is instrumented, where it goes, and what to do about what is missing.

    python -m ai_finops.instrument.doctor --import my_service.main
    opentelemetry-instrument python -m ai_finops.instrument.doctor --send-probe

Exit code 1 when something is wrong, 2 when the service cannot be imported. In a running service: `print(report(diagnose()))`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ai_finops.instrument.addresses import without_secrets
from ai_finops.instrument.diagnosis import diagnose
from ai_finops.instrument.findings import Diagnosis
from ai_finops.instrument.probe import send_probe

__all__ = ["diagnose", "examine", "main", "report"]

_MARKS = {"ok": "ok   ", "hint": "hint ", "wrong": "WRONG"}


def report(diagnosis: Diagnosis) -> str:
    """Return a diagnosis as lines for a person."""
    lines = []
    for finding in diagnosis.findings:
        lines.append(f"{_MARKS[finding.level]}  {finding.topic}: {finding.what}")
        if finding.advice:
            lines.append(f"       -> {finding.advice}")
    wrong_count = sum(finding.level == "wrong" for finding in diagnosis.findings)
    lines.append("nothing is wrong" if diagnosis.is_well else f"{wrong_count} wrong")
    return "\n".join(lines)


def examine(*, modules: Sequence[str] = (), is_json: bool = False, is_probing: bool = False) -> int:
    """Import a service, look at it and print what was found; return the exit code."""
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it, and a console script has not
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 - whatever a service's own module raises
            why = without_secrets(f"{type(error).__name__}: {error}")
            print(f"ai-finops: {module} cannot be imported ({why})", file=sys.stderr)
            return 2
    diagnosis = diagnose()
    if is_probing:
        diagnosis = Diagnosis((*diagnosis.findings, send_probe()))
    print(json.dumps(diagnosis.as_json(), indent=2) if is_json else report(diagnosis))
    return 0 if diagnosis.is_well else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it with the words of a command line."""
    parser = argparse.ArgumentParser(
        prog="python -m ai_finops.instrument.doctor",
        description="Say what is instrumented, where it goes and what is missing; exit code 1 when something is wrong.",
    )
    add_options(parser)
    chosen = parser.parse_args(arguments)
    return examine(modules=chosen.modules, is_json=chosen.is_json, is_probing=chosen.is_probing)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what it takes."""
    parser.add_argument(
        "--import",
        dest="modules",
        metavar="MODULE",
        action="append",
        default=[],
        help="import this first, so that the provider and the decorated functions of the service are there",
    )
    parser.add_argument("--json", dest="is_json", action="store_true", help="as JSON")
    parser.add_argument(
        "--send-probe", dest="is_probing", action="store_true", help="send one span, say whether it was taken"
    )


if __name__ == "__main__":
    sys.exit(main())
