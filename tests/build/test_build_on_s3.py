"""A build of a lake on S3 reads what one of the same lake in a folder does, and has the same marts."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import boto3
import duckdb
import pytest

from ai_finops import aws
from ai_finops.build import build_all, prepare
from ai_finops.config import Settings
from ai_finops.demo.account import create_account
from ai_finops.demo.deliver import deliver
from ai_finops.demo.local_aws import local_aws
from ai_finops.demo.sample import load_sample
from ai_finops.extract.history import land_days
from ai_finops.lake_bucket import Bucket
from ai_finops.publish import compare_builds
from tests.build.tiny_lake import land_traces, record

MONDAY, TUESDAY = date(2025, 6, 2), date(2025, 6, 3)
PLACES = ("folder", "s3")


@pytest.fixture(scope="module")
def local():
    with local_aws() as running:
        yield running


@pytest.fixture
def deployments(local, tmp_path, monkeypatch) -> dict[str, Settings]:
    """Two deployments, one with its lake in a folder and one with its lake on S3."""
    for name, value in local.env().items():
        monkeypatch.setenv(name, value)
    lakes = {"folder": "", "s3": f"s3://the-lake/{tmp_path.name}"}
    made = {
        place: Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / place), "AI_FINOPS_LAKE": lakes[place]})
        for place in PLACES
    }
    aws.client("s3", settings=made["s3"]).create_bucket(Bucket="the-lake")
    return made


def raw_rows(build: dict[str, str]) -> dict[str, list[tuple]]:
    """All rows of schema `raw`, by table."""
    with duckdb.connect(build["warehouse"], read_only=True) as connection:
        names = connection.execute("select table_name from information_schema.tables where table_schema = 'raw'")
        return {name: connection.execute(f"from raw.{name} order by all").fetchall() for (name,) in names.fetchall()}


def test_the_same_lake_gives_the_same_raw_rows_and_only_what_is_new_is_fetched(deployments, fetched, tmp_path):
    prepared = {}
    for place, settings in deployments.items():
        land_traces(settings, MONDAY, span_ids=("a1", "a2"))
        land_traces(settings, TUESDAY, span_ids=("b1",))
        record(settings, "billing", TUESDAY, status="missing")
        # Not the machine that landed the days: it has no copies.
        settings = replace(settings, lake_copies=tmp_path / "copies of another machine")
        prepared[place] = prepare(settings=settings)
    assert prepared["s3"]["build_id"] == prepared["folder"]["build_id"]  # the hash of all inputs is in it
    rows = {place: raw_rows(prepared[place]) for place in PLACES}
    assert rows["s3"] == rows["folder"]
    assert len(rows["s3"]["traces_spans"]) == 3 and len(rows["s3"]["prices"]) > 100
    assert days_of(fetched) == {str(MONDAY), str(TUESDAY)}
    fetched.clear()
    land_traces(deployments["s3"], TUESDAY, span_ids=("other",))
    assert prepare(settings=settings)["build_id"] != prepared["s3"]["build_id"]
    assert days_of(fetched) == {str(TUESDAY)}


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """The keys of the files that are fetched, in order."""
    keys, download = [], Bucket.download
    monkeypatch.setattr(Bucket, "download", lambda self, key, *, to: keys.append(key) or download(self, key, to=to))
    return keys


def days_of(keys: list[str]) -> set[str]:
    """The days of the partitions among them."""
    return {key.split("/")[2] for key in keys if key.startswith("data/")}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_sample_is_published_from_s3_as_from_a_folder(deployments, capsys):
    sample = load_sample()
    clients = {name: boto3.client(name) for name in ("s3", "cloudwatch")}
    create_account(clients, deployments["folder"])
    deliver(sample, first=sample.first_day, last=sample.last_day, clients=clients, settings=deployments["folder"])
    published = {}
    for place, settings in deployments.items():
        started = time.perf_counter()
        for source in settings.sources:
            land_days(source, first=sample.first_day, last=sample.last_day, settings=settings)
        landed = time.perf_counter()
        published[place] = build_all(settings=settings)
        with capsys.disabled():
            built = time.perf_counter()
            print(f"\n{place}: landed in {landed - started:.1f} s, built and published in {built - landed:.1f} s")
    folders = [deployments[place].published / "builds" / published[place]["build_id"] for place in PLACES]
    assert compare_builds(*folders) == []
    assert published["s3"]["published"]["row_counts"] == published["folder"]["published"]["row_counts"]
