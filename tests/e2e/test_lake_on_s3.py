"""The demo with its lake on S3 and its traces in shards: real scheduler, the local AWS over HTTP, the same message."""

from __future__ import annotations

import json

import pytest

from ai_finops.config import REPOSITORY
from ai_finops.demo import run
from ai_finops.demo.progress import Progress
from ai_finops.demo.run import running_pipeline

PLACE = "s3://the-lake/of-the-demo"


@pytest.mark.long
@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_the_demo_with_its_lake_on_s3_says_what_it_says_with_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_RUN_SECONDS", 2400.0)  # on a machine that does much else
    more_env = {"AI_FINOPS_LAKE": PLACE, "AI_FINOPS_TRACE_SHARDS": "3"}
    with running_pipeline(home=tmp_path / "demo", progress=Progress(), more_env=more_env) as pipeline:
        result = pipeline.run()
        settings, s3 = pipeline.settings, pipeline.clients["s3"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="the-lake")
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        (of_day,) = pipeline.api.runs("extract_traces")
        tasks = {task["task_id"]: task["state"] for task in pipeline.api.tasks("extract_traces", of_day["dag_run_id"])}
    shown = json.loads((REPOSITORY / "docs" / "images" / "weekly_message.json").read_text())
    assert json.loads((settings.published / "reviews" / f"{result.week}.json").read_text()) == shown
    assert str(settings.lake) == PLACE
    assert not (settings.home / "lake").exists()
    assert {key.split("/")[1] for key in keys} >= {"data", "outcomes", "runs"}
    assert not [key for key in keys if key.split("/")[1] == "shards"]
    assert tasks == dict.fromkeys(("plan_traces", "land_shard", "join_shards", "record_outcome"), "success")
