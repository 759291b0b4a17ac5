"""dbt in a process of its own, on a project of three models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from ai_finops.build import dbt, run_dbt
from ai_finops.build.parsing import parsed_project
from ai_finops.build.raw_views import open_warehouse
from ai_finops.errors import BuildError

PROJECT = """
name: tiny
version: "1.0"
profile: tiny
models:
  tiny:
    +materialized: table
    first: {+tags: [phase_1]}
    second: {+tags: [phase_2]}
seeds:
  tiny:
    words: {+tags: [phase_1]}
"""
PROFILE = """
tiny:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('AI_FINOPS_WAREHOUSE', 'target/warehouse.duckdb') }}", schema: main, threads: 1}
"""
MODELS = {
    "first/days.sql": "select cast('{{ var(\"as_of_date\") }}' as date) as as_of_date, '{{ env_var(\"TZ\") }}' as zone",
    "first/later.sql": "select * from {{ ref('days') }}",
    "second/last.sql": "select * from {{ ref('later') }}",
    "first/models.yml": """
models:
  - name: days
    columns: [{name: as_of_date, data_tests: [not_null]}]
""",
}


@pytest.fixture
def build(settings):
    """A build of the tiny project."""
    project = settings.dbt_project
    (project / "seeds" / "price_overlay.csv").unlink()
    (project / "dbt_project.yml").write_text(PROJECT)
    (project / "profiles.yml").write_text(PROFILE)
    for name, text in MODELS.items():
        (project / "models" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "models" / name).write_text(text)
    folder = settings.builds / "000001-2025-06-03-0123abcd"
    folder.mkdir(parents=True)
    return {
        "build_id": folder.name,
        "build_dir": str(folder),
        "warehouse": str(folder / "warehouse.duckdb"),
        "as_of_date": "2025-06-03",
    }


def test_phases_build_their_own_models_with_the_clock_of_the_build(settings, build):
    before = set(settings.dbt_project.rglob("*"))
    assert run_dbt("phase_1", settings=settings, build=build) == {"success": 2, "pass": 1}
    with open_warehouse(build["warehouse"], read_only=True) as connection:
        tables = connection.execute("select table_name from information_schema.tables order by 1").fetchall()
        assert tables == [("days",), ("later",)]
        assert connection.execute("select cast(as_of_date as text), zone from days").fetchall() == [
            ("2025-06-03", "UTC")
        ]
    assert run_dbt("phase_2", settings=settings, build=build) == {"success": 1}
    assert set(settings.dbt_project.rglob("*")) == before, "dbt wrote into the project"
    assert not any(name == "dbt" or name.startswith("dbt.") for name in sys.modules), "dbt was imported here"
    assert "AI_FINOPS_WAREHOUSE" not in os.environ
    log = (Path(build["build_dir"]) / "dbt" / "phase_1" / "logs" / "dbt.log").read_text()
    assert "'send_anonymous_usage_stats': 'False'" in log


def test_failing_models_and_tests_are_named_with_their_log(settings, build):
    (settings.dbt_project / "models" / "first" / "days.sql").write_text("select cast(null as date) as as_of_date")
    (settings.dbt_project / "models" / "first" / "later.sql").write_text("select no_such from (select 1 as one)")
    with pytest.raises(BuildError, match=r"phase_1 failed in 2 nodes .*no_such.*logs/dbt\.log") as caught:
        run_dbt("phase_1", settings=settings, build=build)
    assert "model.tiny.later" in str(caught.value)
    assert "test.tiny.not_null_days_as_of_date" in str(caught.value)


def test_project_that_does_not_parse_says_so(settings, build):
    (settings.dbt_project / "models" / "first" / "days.sql").write_text("select {{ ref('nowhere') }}")
    with pytest.raises(BuildError, match=r"dbt phase_1 could not run: .*nowhere"):
        run_dbt("phase_1", settings=settings, build=build)


def test_phase_without_models_is_an_error(tmp_path):
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"success": True, "exception": "None", "counts": {}, "failed": []}))
    with pytest.raises(BuildError, match="selected nothing: no node of the project has tag phase_2"):
        dbt._counted(report, phase="phase_2", output="", log=tmp_path / "dbt.log")


def test_dbt_that_does_not_start_says_so(settings, build, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BuildError, match="ended without a report: no output"):
        run_dbt("phase_1", settings=settings, build=build)


def test_unknown_phase_is_refused(settings, build):
    with pytest.raises(BuildError, match="'phase_3' is not one of phase_1, phase_2"):
        run_dbt("phase_3", settings=settings, build=build)


def test_report_of_a_run_before_is_not_taken_for_this_one(settings, build, monkeypatch):
    report = Path(build["build_dir"]) / "dbt" / "phase_1" / "report.json"
    report.parent.mkdir(parents=True)
    report.write_text(json.dumps({"success": True, "exception": "", "counts": {"success": 9}, "failed": []}))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BuildError, match="without a report"):
        run_dbt("phase_1", settings=settings, build=build)


def test_what_dbt_says_is_in_the_log_as_it_comes(settings, build, caplog):
    caplog.set_level("INFO", logger="ai_finops.build.dbt")
    run_dbt("phase_1", settings=settings, build=build)
    said = [record.getMessage() for record in caplog.records]
    assert any("OK created sql table model main.days" in line for line in said)
    kept = Path(build["build_dir"]) / "dbt" / "phase_1" / "output.txt"
    assert said == [line.rstrip() for line in kept.read_text().splitlines()]


def test_a_stopped_task_takes_its_dbt_along(settings, build, monkeypatch):
    class Stopped(BaseException):
        """What a task that is told to stop is thrown."""

    def stop(*_):
        raise Stopped

    monkeypatch.setattr(dbt.logger, "info", stop)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(Stopped):
        run_dbt("phase_1", settings=settings, build=build)
    assert set(psutil.Process().children(recursive=True)) == before
    assert not (Path(build["build_dir"]) / "dbt" / "phase_1" / "report.json").exists(), "dbt went on to its end"


def parse_ahead(settings, monkeypatch):
    """Do what `make manifest` does, for the project of the test."""
    monkeypatch.setenv("AI_FINOPS_DBT_PROJECT", str(settings.dbt_project))
    monkeypatch.setenv("TZ", "UTC")
    command = [sys.executable, "-m", "ai_finops.build.parse_process"]
    parsed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert parsed.returncode == 0, parsed.stdout + parsed.stderr
    assert parsed_project(settings.dbt_project).is_file()


def test_a_project_that_was_parsed_is_not_parsed_again(settings, build, monkeypatch, tmp_path):
    word = Path("seeds") / "words.csv"
    (settings.dbt_project / word).write_text("word\nours\n")
    parse_ahead(settings, monkeypatch)
    # Copied since, as into an image: what is read is the copy's.
    settings = replace(settings, dbt_project=shutil.copytree(settings.dbt_project, tmp_path / "copy"))
    (tmp_path / "dbt_project" / word).write_text("word\nanother\n")
    for phase in ("phase_1", "phase_2"):
        run_dbt(phase, settings=settings, build=build)
        log = (Path(build["build_dir"]) / "dbt" / phase / "logs" / "dbt.log").read_text()
        assert "no changes found, skipping parsing" in log
    with open_warehouse(build["warehouse"], read_only=True) as connection:
        # The clock is that of the build, of which the parse knew nothing.
        assert connection.execute("select cast(as_of_date as text) from last").fetchall() == [("2025-06-03",)]
        assert connection.execute("select word from words").fetchall() == [("ours",)]


def test_what_has_changed_since_the_parse_is_read_again(settings, build, monkeypatch):
    parse_ahead(settings, monkeypatch)
    later = settings.dbt_project / "models" / "first" / "later.sql"
    later.write_text("select date '1999-12-31' as as_of_date from {{ ref('days') }}")
    run_dbt("phase_1", settings=settings, build=build)
    with open_warehouse(build["warehouse"], read_only=True) as connection:
        assert connection.execute("select cast(as_of_date as text) from later").fetchall() == [("1999-12-31",)]
