"""The page alone, for its bench: `python -m tests.benchmarks.made_page_server HOME PORT`.

The application is the one that Airflow mounts, made on its first request as there, with two things changed: nobody is asked who
they are, and no view is remembered from one request to the next. What Airflow's own API server has loaded by then is loaded
before the port opens; what is the page's own is not. Beside it is `/bare`: one query on the same marts, in one table.
"""

from __future__ import annotations

import sys
from datetime import date

import airflow.api_fastapi.core_api.security  # noqa: F401 - as the API server has
import jinja2  # noqa: F401 - as the API server has
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from ai_finops.config import Settings
from ai_finops.ui import mounted

PREFIX = "/ai-cost"
BARE = "/bare"


def main() -> None:
    """Serve until stopped."""
    home, port = sys.argv[1:]
    settings = Settings.from_env({"AI_FINOPS_HOME": home})
    mounted._make = lambda: _make(settings)
    root = FastAPI()
    root.mount(PREFIX, mounted.MountedPage())

    @root.get(BARE)
    def bare() -> HTMLResponse:
        from ai_finops.ui.published import open_build

        with open_build(settings) as (connection, _):
            rows = connection.execute(
                "select feature_id, sum(allocated_cost_usd) from fct_daily_feature_costs group by 1 order by 1"
            ).fetchall()
        cells = "".join(f"<tr><td>{feature}</td><td>{usd}</td></tr>" for feature, usd in rows)
        return HTMLResponse(f"<!DOCTYPE html><title>Bare</title><table>{cells}</table>")

    uvicorn.run(root, host="127.0.0.1", port=int(port), log_level="warning")


def _make(settings: Settings) -> FastAPI:
    from ai_finops.ui.access import require_access
    from ai_finops.ui.app import create_page
    from ai_finops.ui.recent import RecentViews

    page = create_page(settings, today=lambda: date(2026, 7, 6))
    page.dependency_overrides[require_access] = lambda: None
    page.state.recent = RecentViews(kept_count=0)
    return page


if __name__ == "__main__":
    main()
