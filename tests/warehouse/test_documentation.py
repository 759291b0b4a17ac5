"""dbt's documentation can be built, and says something of every mart and each of its columns."""

from __future__ import annotations

import json

from ai_finops.build.marts import MARTS
from tests.warehouse import worked_days
from tests.warehouse.tiny_lake import run_dbt


def test_every_mart_is_documented_column_by_column(warehouse):
    built = run_dbt(warehouse, "docs", "generate", "--static", as_of_date=worked_days.AS_OF_DATE)
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    target = warehouse.parent / "target"
    assert (target / "static_index.html").stat().st_size > 1_000_000
    manifest = json.loads((target / "manifest.json").read_text())
    nodes, disabled = manifest["nodes"], manifest["disabled"]
    catalog = json.loads((target / "catalog.json").read_text())["nodes"]
    for mart in MARTS:
        node = nodes[f"model.ai_finops.{mart}"]
        documented = {name for name, column in node["columns"].items() if column["description"].strip()}
        assert node["description"].strip(), mart
        assert documented == set(catalog[f"model.ai_finops.{mart}"]["columns"]), mart
        assert node["config"]["contract"]["enforced"], mart
        assert node["raw_code"].startswith("{#") and "Grain: one row per" in node["raw_code"].split("#}")[0], mart
        tests = [
            test["name"]
            for tests in disabled.values()
            for test in tests
            if test.get("attached_node") == node["unique_id"]
        ]
        assert any(name.startswith("keeps_its_not_nulls") for name in tests), (
            f"{mart}: on Spark nothing holds its not_nulls"
        )
    made = {node["name"] for node in nodes.values() if node["resource_type"] == "model" and node["schema"] == "marts"}
    assert made == set(MARTS)
