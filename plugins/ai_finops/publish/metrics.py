"""Ask MetricFlow about the published marts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from ai_finops.config import Settings
from ai_finops.errors import PublishError
from ai_finops.publish.current import current_build


def ask_metrics(arguments: Sequence[str], *, settings: Settings) -> int:
    """Run a command of `mf`, such as `query --metrics call_count`, on the published build; return its exit code.

    The build is resolved once, so that an answer is of one build also when another is published meanwhile. Nothing is
    written but what the command names itself (`--csv`).

    Raises:
        PublishError: Nothing is published yet, or the dbt project is not parsed.
    """
    folder = current_build(settings)
    if folder is None:
        raise PublishError(f"nothing is published in {settings.published} yet; run ai-finops run")
    manifest = settings.dbt_project / "target" / "semantic_manifest.json"
    if not manifest.is_file():
        raise PublishError(f"the dbt project is not parsed, {manifest} is missing; run make manifest")
    command = [sys.executable, "-m", "ai_finops.publish.metrics_process", *arguments]
    with tempfile.TemporaryDirectory() as logs:
        environment = os.environ | {
            "AI_FINOPS_DBT_TARGET": "published",
            "AI_FINOPS_MARTS": str(folder / "marts.duckdb"),
            "DBT_PROJECT_DIR": str(settings.dbt_project),
            "DBT_PROFILES_DIR": str(settings.dbt_project),
            "DBT_LOG_PATH": logs,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
            "DO_NOT_TRACK": "1",
        }
        return subprocess.run(command, env=environment, check=False).returncode
