"""What Airflow's scheduler and workers pay for the plugin, which they load as the API server does."""

from __future__ import annotations

import subprocess
import sys

from ai_finops.config import REPOSITORY

HEAVY = ("fastapi", "duckdb", "jinja2", "pyarrow", "xlsxwriter", "ai_finops.ui.app", "ai_finops.publish")


def test_the_page_is_imported_by_its_first_request_and_not_before():
    code = (
        "import sys; import ai_finops.ui.address, ai_finops.ui.mounted; ai_finops.ui.mounted.MountedPage(); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY / "plugins"
    )
    assert told.stdout.strip() == "[]"


def test_the_package_itself_is_no_plugin():
    assert (REPOSITORY / "plugins" / ".airflowignore").read_text().split() == ["ai_finops/"]
