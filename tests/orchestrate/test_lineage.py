"""What tasks tell OpenLineage, and that nothing of it is loaded where it is off."""

import json
import os
import subprocess
import sys

import pytest

from ai_finops.config import Settings
from ai_finops.orchestrate.lineage import builds_uri, is_switched_on, lake_uris, marts_uri, source_uris

TELL = """
import json, sys
from ai_finops.orchestrate.lineage import tell_lineage
tell_lineage(object(), reads=["s3://bucket/otlp"], writes=["file:///lake/data/traces"])
heavy = ("openlineage.", "airflow.sdk.lineage", "airflow.providers.amazon.aws")
print(json.dumps(sorted(name for name in sys.modules if name.startswith(heavy))))
if len(sys.argv) > 1:
    from airflow.sdk.lineage import get_hook_lineage_collector
    found = get_hook_lineage_collector().collected_assets
    print(json.dumps([[each.asset.uri for each in side] for side in (found.inputs, found.outputs)]))
"""


def told(*arguments, **env):
    done = subprocess.run(
        [sys.executable, "-c", TELL, *arguments], env=os.environ | env, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def test_where_it_is_off_nothing_is_loaded():
    assert told() == [[]]


@pytest.mark.long
def test_where_it_is_on_airflows_collector_has_what_the_task_said():
    transport = json.dumps({"type": "console"})
    _, found = told("show", AIRFLOW__OPENLINEAGE__TRANSPORT=transport)
    assert found == [["s3://bucket/otlp"], ["file:///lake/data/traces"]]


def test_places_have_names_that_stay_from_day_to_day(tmp_path):
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path)})
    assert source_uris(settings, "traces") == ["s3://ai-traces/otlp"]
    assert source_uris(settings, "cloudwatch") == []
    assert lake_uris(settings, ["traces", "billing"]) == [
        f"file://{tmp_path}/lake/data/traces",
        f"file://{tmp_path}/lake/data/billing",
    ]
    assert (builds_uri(settings), marts_uri(settings)) == (
        f"file://{tmp_path}/builds",
        f"file://{tmp_path}/published/current/marts.duckdb",
    )


def test_a_lake_on_s3_is_named_by_its_uri(tmp_path):
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path), "AI_FINOPS_LAKE": "s3://the-lake/of-us"})
    assert lake_uris(settings, ["traces"]) == ["s3://the-lake/of-us/data/traces"]


@pytest.mark.parametrize("url", ["", "http://lineage:5000"])
def test_it_is_on_where_it_has_somewhere_to_send_to(monkeypatch, url):
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    assert is_switched_on() == bool(url)
