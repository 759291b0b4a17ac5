"""Publishing: one whole build before, one whole build after, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.analyse.schemas import PROJECTIONS, SAVINGS
from ai_finops.build.issued import find_issued
from ai_finops.build.stations import newest_runs, note
from ai_finops.errors import BuildError, OlderBuild, PublishError
from ai_finops.lake import Lake
from ai_finops.orchestrate.publishing import publish_or_give_way
from ai_finops.publish import compare_builds, current_build, open_published, publish, swap
from ai_finops.quality.verdict import fingerprint, record_verdict
from tests import sql
from tests.quality.tiny_marts import change, make_build

STEPS = ("write_marts", "sync", "Path.rename", "_keep_issued", "keep_runs", "Path.symlink_to", "Path.replace")


def make_passed(settings, *, number: int = 1) -> dict[str, str]:
    """Make a build and say that its audit passed; the audit itself is tested elsewhere."""
    build = make_build(settings, number=number)
    pass_audit(build)
    return build


def pass_audit(build) -> None:
    looked_at = fingerprint(Path(build["warehouse"]))
    record_verdict(build, is_passed=True, summary={"data_docs": "index.html"}, looked_at=looked_at)


def test_publish_writes_one_build_as_duckdb_and_parquet(settings):
    build = make_passed(settings)
    published = publish(settings=settings, build=build)
    current = settings.published / "current"
    assert os.readlink(current) == f"builds/{build['build_id']}"
    assert published["path"] == str(current.resolve())
    assert published["row_counts"]["fct_llm_calls"] == 27
    assert published["row_counts"]["dim_builds"] == 1
    with open_published(settings) as connection:
        tables = connection.execute("select table_name from information_schema.tables").fetchall()
        assert sorted(tables) == sorted((mart,) for mart in published["row_counts"])
        assert (
            connection.execute("from fct_llm_calls").fetchall()
            == connection.execute("from marts.fct_llm_calls").fetchall()
        )
        for mart, row_count in published["row_counts"].items():
            parquet = str(current / f"{mart}.parquet")
            in_file = connection.execute("select count(*) from read_parquet(?)", [parquet]).fetchone()[0]
            in_table = connection.execute(f"select count(*) from marts.{mart}").fetchone()[0]
            assert in_table == in_file == row_count
            assert connection.execute(
                f"select count(*) from (from marts.{mart} except all from read_parquet('{parquet}'))"
            ).fetchone() == (0,)


def test_dim_builds_says_which_build_it_is(settings):
    publish(settings=settings, build=make_passed(settings))
    with open_published(settings) as connection:
        row = connection.execute("select build_id, cast(as_of_date as text), project_version from marts.dim_builds")
        assert row.fetchall() == [("000001-2025-06-11-0123abcd", "2025-06-11", "0.1.0")]


def test_rows_are_ordered_by_grain(settings):
    build = make_build(settings)
    change(
        build,
        "create table shuffled as from marts.fct_llm_calls order by hash(call_id)",
        "drop table marts.fct_llm_calls",
        "create table marts.fct_llm_calls as from shuffled",
        "drop table shuffled",
    )
    pass_audit(build)
    publish(settings=settings, build=build)
    with open_published(settings) as connection:
        ids = [row[0] for row in connection.execute("select call_id from marts.fct_llm_calls").fetchall()]
    assert ids == sorted(ids)


def test_columns_that_the_contract_says_are_not_null_stay_so(settings):
    build = make_build(settings)
    change(build, "alter table marts.fct_daily_feature_costs alter column feature_id set not null")
    pass_audit(build)
    publish(settings=settings, build=build)
    with open_published(settings) as connection:
        columns = connection.execute(
            "select column_name, is_nullable from information_schema.columns "
            "where table_name = 'fct_daily_feature_costs' and column_name in ('feature_id', 'usage_date') order by 1"
        ).fetchall()
    assert columns == [("feature_id", "NO"), ("usage_date", "YES")]


def test_marts_file_has_the_storage_version_of_every_duckdb_1(settings):
    publish(settings=settings, build=make_passed(settings))
    header = (settings.published / "current" / "marts.duckdb").read_bytes()[:20]
    # Eight bytes of checksum, "DUCK", then the storage version: 64 since DuckDB 0.9, more in files for later ones only.
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64


def test_new_days_are_those_the_build_before_did_not_hold(settings):
    first = make_build(settings)
    change(
        first,
        "delete from raw.extract_outcomes where landing_date = '2025-06-10'",
        "delete from raw.extract_outcomes where landing_date = '2025-06-09' and source = 'billing'",
    )
    pass_audit(first)
    days = [f"2025-06-0{day}" for day in range(2, 9)]
    assert publish(settings=settings, build=first)["new_days"] == days
    second = make_passed(settings, number=2)
    assert publish(settings=settings, build=second)["new_days"] == ["2025-06-09", "2025-06-10"]
    assert publish(settings=settings, build=second)["new_days"] == ["2025-06-09", "2025-06-10"]


def test_a_day_on_which_every_source_failed_is_new_once_they_are_mended(settings):
    # The build's clock stands at 11 June: nothing came of that day.
    failed = "insert into raw.extract_outcomes select * replace (date '2025-06-11' as landing_date) "
    failed += "from raw.extract_outcomes where landing_date = '2025-06-10'"
    build = make_build(settings)
    change(build, failed)
    pass_audit(build)
    published = publish(settings=settings, build=build)
    assert (published["as_of_date"], published["new_days"][-1]) == ("2025-06-11", "2025-06-10")
    mended = make_build(settings, number=2, as_of=date(2025, 6, 12))
    change(mended, failed)
    pass_audit(mended)
    assert publish(settings=settings, build=mended)["new_days"] == ["2025-06-11"]


def test_publishing_again_changes_nothing(settings):
    build = make_passed(settings)
    publish(settings=settings, build=build)
    before = {path: path.stat().st_mtime_ns for path in current_build(settings).iterdir()}
    publish(settings=settings, build=build)
    assert {path: path.stat().st_mtime_ns for path in current_build(settings).iterdir()} == before


def test_unaudited_failed_or_changed_build_is_refused(settings):
    build = make_build(settings)
    with pytest.raises(PublishError, match="has not been audited"):
        publish(settings=settings, build=build)
    record_verdict(build, is_passed=False, summary={"data_docs": "docs/index.html"}, looked_at={})
    with pytest.raises(PublishError, match=r"did not pass its audit; see docs/index\.html"):
        publish(settings=settings, build=build)
    pass_audit(build)
    change(build, "delete from marts.fct_llm_calls")
    with pytest.raises(PublishError, match="written to after its audit"):
        publish(settings=settings, build=build)
    assert current_build(settings) is None


def test_older_build_does_not_replace_a_newer_one(settings):
    old, new = make_passed(settings), make_passed(settings, number=2)
    publish(settings=settings, build=new)
    with pytest.raises(OlderBuild, match=r"000001-\S+ was prepared before 000002-"):
        publish(settings=settings, build=old)
    assert current_build(settings).name == new["build_id"]
    # A DAG leaves the newer one in place, says which it is, and announces no day for it.
    published = publish_or_give_way(settings=settings, build=old)
    assert (published["build_id"], published["new_days"]) == (new["build_id"], [])
    assert published["as_of_date"] == new["as_of_date"]


def test_last_five_builds_are_kept(settings):
    for number in range(1, 8):
        publish(settings=settings, build=make_passed(settings, number=number))
    kept = sorted(path.name[:6] for path in (settings.published / "builds").iterdir())
    assert kept == ["000003", "000004", "000005", "000006", "000007"]


def test_current_is_kept_however_old(settings):
    old = make_passed(settings)
    publish(settings=settings, build=old)
    builds = settings.published / "builds"
    for number in range(2, 9):
        folder = builds / f"{number:06d}-2025-06-11-0123abcd"
        folder.mkdir()
        (folder / "build.json").write_text("{}")
    publish(settings=settings, build=old)
    assert sorted(path.name[:6] for path in builds.iterdir()) == [
        "000001",
        "000004",
        "000005",
        "000006",
        "000007",
        "000008",
    ]


def test_reader_of_the_build_before_is_not_disturbed(settings):
    publish(settings=settings, build=make_passed(settings))
    with open_published(settings) as reader:
        publish(settings=settings, build=make_passed(settings, number=2))
        assert reader.execute("select build_id from marts.dim_builds").fetchone()[0].startswith("000001")
    with open_published(settings) as reader:
        assert reader.execute("select build_id from marts.dim_builds").fetchone()[0].startswith("000002")


def test_nothing_published_is_said_in_a_sentence(settings):
    with pytest.raises(PublishError, match="nothing is published in"):
        open_published(settings)


def test_damaged_marts_are_said_in_a_sentence(settings):
    published = publish(settings=settings, build=make_passed(settings))
    Path(published["path"], "marts.duckdb").write_bytes(b"not a database")
    with pytest.raises(PublishError, match=r"the published marts are damaged, publish again: .* cannot be opened"):
        open_published(settings)


@pytest.mark.parametrize("name", ["marts.duckdb", "dim_builds.parquet", "build.json"])
@pytest.mark.parametrize("how", ["cut off", "another bit", "removed"])
def test_publishing_again_puts_damaged_files_right(settings, name, how):
    build = make_passed(settings)
    before = publish(settings=settings, build=build)
    file = Path(before["path"], name)
    data = file.read_bytes()
    if how == "removed":
        file.unlink()
    else:
        middle = len(data) // 2
        file.write_bytes(
            data[:middle] if how == "cut off" else data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        )
    assert publish(settings=settings, build=build) == before | {"new_days": before["new_days"]}
    assert_whole(settings, number=1)
    assert not list(settings.published.rglob(".writing-*"))


@pytest.mark.parametrize("step", STEPS)
def test_disk_error_leaves_the_build_before(settings, monkeypatch, step):
    publish(settings=settings, build=make_passed(settings))
    build = make_passed(settings, number=2)

    def refuse(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        target = Path if step.startswith("Path.") else swap
        broken.setattr(target, step.removeprefix("Path."), refuse)
        with pytest.raises(PublishError, match="No space left on device; what was published before is still there"):
            publish(settings=settings, build=build)
    assert_whole(settings, number=1)
    publish(settings=settings, build=build)
    assert_whole(settings, number=2)
    assert not list(settings.published.rglob(".writing-*"))
    assert not list(settings.published.glob(".current-*"))


KILLED = """
import json, os, signal, sys
from pathlib import Path
from ai_finops.config import Settings
from ai_finops.publish import publish, swap

