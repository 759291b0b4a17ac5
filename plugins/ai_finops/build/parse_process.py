"""`python -m ai_finops.build.parse_process` parses the dbt project ahead of its builds; `make manifest` calls it."""

from __future__ import annotations

import sys

from ai_finops.build.parsing import parse, parsed_project, shared_options
from ai_finops.config import Settings


def main() -> int:
    """Leave the parsed project below its own `target`; return the exit code."""
    project = Settings.from_env().dbt_project
    parsed = parsed_project(project)
    options = shared_options(project, folder=parsed.parents[1], target="duckdb")
    return 0 if parse(options, before=parsed).success else 1


if __name__ == "__main__":
    sys.exit(main())
