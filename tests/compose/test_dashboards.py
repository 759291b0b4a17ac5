"""Grafana's files: what they refer to is there, and each query is one that Prometheus can read."""

import csv
import json
import re
import shutil
import subprocess

import pytest
import yaml

from ai_finops.alarms.metrics import prometheus_name
from ai_finops.config import REPOSITORY
from tests.compose import dashboards
from tests.compose.compose_file import DEPLOY, services

FILES = dashboards.files()


def test_there_are_dashboards():
    assert FILES == ["ai_cost.json", "ai_pipeline.json"]
    assert len({dashboards.dashboard(name)["uid"] for name in FILES}) == len(FILES)


def test_the_data_source_is_the_prometheus_of_the_file():
    (source,) = yaml.safe_load((DEPLOY / "grafana/datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090" and "prometheus" in services()
    used = {
        each["datasource"]["uid"]
        for name in FILES
        for panel in dashboards.panels(name)
        for each in (panel, *panel["targets"])
    }
    assert used == {source["uid"]}


def test_grafana_finds_them():
    (provider,) = yaml.safe_load((DEPLOY / "grafana/providers/dashboards.yaml").read_text())["providers"]
    mounts = dict(mount.split(":")[:2] for mount in services()["grafana"]["volumes"])
    assert mounts["./plugins/ai_finops/deploy/grafana/dashboards"] == provider["options"]["path"]
    home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{provider['options']['path']}/") in FILES


@pytest.mark.parametrize("name", FILES)
def test_structure(name):
    board = dashboards.dashboard(name)
    assert {"uid", "title", "schemaVersion", "panels", "time", "templating"} <= set(board)
    assert board["editable"] is False and board["timezone"] == "utc"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboards.panels(name):
        assert panel["title"] and panel["description"].endswith("."), panel["title"]
        assert panel["targets"] and len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            assert target["instant"] != target["range"]


@pytest.mark.parametrize("name", FILES)
def test_no_panel_lies_on_another(name):
    taken = set()
    for panel in dashboards.dashboard(name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", FILES)
def test_variables_of_queries_are_defined(name):
    board = dashboards.dashboard(name)
    known = {each["name"] for each in board["templating"]["list"]} | {"__rate_interval", "__range"}
    used = {
        word
        for panel in dashboards.panels(name)
        for each in panel["targets"]
        for word in re.findall(r"\$(\w+)", each["expr"])
    }
    assert used <= known


def test_thresholds_are_those_of_the_seed():
    with (REPOSITORY / "dbt_project/seeds/metric_thresholds.csv").open() as file:
        bounds = {
            (prometheus_name(row["metric_name"]), row["dimension"]): {
                float(row["healthy_bound"]),
                float(row["warning_bound"]),
            }
            for row in csv.DictReader(file)
        }
    checked = 0
    for panel in dashboards.panels("ai_cost.json"):
        custom = panel["fieldConfig"]["defaults"].get("custom", {})
        if "thresholdsStyle" not in custom:
            continue
        drawn = {step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]} - {None}
        (metric, labels), *_ = re.findall(r"(ai_finops_\w+)\{([^}]*)\}", panel["targets"][0]["expr"])
        wanted = re.search(r'slice=~?"([^"]*)"', labels)[1]
        meant = [
            drawn_by
            for (name, dimension), drawn_by in bounds.items()
            if name == metric and re.fullmatch(wanted, dimension)
        ]
        assert meant and all(each == drawn for each in meant), panel["title"]
        checked += 1
    assert checked == 6


def test_prometheus_reads_each_query(tmp_path):
    """promtool has no verb for a query alone, so each is the expression of a rule."""
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    expressions = dashboards.expressions()
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions)]
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", tmp_path / "rules.yaml"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(expressions)} rules found" in done.stdout