step, after = sys.argv[2], sys.argv[3] == "after"
target = Path if step.startswith("Path.") else swap
name = step.removeprefix("Path.")
real = getattr(target, name)

def die(*args, **kwargs):
    if name == "replace" and not args[0].name.startswith(".current-"):
        return real(*args, **kwargs)
    if after:
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(target, name, die)
publish(settings=Settings.from_env(), build=json.loads(sys.argv[1]))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_leaves_one_whole_build(settings, step, moment):
    publish(settings=settings, build=make_passed(settings))
    build = make_passed(settings, number=2)
    command = [sys.executable, "-c", KILLED, json.dumps(build), step, moment]
    process = subprocess.run(command, env=os.environ | {"AI_FINOPS_HOME": str(settings.home)}, check=False)
    assert process.returncode == -signal.SIGKILL
    is_moved = (step, moment) == ("Path.replace", "after")
    assert_whole(settings, number=2 if is_moved else 1)
    publish(settings=settings, build=build)
    assert_whole(settings, number=2)
    assert not list(settings.published.glob("builds/.writing-*"))
    assert not list(settings.published.glob(".current-*"))


def issue(build, *dates: date) -> None:
    """Put a projection and a saving of each of these dates of issue where the analyses put them."""
    folder = Path(build["build_dir"], "analysis")
    folder.mkdir()
    rows = [{"as_of_date": day, "feature_id": "total", "target_date": day} for day in dates]
    pq.write_table(pa.Table.from_pylist(rows, schema=PROJECTIONS), folder / "projections.parquet")
    rows = [{"as_of_date": day, "opportunity_id": "one"} for day in dates]
    pq.write_table(pa.Table.from_pylist(rows, schema=SAVINGS), folder / "savings.parquet")


