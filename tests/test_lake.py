"""The raw lake: versions, what becomes visible when, and outcomes."""

import json
import multiprocessing
import os
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.api_calls import ApiCalls
from ai_finops.demo.local_aws import local_aws
from ai_finops.errors import LakeError
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_place import LakeOnS3
from ai_finops.lake_schemas import OBJECTS, SCHEMAS, SOURCE_TABLES, SPANS, tables_of
from tests.lakes import DAY, keys_of, lake_on_s3, remove_object, span_ids, span_tables

EXTRACTED_AT = datetime(2025, 6, 3, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def aws_server():
    with local_aws() as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def lake(request, tmp_path, monkeypatch) -> Lake:
    """A lake in a folder, and one on the local AWS over HTTP."""
    if request.param == "folder":
        return Lake(tmp_path / "lake")
    endpoint = request.getfixturevalue("aws_server").endpoint
    return lake_on_s3(request, tmp_path, endpoint=endpoint, monkeypatch=monkeypatch)


in_a_folder = pytest.mark.parametrize("lake", ["folder"], indirect=True)


def outcome(**changes) -> Outcome:
    fields = {
        "source": "traces",
        "landing_date": date(2025, 6, 2),
        "status": "loaded",
        "as_of_date": date(2025, 6, 3),
        "extracted_at": EXTRACTED_AT,
        "read_count": 10,
        "loaded_count": 4,
        "ignored_count": 3,
        "quarantined_count": 2,
        "duplicate_count": 1,
        "partitions": (DAY,),
    }
    return Outcome(**fields | changes)


def test_every_source_has_its_tables_and_the_accounts():
    for source, own in SOURCE_TABLES.items():
        assert set(tables_of(source)) == {*own, "objects", "quarantine"}
    assert tables_of("nobody") == {}
    assert SCHEMAS["billing", "objects"] is OBJECTS


def test_an_empty_lake_still_has_a_file_with_the_schema(lake):
    (only,) = lake.files("traces", "spans")
    assert pq.read_table(only).schema.equals(SPANS)
    assert pq.read_metadata(only).num_rows == 0
    assert lake.current("traces") == {}
    assert lake.outcomes() == [] and lake.days("traces") == []


def test_unknown_table_is_named(lake):
    with pytest.raises(LakeError, match="no table traces/nothing"):
        lake.files("traces", "nothing")


def test_written_rows_are_read_back_and_counted(lake):
    version = lake.write_partition("traces", DAY, tables=span_tables("a", "b"))
    assert (version.number, version.key, version.row_counts["spans"]) == (1, DAY, 2)
    assert version.place.key == f"data/traces/{DAY}/v000001-{version.content_sha256[:8]}"
    assert span_ids(lake) == ["a", "b"]
    record = json.loads((version.path / "partition.json").read_text())
    assert set(record["tables"]) == set(tables_of("traces"))
    assert record["tables"]["spans"]["row_count"] == 2


def test_another_content_is_a_new_version_and_replaces_the_old(lake):
    lake.write_partition("traces", DAY, tables=span_tables("a", "b"))
    second = lake.write_partition("traces", DAY, tables=span_tables("c"))
    assert second.number == 2
    assert lake.current_version("traces", DAY) == second
    assert span_ids(lake) == ["c"]


def test_the_same_content_makes_no_new_version_and_going_back_makes_one(lake):
    first = lake.write_partition("traces", DAY, tables=span_tables("a"))
    assert lake.write_partition("traces", DAY, tables=span_tables("a")) == first
    assert lake.store.names(f"data/traces/{DAY}") == [first.place.key.rpartition("/")[2]]
    lake.write_partition("traces", DAY, tables=span_tables("b"))
    assert lake.write_partition("traces", DAY, tables=span_tables("a")).number == 3


def test_the_same_rows_give_the_same_bytes(tmp_path):
    versions = [Lake(tmp_path / name).write_partition("traces", DAY, tables=span_tables("a", "b")) for name in "xy"]
    files = [version.file("spans").read_bytes() for version in versions]
    assert files[0] == files[1]


def test_ignored_columns_do_not_make_a_version_new(lake):
    day_2, day_3 = date(2025, 6, 2), date(2025, 6, 3)
    first = lake.write_partition("traces", DAY, tables=span_tables("a", landing_date=day_2), ignoring=["landing_date"])
    again = lake.write_partition("traces", DAY, tables=span_tables("a", landing_date=day_3), ignoring=["landing_date"])
    assert again == first
    other = lake.write_partition("traces", DAY, tables=span_tables("b", landing_date=day_3), ignoring=["landing_date"])
    assert other.number == 2
    counted = lake.write_partition("traces", DAY, tables=span_tables("b", landing_date=day_2))
    assert counted.number == 3


def test_a_file_already_written_is_taken_over(lake, tmp_path):
    file = tmp_path / "made.parquet"
    pq.write_table(span_tables("a")["spans"], file)
    version = lake.write_partition("traces", DAY, tables=span_tables(spans=file))
    assert span_ids(lake) == ["a"] and version.row_counts["spans"] == 1
    assert not file.exists()


def test_a_file_with_a_map_has_the_lakes_columns(lake, tmp_path):
    tables = {name: schema.empty_table() for name, schema in tables_of("billing").items()}
    file = tmp_path / "made.parquet"
    pq.write_table(tables["line_items"], file)
    assert (
        lake.write_partition("billing", "2025-06", tables=tables | {"line_items": file}).row_counts["line_items"] == 0
    )
    place = tables["line_items"].schema.get_field_index("product")
    numbers = pa.array([], pa.map_(pa.string(), pa.int64()))
    pq.write_table(tables["line_items"].set_column(place, "product", numbers), file)
    with pytest.raises(LakeError, match="product map<string, int64>"):
        lake.write_partition("billing", "2025-06", tables=tables | {"line_items": file})


def test_partitions_come_in_key_order(lake):
    for day in ("2025-06-03", "2025-06-01", "2025-06-02"):
        lake.write_partition("traces", day, tables=span_tables(day))
    assert list(lake.current("traces")) == ["2025-06-01", "2025-06-02", "2025-06-03"]
    assert [file.parent.parent.name for file in lake.files("traces", "spans")[1:]] == list(lake.current("traces"))
    assert lake.keys("traces") == list(lake.current("traces"))


@pytest.mark.parametrize(
    ("source", "key", "change", "message"),
    [
        ("traces", "2nd of June", {}, "is not YYYY-MM-DD or YYYY-MM"),
        ("traces", "../2025-06-02", {}, "is not YYYY-MM-DD or YYYY-MM"),
        ("nobody", DAY, {}, "needs the tables"),
        ("traces", DAY, {"objects": None}, "needs the tables"),
        ("traces", DAY, {"spans": pa.table({"trace_id": pa.array([], pa.int64())})}, "trace_id int64"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(lake, source, key, change, message):
    tables = {name: table for name, table in (span_tables() | change).items() if table is not None}
    with pytest.raises(LakeError, match=message):
        lake.write_partition(source, key, tables=tables)
    assert keys_of(lake) == []


def test_a_version_without_its_manifest_does_not_count(lake):
    first = lake.write_partition("traces", DAY, tables=span_tables("a"))
    second = lake.write_partition("traces", DAY, tables=span_tables("b"))
    remove_object(lake, f"{second.place.key}/partition.json")
    assert lake.current_version("traces", DAY) == first
    assert lake.write_partition("traces", DAY, tables=span_tables("c")).number == 3


def test_a_damaged_manifest_is_named(lake):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    lake.store.replace(f"{version.place.key}/partition.json", b"{")
    with pytest.raises(LakeError, match=r"partition\.json: .*; remove .* and land 2025-06-02 again$"):
        lake.current("traces")


@in_a_folder
def test_left_over_drafts_are_swept_and_never_read(lake):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    draft = version.path.parent / ".writing-dead"
    draft.mkdir()
    (draft / "spans.parquet").write_bytes(b"half")
    assert span_ids(lake) == ["a"]
    lake.write_partition("traces", DAY, tables=span_tables("b"))
    assert not draft.exists()


def test_a_disk_that_refuses_leaves_the_old_version(lake, monkeypatch):
    first = lake.write_partition("traces", DAY, tables=span_tables("a"))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ai_finops.lake.replace_file", full)
    with pytest.raises(LakeError, match="No space left"):
        lake.write_partition("traces", DAY, tables=span_tables("b"))
    assert lake.current_version("traces", DAY) == first
    assert lake.store.names(f"data/traces/{DAY}") == [first.place.key.rpartition("/")[2]]


# Forked, since a new interpreter would spend the test's time on imports.
PROCESSES = multiprocessing.get_context("fork")


FILE_EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "shutil.rmtree"}


def _write_and_die(root: Path, last_event: int, spans: tuple[str, ...]) -> None:
    """Write a partition and be gone, without a word, at the `last_event`-th thing that is done to a file."""
    count = 0

    def die(event: str, _) -> None:
        nonlocal count
        count += event in FILE_EVENTS
        if count == last_event:
            os._exit(9)

    tables = span_tables(*spans)
    sys.addaudithook(die)
    Lake(root).write_partition("traces", DAY, tables=tables)
    os._exit(0)


@in_a_folder
def test_killed_at_any_step_the_partition_is_the_old_one_or_the_new_one(lake):
    lake.write_partition("traces", DAY, tables=span_tables("old", "old too"))
    died_before = died_after = 0
    for last_event in range(1, 500):
        writer = PROCESSES.Process(target=_write_and_die, args=(lake.root, last_event, ("new",)))
        writer.start()
        writer.join(timeout=60)
        found = span_ids(lake)
        assert found in (["old", "old too"], ["new"]), last_event
        for version in (lake.root / "data" / "traces" / DAY).glob("v*"):
            assert {path.name for path in version.iterdir()} == {
                "partition.json",
                *(f"{t}.parquet" for t in tables_of("traces")),
            }
        if writer.exitcode == 0:
            break
        died_before += found != ["new"]
        died_after += found == ["new"]
        lake.write_partition("traces", DAY, tables=span_tables("old", "old too"))  # the lock died with its holder
    assert writer.exitcode == 0
    assert died_before > 10 and died_after > 0


def _write_many(root: Path | LakeOnS3, name: str, count: int) -> None:
    for number in range(count):
        Lake(root).write_partition("traces", DAY, tables=span_tables(f"{name}{number}"))


def test_two_writers_at_once_take_turns(lake):
    count = 10 if isinstance(lake.root, Path) else 4
    writers = [PROCESSES.Process(target=_write_many, args=(lake.root, name, count)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
        assert writer.exitcode == 0
    numbers = sorted(int(name[1:7]) for name in lake.store.names(f"data/traces/{DAY}"))
    assert numbers == list(range(1, 2 * count + 1))
    assert span_ids(lake) in ([f"a{count - 1}"], [f"b{count - 1}"])


def test_an_outcome_is_read_back_as_it_was(lake):
    calls = (ApiCalls("s3", "GetObject", "us-east-1", 6), ApiCalls("openai", "GET", None, 1))
    written = outcome(api_call_count=7, api_calls=calls, landing_seconds=1.25, bytes_read=99)
    lake.record_outcome(written)
    assert lake.outcomes() == [written]
    assert lake.days("traces") == [date(2025, 6, 2)]


def test_an_outcome_of_an_earlier_release_told_less(lake):
    lake.record_outcome(written := outcome(api_call_count=7))
    (key,) = lake.store.find("outcomes/traces/*.json")
    said = json.loads(lake.store.read(key))
    less = {name: said[name] for name in said if name not in ("api_calls", "landing_seconds")}
    lake.store.replace(key, json.dumps(less).encode())
    assert lake.outcomes() == [written]
    assert (written.api_calls, written.landing_seconds) == ((), None)


def test_calls_that_do_not_add_up_are_refused():
    with pytest.raises(LakeError, match="7 API calls were made but 6 are told"):
        outcome(api_call_count=7, api_calls=(ApiCalls("s3", "GetObject", "us-east-1", 6),))


def test_the_latest_outcome_of_a_day_counts(lake):
    lake.record_outcome(outcome())
    failed = outcome(status="failed", error="refused", **dict.fromkeys(COUNTS, 0))
    lake.record_outcome(failed)
    lake.record_outcome(outcome(source="billing", landing_date=date(2025, 6, 1)))
    assert [each.status for each in lake.outcomes()] == ["loaded", "failed"]
    assert lake.days("billing") == [date(2025, 6, 1)]


COUNTS = ("read_count", "loaded_count", "ignored_count", "quarantined_count", "duplicate_count")


@pytest.mark.parametrize("short", COUNTS)
def test_counts_that_do_not_add_up_are_refused(short):
    with pytest.raises(LakeError, match="accounted for"):
        outcome(**{short: 0})


def test_an_unknown_status_is_refused():
    with pytest.raises(LakeError, match="'fine'"):
        outcome(status="fine")


def test_one_outcome_is_found_by_source_and_day(lake):
    assert lake.outcome("traces", date(2025, 6, 2)) is None
    lake.record_outcome(outcome())
    assert lake.outcome("traces", date(2025, 6, 2)) == outcome()
    assert lake.outcome("traces", date(2025, 6, 3)) is None


@pytest.mark.parametrize("damage", ["{", "[]", "null", "{}", '{"status": "fine"}', "\x00"])
def test_a_damaged_outcome_is_named_with_what_to_do(lake, damage):
    lake.record_outcome(outcome())
    path = "outcomes/traces/2025-06-02.json"
    lake.store.replace(path, damage.encode())
    for read in (lake.outcomes, lambda: lake.outcome("traces", date(2025, 6, 2))):
        with pytest.raises(LakeError) as caught:
            read()
        assert f"could not read the outcome {lake.store.address(path)} (" in str(caught.value)
        assert str(caught.value).endswith("; remove the file and land traces 2025-06-02 again")


def test_an_outcome_with_an_unknown_status_on_disk_is_named_too(lake):
    lake.record_outcome(outcome())
    path = "outcomes/traces/2025-06-02.json"
    lake.store.replace(path, lake.store.read(path).replace(b'"loaded"', b'"fine"'))
    with pytest.raises(LakeError, match=r"2025-06-02\.json .*'fine'.*; remove the file"):
        lake.outcomes()


def test_content_outlives_an_attempt_that_failed():
    assert outcome().has_content
    assert outcome(status="failed", error="refused").has_content
    nothing = dict.fromkeys(COUNTS, 0)
    assert not any(outcome(status=status, **nothing).has_content for status in ("empty", "missing", "failed"))


def test_a_removed_partition_is_gone_with_every_version(lake):
    lake.write_partition("traces", DAY, tables=span_tables("a"))
    lake.write_partition("traces", DAY, tables=span_tables("b"))
    lake.write_partition("traces", "2025-06-03", tables=span_tables("c"))
    lake.remove_partition("traces", DAY)
    lake.remove_partition("traces", DAY)
    assert span_ids(lake) == ["c"]
    assert not [key for key in keys_of(lake) if key.startswith(f"data/traces/{DAY}")]
    assert lake.write_partition("traces", DAY, tables=span_tables("d")).number == 1


def test_old_versions_go_and_the_current_one_stays(lake):
    for name in ("a", "b", "c"):
        current = lake.write_partition("traces", DAY, tables=span_tables(name))
    lake.store.replace(f"data/traces/{DAY}/v000007-0123abcd/spans.parquet", b"of a writer that was killed")
    assert lake.remove_old_versions("traces", DAY) == 3
    assert {key.split("/")[3] for key in keys_of(lake) if key.startswith("data/")} == {current.place.key.split("/")[3]}
    assert span_ids(lake) == ["c"] and lake.remove_old_versions("traces", DAY) == 0
    assert lake.write_partition("traces", DAY, tables=span_tables("d")).number == 4


def test_a_version_is_held_against_its_hashes(lake, tmp_path):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    lake.require_whole(version)
    version.file("spans").write_bytes(b"of a bad disk")
    with pytest.raises(
        LakeError, match=r"/spans\.parquet is not what was landed: .* land traces 2025-06-02 again while"
    ):
        lake.require_whole(version)
    version.file("spans").unlink()
    if not isinstance(lake.root, Path):
        remove_object(lake, f"{version.place.key}/spans.parquet")
    with pytest.raises(LakeError, match=r"could not read .*/spans\.parquet.*again"):
        lake.require_whole(version)


def test_the_first_outcome_of_a_day_is_not_replaced_by_another_first_one(lake):
    assert lake.record_first_outcome(outcome())
    assert not lake.record_first_outcome(outcome(status="failed", error="refused"))
    assert lake.outcomes() == [outcome()]
    assert [key for key in keys_of(lake) if key.startswith("outcomes")] == ["outcomes/traces/2025-06-02.json"]


def test_what_is_held_is_held_by_one_at_a_time(lake):
    order = []

    def second():
        with lake.held("context_uses"):
            order.append("second")

    with lake.held("context_uses"):
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        order.append("first")
        with lake.held("another"):  # is held beside it
            pass
    other.join()
    assert order == ["first", "second"]


def test_what_is_held_raises_what_is_raised_within(lake):
    with pytest.raises(KeyError), lake.held("context_uses"):
        raise KeyError


@in_a_folder
def test_a_lock_that_cannot_be_had_is_named(lake):
    (lake.root / "locks").mkdir(parents=True)
    (lake.root / "locks" / "another").write_text("no folder")
    with pytest.raises(LakeError, match="could not hold another"), lake.held("another"):
        pass
