"""The way from MetricFlow to the published marts: read only, one build, nobody blocked, and a sentence where there are none."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ai_finops import cli
from ai_finops.config import Settings
from ai_finops.errors import PublishError
from ai_finops.publish import publish
from ai_finops.publish.metrics import ask_metrics
from ai_finops.publish.reading import show_marts
from tests.publish.test_swap import make_passed


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "it's here")})


@pytest.fixture
def marts(settings):
    publish(settings=settings, build=make_passed(settings))
    return settings.published / "current" / "marts.duckdb"


def test_marts_have_the_names_of_a_build_and_cannot_be_written(marts):
    with duckdb.connect() as connection:
        show_marts(connection, marts=marts)
        show_marts(connection, marts=marts)
        assert connection.execute('select count(*) from "warehouse"."marts"."fct_llm_calls"').fetchone() == (27,)
        with pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("delete from published.main.fct_llm_calls")


def test_a_reader_stays_on_its_build_and_blocks_nobody(settings, marts):
    with duckdb.connect() as reader:
        show_marts(reader, marts=marts)
        published = publish(settings=settings, build=make_passed(settings, number=2))
        ask = 'select build_id from "warehouse"."marts"."dim_builds"'
        assert reader.execute(ask).fetchone() == ("000001-2025-06-11-0123abcd",)
        with duckdb.connect(str(Path(published["path"]) / "marts.duckdb"), read_only=True) as other:
            assert other.execute("select build_id from dim_builds").fetchone() == ("000002-2025-06-11-0123abcd",)


@pytest.mark.parametrize("place", ["", "nowhere/marts.duckdb"])
def test_without_marts_it_says_so(place):
    with duckdb.connect() as connection, pytest.raises(PublishError, match="set AI_FINOPS_MARTS to a marts"):
        show_marts(connection, marts=place)


def test_before_anything_is_published(settings):
    with pytest.raises(PublishError, match="nothing is published"):
        ask_metrics(["list", "metrics"], settings=settings)


def test_before_the_project_is_parsed(settings, marts, tmp_path):
    elsewhere = Settings.from_env({"AI_FINOPS_HOME": str(settings.home), "AI_FINOPS_DBT_PROJECT": str(tmp_path)})
    with pytest.raises(PublishError, match=r"semantic_manifest\.json is missing; run make manifest"):
        ask_metrics(["list", "metrics"], settings=elsewhere)


def test_the_verb_is_mf(settings, marts, monkeypatch, capfd):
    monkeypatch.setenv("AI_FINOPS_HOME", str(settings.home))
    asked = "query --metrics allocated_cost_usd --group-by feature --order feature --decimals 2 --quiet"
    assert cli.main(["metrics", *asked.split()]) == 0
    lines = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert lines[0] == ["feature", "allocated_cost_usd"]
    assert lines[2:] == [["chat", "18.00"], ["search", "4.50"], ["unattributed", "2.25"]]
    assert cli.main(["metrics", "query", "--metrics", "allocated_costs"]) == 1