def test_what_a_build_issued_is_kept_once_it_is_published(settings):
    build = make_passed(settings)
    issue(build, date(2025, 6, 10), date(2025, 6, 11))
    lake = Lake(settings.lake)
    assert lake.keys("issued") == []
    publish(settings=settings, build=build)
    kept = find_issued(lake, before=date(2025, 6, 12))
    assert [(each.source, each.key, each.row_counts) for each in kept] == [
        ("backcast", "2025-06-10", {"projections": 1, "savings": 1}),
        ("issued", "2025-06-11", {"projections": 1, "savings": 1}),
    ]
    publish(settings=settings, build=build)
    assert find_issued(lake, before=date(2025, 6, 12)) == kept


def test_how_long_a_build_took_is_kept_once_it_is_published(settings):
    build = make_passed(settings)
    note(Path(build["build_dir"]), "build_costs", seconds=2)
    lake = Lake(settings.lake)
    assert newest_runs(lake) == ()
    publish(settings=settings, build=build)
    costs, publishing = newest_runs(lake)
    assert (costs.station_name, costs.run_seconds, str(costs.run_date)) == ("build_costs", 2, "2025-06-10")
    record = json.loads((current_build(settings) / "build.json").read_text())
    assert (publishing.station_name, publishing.row_count) == ("publish_marts", sum(record["row_counts"].values()))
    publish(settings=settings, build=build)
    assert newest_runs(lake) == (costs, publishing)


