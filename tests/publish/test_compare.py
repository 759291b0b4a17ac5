"""Comparing two builds: content counts, the run does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_finops.build.raw_views import open_warehouse
from ai_finops.errors import PublishError
from ai_finops.publish import RUN_COLUMNS, compare_builds, publish, resolve_build
from tests.publish.test_swap import make_passed


@pytest.fixture
def builds(settings):
    """Two published builds of the same content."""
    published = [publish(settings=settings, build=make_passed(settings, number=number)) for number in (1, 2)]
    return tuple(Path(one["path"]) for one in published)


def edit(folder: Path, *statements: str) -> None:
    with open_warehouse(folder / "marts.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def test_same_content_has_no_differences(builds):
    assert compare_builds(*builds) == []
    assert compare_builds(builds[0], builds[0]) == []


def test_run_columns_are_left_out(builds):
    edit(
        builds[1],
        "update marts.fct_daily_extract_outcomes set extracted_at = extracted_at + interval 1 hour",
        "update marts.dim_builds set duckdb_version = '9.9'",
    )
    assert compare_builds(*builds) == []


def test_other_columns_of_the_same_marts_are_not(builds):
    edit(builds[1], "update marts.dim_builds set inputs_sha256 = 'other'")
    assert [difference.mart for difference in compare_builds(*builds)] == ["dim_builds"]


def test_changed_value_is_shown(builds):
    edit(
        builds[1],
        "update marts.fct_daily_feature_costs set allocated_cost_usd = 2.000001 "
        "where usage_date = '2025-06-05' and feature_id = 'chat'",
    )
    (difference,) = compare_builds(*builds)
    assert difference.mart == "fct_daily_feature_costs"
    assert "1 rows only in the first build, 1 only in the second" in difference.what
    assert "usage_date=2025-06-05, feature_id=chat" in difference.what


def test_doubled_row_is_a_difference(builds):
    edit(builds[1], "insert into marts.fct_cost_drivers from marts.fct_cost_drivers where feature_id = 'chat'")
    (difference,) = compare_builds(*builds)
    assert "0 rows only in the first build, 1 only in the second; one of the second" in difference.what


def test_lost_mart_and_changed_type_are_differences(builds):
    edit(
        builds[1],
        "drop table marts.fct_cost_drivers",
        "create table marts.fct_extra as select 1 as one",
        "alter table marts.fct_daily_metrics alter value type decimal(18, 6)",
    )
    assert [str(difference) for difference in compare_builds(*builds)] == [
        "fct_cost_drivers: only in the first build",
        "fct_daily_metrics: columns differ in value",
        "fct_extra: only in the second build",
    ]


def test_folder_that_is_no_build_is_refused(builds, tmp_path):
    with pytest.raises(PublishError, match="is not a published build"):
        compare_builds(builds[0], tmp_path)


def test_builds_are_found_by_id_path_and_current(settings, builds):
    assert resolve_build(settings, builds[0].name) == builds[0]
    assert resolve_build(settings, str(builds[0])) == builds[0]
    assert resolve_build(settings, "current") == builds[1]
    with pytest.raises(PublishError, match=r"no published build 'nine' .*there are: 000001-"):
        resolve_build(settings, "nine")


def test_run_columns_exist(builds):
    with open_warehouse(builds[0] / "marts.duckdb", read_only=True) as connection:
        rows = connection.execute("select table_name, column_name from information_schema.columns").fetchall()
    assert {(mart, column) for mart, columns in RUN_COLUMNS.items() for column in columns} <= set(rows)
