"""`python -m ai_finops.publish.metrics_process COMMAND...` is MetricFlow's `mf`, but asks nobody for a newer version."""

from __future__ import annotations

import sys
from typing import Any


class _NoUpdates:
    """Stands where MetricFlow asks the package index, on each call, whether there is a newer MetricFlow."""

    def check(self, *_: Any) -> None:
        """Answer that there is none."""


def main(arguments: list[str]) -> None:
    """Run `mf`; ends the process with its exit code."""
    from dbt_metricflow.cli import main as metricflow

    metricflow.UpdateChecker = _NoUpdates
    metricflow.cli(arguments, prog_name="ai-finops metrics")


if __name__ == "__main__":
    main(sys.argv[1:])
