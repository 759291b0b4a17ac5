"""What was issued stays: of earlier dates never touched, of the build's own date replaced, killed in between the same."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.analyse.schemas import PROJECTIONS
from ai_finops.build import issued
from ai_finops.build.issued import find_issued, keep_issued, read_kept, write_kept
from ai_finops.lake import Lake

SUNDAY, MONDAY, TUESDAY = date(2025, 6, 1), date(2025, 6, 2), date(2025, 6, 3)
OTHERS = pa.schema([("as_of_date", pa.date32()), ("opportunity_id", pa.string())])


def rows(*days_and_usd, is_backcast=False):
    return pa.Table.from_pylist(
        [
            {
                "as_of_date": day,
                "feature_id": "total",
                "scenario": "as_is",
                "target_period": "day",
                "target_date": day,
                "projected_cost_usd": Decimal(usd),
                "is_backcast": is_backcast,
            }
            for day, usd in days_and_usd
        ],
        schema=PROJECTIONS,
    )


@pytest.fixture(autouse=True)
def _one_table(monkeypatch):
    """Of what builds issue, projections alone: every table is kept alike."""
    monkeypatch.delitem(issued.ISSUED_TABLES, "savings")
    monkeypatch.setattr("ai_finops.lake.tables_of", lambda source: dict(issued.ISSUED_TABLES))


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def keep(lake, tmp_path):
    """Keep what a build of `as_of` made."""

    def do(*days_and_usd, as_of, **more):
        file = tmp_path / "projections.parquet"
        pq.write_table(rows(*days_and_usd), file)
        return keep_issued(lake, made={"projections": file, **more}, as_of=as_of)

    return do


def kept(lake):
    return {
        key: pq.read_table(version.file("projections"), partitioning=None)["projected_cost_usd"].to_pylist()
        for family in ("issued", "backcast")
        for key, version in lake.current(family).items()
    }


def test_a_build_keeps_its_own_date_and_those_that_nobody_issued(lake, keep):
    assert keep((SUNDAY, 1), (MONDAY, 2), (MONDAY, 3), as_of=MONDAY) == [SUNDAY, MONDAY]
    assert kept(lake) == {"2025-06-01": [1], "2025-06-02": [2, 3]}
    assert (lake.keys("issued"), lake.keys("backcast")) == (["2025-06-02"], ["2025-06-01"])


def test_a_later_build_of_the_same_date_replaces_it_and_no_other(lake, keep):
    keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    assert keep((SUNDAY, 99), (MONDAY, 5), as_of=MONDAY) == [MONDAY]
    assert kept(lake) == {"2025-06-01": [1], "2025-06-02": [5]}


def test_a_build_of_a_later_date_never_touches_it(lake, keep):
    keep((MONDAY, 2), as_of=MONDAY)
    assert keep((MONDAY, 99), (TUESDAY, 3), as_of=TUESDAY) == [TUESDAY]
    assert kept(lake) == {"2025-06-02": [2], "2025-06-03": [3]}


def test_a_build_that_issued_nothing_of_its_date_says_so(lake, keep):
    assert keep(as_of=MONDAY) == [MONDAY]
    assert kept(lake) == {"2025-06-02": []}


def test_keeping_again_changes_nothing(lake, keep):
    keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    before = find_issued(lake, before=TUESDAY)
    keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    assert find_issued(lake, before=TUESDAY) == before
    assert [version.number for version in before] == [1, 1]


def test_a_date_that_was_made_later_is_issued_by_a_build_of_that_date(lake, keep):
    # The lake lost its last days, and a build of Sunday was published after one of Monday.
    keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    keep((SUNDAY, 7), as_of=SUNDAY)
    assert [
        pq.read_table(each.file("projections"), partitioning=None)["projected_cost_usd"].to_pylist()
        for each in find_issued(lake, before=TUESDAY)
    ] == [[7], [2]]


def test_a_build_that_goes_back_touches_nothing_that_was_issued(lake, keep):
    keep((SUNDAY, 1), as_of=SUNDAY)
    keep((TUESDAY, 3), as_of=TUESDAY)
    assert keep((SUNDAY, 99), as_of=SUNDAY) == []
    assert kept(lake) == {"2025-06-01": [1], "2025-06-03": [3]}
    # Of Monday nothing is kept: it is issued now, and by the latest build of it while nothing later is.
    assert keep((MONDAY, 2), as_of=MONDAY) == [MONDAY]
    assert keep((TUESDAY, 4), as_of=TUESDAY) == [TUESDAY]
    assert kept(lake) == {"2025-06-01": [1], "2025-06-02": [2], "2025-06-03": [4]}


def test_killed_in_between_the_rest_is_kept_the_next_time(lake, keep, monkeypatch):
    write, written = Lake.write_partition, []

    def write_once(*arguments, **named):
        if written:
            raise OSError("killed")
        written.append(1)
        return write(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "write_partition", write_once)
        with pytest.raises(OSError, match="killed"):
            keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    assert kept(lake) == {"2025-06-01": [1]}
    keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    assert kept(lake) == {"2025-06-01": [1], "2025-06-02": [2]}


def test_marts_that_no_analysis_has_seen_issue_nothing(lake, tmp_path):
    assert keep_issued(lake, made={"projections": tmp_path / "none.parquet"}, as_of=MONDAY) == []
    assert lake.keys("issued") == []


def test_a_build_reads_what_is_kept_of_days_before_its_own(lake, keep, tmp_path):
    keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    keep((TUESDAY, 3), as_of=TUESDAY)
    found = find_issued(lake, before=TUESDAY)
    assert [each.key for each in found] == ["2025-06-01", "2025-06-02"]
    write_kept(tmp_path, found)
    read = read_kept(tmp_path, "projections")
    assert read.due([SUNDAY, MONDAY, TUESDAY]) == [TUESDAY]
    assert list(read.now) == [SUNDAY, MONDAY]
    assert read.older == {}


def test_a_folder_that_notes_nothing_has_all_to_make(tmp_path):
    assert read_kept(tmp_path, "projections").due([SUNDAY]) == [SUNDAY]


def test_a_table_that_comes_later_is_put_beside_what_stands(lake, keep, tmp_path, monkeypatch):
    keep((SUNDAY, 1), (MONDAY, 2), as_of=MONDAY)
    monkeypatch.setitem(issued.ISSUED_TABLES, "others", OTHERS)
    file = tmp_path / "others.parquet"
    found = [{"as_of_date": day, "opportunity_id": "one"} for day in (SUNDAY, MONDAY, TUESDAY)]
    pq.write_table(pa.Table.from_pylist(found, schema=OTHERS), file)
    # What is kept has no such table yet: its dates are to be made of it, and of no other.
    write_kept(tmp_path, find_issued(lake, before=TUESDAY))
    assert read_kept(tmp_path, "others").due([SUNDAY, MONDAY]) == [SUNDAY, MONDAY]
    assert read_kept(tmp_path, "projections").due([SUNDAY, MONDAY]) == []
    assert keep((TUESDAY, 3), as_of=TUESDAY, others=file) == [SUNDAY, MONDAY, TUESDAY]
    assert kept(lake) == {"2025-06-01": [1], "2025-06-02": [2], "2025-06-03": [3]}
    before = find_issued(lake, before=TUESDAY)
    assert [(each.source, each.row_counts) for each in before] == [
        ("backcast", {"others": 1, "projections": 1}),
        ("issued", {"others": 1, "projections": 1}),
    ]
    assert keep((TUESDAY, 3), as_of=TUESDAY, others=file) == [TUESDAY]
    assert find_issued(lake, before=TUESDAY) == before


def test_rows_of_an_earlier_release_get_the_columns_of_now(lake, keep, tmp_path, monkeypatch):
    monkeypatch.setitem(
        issued.ISSUED_TABLES, "projections", PROJECTIONS.remove(PROJECTIONS.get_field_index("wape_ratio"))
    )
    file = tmp_path / "old.parquet"
    pq.write_table(rows((SUNDAY, 1)).drop_columns(["wape_ratio"]), file)
    keep_issued(lake, made={"projections": file}, as_of=SUNDAY)
    monkeypatch.setitem(issued.ISSUED_TABLES, "projections", PROJECTIONS)
    write_kept(tmp_path, find_issued(lake, before=MONDAY))
    read = read_kept(tmp_path, "projections")
    assert (list(read.now), list(read.older)) == ([], [SUNDAY])
    assert read.due([SUNDAY]) == []
    assert isinstance(read.older[SUNDAY], Path)