def test_a_refused_build_issues_nothing(settings):
    build = make_build(settings)
    issue(build, date(2025, 6, 11))
    with pytest.raises(PublishError, match="has not been audited"):
        publish(settings=settings, build=build)
    assert Lake(settings.lake).keys("issued") == []


def test_killed_between_keeping_and_the_swap_is_as_if_nobody_had_died(settings):
    build = make_passed(settings)
    issue(build, date(2025, 6, 10), date(2025, 6, 11))
    command = [sys.executable, "-c", KILLED, json.dumps(build), "Path.symlink_to", "before"]
    process = subprocess.run(command, env=os.environ | {"AI_FINOPS_HOME": str(settings.home)}, check=False)
    assert process.returncode == -signal.SIGKILL
    kept = find_issued(Lake(settings.lake), before=date(2025, 6, 12))
    assert [each.key for each in kept] == ["2025-06-10", "2025-06-11"]
    assert current_build(settings) is None
    publish(settings=settings, build=build)
    assert find_issued(Lake(settings.lake), before=date(2025, 6, 12)) == kept


def assert_whole(settings, *, number: int) -> None:
    """Every file of the current build is of that build, and readable."""
    current = current_build(settings)
    assert current.name.startswith(f"{number:06d}-")
    rows = json.loads((current / "build.json").read_text())["row_counts"]
    assert {path.stem for path in current.glob("*.parquet")} == set(rows)
    for mart, row_count in rows.items():
        assert sql.rows("select count(*) from read_parquet(?)", str(current / f"{mart}.parquet")) == [(row_count,)]
    with open_published(settings) as connection:
        assert connection.execute("select build_id from marts.dim_builds").fetchall() == [(current.name,)]


def test_builds_of_one_content_compare_equal(settings):
    first = publish(settings=settings, build=make_passed(settings))
    second = publish(settings=settings, build=make_passed(settings, number=2))
    assert compare_builds(Path(first["path"]), Path(second["path"])) == []


def test_unprepared_folder_is_refused(settings):
    build = make_passed(settings)
    Path(build["build_dir"], "build.json").unlink()
    with pytest.raises(BuildError, match="is not a prepared build"):
        publish(settings=settings, build=build)
