"""Each service of docker-compose.yaml that has a program here is started by its own command, and used for two weeks of days.

Airflow's five processes with the CeleryExecutor, PostgreSQL, Redis, moto, node_exporter and Prometheus run in a closed room
(room.py) as the users of the file, without capabilities, on a root that is read-only. Grafana and the collector have no program
here; docs/deployment.md says so.
"""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ai_finops.config import REPOSITORY
from ai_finops.demo.run import DAG_IDS
from tests.compose import dashboards
from tests.compose.compose_file import services
from tests.compose.room import copy_of_repository, missing, unshared
from tests.publish.postgres_cluster import find_program

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
PROGRAMS = ("redis-server", "prometheus", "prometheus-node-exporter")
NEVER_STARTED = {"grafana", "otel-collector"}
ENDED = {"airflow-init", "demo-data"}
UNMEASURED = "ai_finops_retrieval_hit_document_ratio"
"""The sample has too few answers that cite for a value of it (fct_daily_metrics: insufficient)."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    lacking = missing() or next((f"{each} is not installed" for each in PROGRAMS if not shutil.which(each)), None)
    lacking = lacking or (None if find_program("postgres") else "postgres is not installed (Debian: postgresql)")
    if lacking:
        pytest.skip(lacking)
    folder = tmp_path_factory.mktemp("compose")
    image = copy_of_repository(folder)
    if packages := os.environ.get("TRY_PACKAGES_FROM"):  # another release of something, before those installed
        shutil.copytree(packages, image / "packages")
    env = os.environ | ({"TRY_PACKAGES": "/opt/ai-finops/packages"} if packages else {})
    command = unshared([sys.executable, "-m", "tests.compose.inside", str(folder), str(image)])
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    yield SimpleNamespace(**json.loads((folder / "seen.json").read_text()))
    shutil.rmtree(folder, ignore_errors=True)


def test_all_went_well(seen):
    assert seen.failed is None, seen.failed
    print(json.dumps(seen.healthy_after_seconds))  # -s shows it; docs/deployment.md has the last ones


def test_each_service_with_a_program_became_healthy(seen):
    assert set(seen.healthy_after_seconds) == set(services()) - NEVER_STARTED


def test_each_health_check_still_passes_at_the_end(seen):
    assert seen.checks == dict.fromkeys(set(services()) - NEVER_STARTED - ENDED, "")


def test_the_cluster_loaded_a_history_and_built_a_day(seen):
    assert set(seen.tasks) <= set(DAG_IDS)
    assert seen.tasks["load_history"]["build_history"] == "success"
    assert seen.tasks["build_marts"]["sync_alarms"] == "success"
    assert not {"failed", "upstream_failed"} & {state for tasks in seen.tasks.values() for state in tasks.values()}


def test_nobody_signs_in_with_a_usual_password(seen):
    assert seen.sign_in_without_password == 401


def test_values_and_rules_reached_prometheus(seen):
    assert seen.files == ["ai_finops.prom", "ai_finops.rules.yml"]
    assert {each["job"]: each["health"] for each in seen.targets} == {
        "ai_finops": "up",
        "airflow": "up",
        "prometheus": "up",
        "otel-collector": "down",  # nobody listens on 8888 here
    }
    groups = {group["name"]: group["rules"] for group in seen.rules}
    assert len(groups["ai_finops"]) > 8 and len(groups["ai_finops_machinery"]) == 3
    assert {rule["health"] for rules in groups.values() for rule in rules} == {"ok"}


def test_each_panel_has_data(seen):
    """But those on the collector's own metrics, which only a collector can say, and on what the sample has too little of."""
    assert set(seen.queries) == set(dashboards.expressions())
    assert {each["status"] for each in seen.queries.values()} == {"success"}
    empty = {expr for expr, answer in seen.queries.items() if answer["count"] == 0}
    assert empty == {expr for expr in seen.queries if "otelcol_" in expr or UNMEASURED in expr}
