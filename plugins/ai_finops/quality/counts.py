"""How many rules there are, in dbt and here, and how many faults are seeded: counted, not written down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ai_finops.build.marts import MARTS
from ai_finops.quality.contracts import contract_types
from ai_finops.quality.kinds import Kind
from ai_finops.quality.suites import all_checks

_ROW = re.compile(r"^\| (?!Fault \|)", re.MULTILINE)


def counts_text(project: Path, *, faults: str) -> str:
    """Return the counts as a list in Markdown.

    Args:
        project: The dbt project.
        faults: The table of faults, a row each below its head.
    """
    severities = Counter(one.meta["severity"] for check in all_checks() for one in check.expectations)
    contracts = len(set(contract_types(project)) & set(MARTS))
    in_yaml, units = _tests_in_yaml(project)
    singular = len(list((project / "tests").glob("*.sql")))
    return "\n".join(
        [
            (
                f"- **Great Expectations:** {severities.total()} expectations on {len(MARTS)} marts, in {len(Kind)} kinds: "
                f"{severities['fail']} stop a build, {severities['warn']} warn."
            ),
            (
                f"- **dbt:** {contracts} contracts of marts, {in_yaml} tests of models, columns and seeds, {singular} queries "
                f"(`assert_*`), {units} unit tests."
            ),
            f"- **Faults** that are seeded and caught: {len(_ROW.findall(faults))}.",
        ]
    )


def _tests_in_yaml(project: Path) -> tuple[int, int]:
    """Return how many data tests and unit tests the YAML of the project lists."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data_tests = unit_tests = 0
    for folder in ("models", "seeds"):
        for file in sorted((project / folder).rglob("*.yml")):
            read = yaml.load(file.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506 - safe
            data_tests += sum(map(len, _lists_of("data_tests", read)))
            unit_tests += len(read.get("unit_tests") or ())
    return data_tests, unit_tests


def _lists_of(name: str, node: Any) -> Iterable[list]:
    """Yield each list under a key of this name, at any depth."""
    if isinstance(node, list):
        for each in node:
            yield from _lists_of(name, each)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == name and isinstance(value, list):
                yield value
            else:
                yield from _lists_of(name, value)
