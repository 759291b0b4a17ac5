"""One run of the demo for all end-to-end tests: real scheduler, real HTTP, its own folder."""

import shutil
from types import SimpleNamespace

import pytest

from ai_finops.demo.progress import Progress
from ai_finops.demo.run import running_pipeline


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo as `make demo` runs it; then `build_marts` once more for a day in the middle, Airflow still running."""
    home = tmp_path_factory.mktemp("demo")
    with running_pipeline(home=home, progress=Progress()) as pipeline:
        result = pipeline.run()
        published = result.settings.published
        kept = home / "first-build"
        shutil.copytree((published / "current").resolve(), kept)
        rerun = pipeline.api.trigger("build_marts", conf={"day": "2025-06-05"})
        pipeline.api.wait_for_run("build_marts", lambda run: run["dag_run_id"] == rerun, timeout_seconds=600)
        runs = {dag_id: pipeline.api.runs(dag_id) for dag_id in ("build_marts", "report_weekly", "extract_traces")}
        yield SimpleNamespace(result=result, settings=result.settings, first_build=kept, runs=runs)
