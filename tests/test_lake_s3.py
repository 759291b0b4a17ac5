"""A lake on S3: what is visible when, whatever happens to its writers, and what a reader fetches."""

import hashlib
import json
import multiprocessing
import os
import signal
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pytest

from ai_finops import aws
from ai_finops.demo.local_aws import local_aws
from ai_finops.errors import LakeError, LakeUnavailable
from ai_finops.lake import Lake
from ai_finops.lake_bucket import Bucket
from ai_finops.lake_s3 import S3Store
from ai_finops.lake_schemas import tables_of
from tests.deployment_permission_guard import deployment_guard
from tests.extract.stand_in import Answer, s3_error, stand_in, use_endpoint
from tests.lakes import BUCKET, DAY, elsewhere, keys_of, lake_on_s3, place_on_s3, remove_object, span_ids, span_tables
from tests.resetting_proxy import resetting_proxy

HOME = f"data/traces/{DAY}"
FORKED = multiprocessing.get_context("fork")
"""Forked, since a new interpreter would spend the test's time on imports."""


@pytest.fixture(scope="module")
def aws_server():
    with local_aws() as running:
        yield running


@pytest.fixture
def lake(request, tmp_path, monkeypatch, aws_server) -> Lake:
    return lake_on_s3(request, tmp_path, endpoint=aws_server.endpoint, monkeypatch=monkeypatch)


@pytest.fixture(autouse=True)
def permission_guard(monkeypatch):
    """What the lake calls is what `ai-finops permissions` allows."""
    with deployment_guard(monkeypatch) as guard:
        yield guard


@pytest.fixture
def requests(monkeypatch):
    """What is asked of S3: (operation, key), in order."""
    asked, client = [], aws.client

    def watched(*given, **named):
        made = client(*given, **named)

        def note(params, model, **_):
            asked.append((model.name, params.get("Key", params.get("Prefix"))))

        made.meta.events.register("provide-client-params.s3.*", note)
        return made

    monkeypatch.setattr(aws, "client", watched)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "watched")  # so that a client of its own is made
    return asked


def test_a_version_is_what_it_is_in_a_folder(lake, tmp_path):
    in_folder = Lake(tmp_path / "folder").write_partition("traces", DAY, tables=span_tables("a"))
    on_s3 = lake.write_partition("traces", DAY, tables=span_tables("a"))
    assert on_s3.place.key == in_folder.place.key
    assert keys_of(lake) == [key for key in keys_of(Lake(tmp_path / "folder")) if not key.startswith("empty/")]
    for key in keys_of(lake):
        assert lake.store.read(key) == (tmp_path / "folder" / key).read_bytes(), key


def test_what_was_written_here_is_not_fetched_again(lake, requests):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    requests.clear()
    assert lake.current_version("traces", DAY) == version
    assert span_ids(lake) == ["a"]
    assert {operation for operation, _ in requests} == {"ListObjectsV2"}


def test_another_machine_fetches_each_object_once(lake, tmp_path, requests):
    for day in ("2025-06-02", "2025-06-03"):
        lake.write_partition("traces", day, tables=span_tables(day))
    other = elsewhere(lake, tmp_path)
    requests.clear()
    assert span_ids(other) == ["2025-06-02", "2025-06-03"]
    asked = ["GetObject"] * 4 + ["HeadObject", "ListObjectsV2"]  # and whether copies are to go
    assert sorted(operation for operation, _ in requests) == asked
    requests.clear()
    assert span_ids(other) == ["2025-06-02", "2025-06-03"]
    assert [operation for operation, _ in requests] == ["ListObjectsV2"]
    lake.write_partition("traces", "2025-06-03", tables=span_tables("other"))
    requests.clear()
    assert span_ids(other) == ["2025-06-02", "other"]
    fetched = [key for operation, key in requests if operation == "GetObject"]
    assert len(fetched) == 2 and all("/2025-06-03/v000002-" in key for key in fetched)


def test_the_latest_outcome_is_seen_by_other_machines(lake, tmp_path):
    from tests.test_lake import outcome

    other = elsewhere(lake, tmp_path)
    lake.record_outcome(outcome())
    assert other.outcomes() == [outcome()]
    lake.record_outcome(outcome(error="again"))
    assert other.outcomes() == [outcome(error="again")]
    assert other.outcome("traces", date(2025, 6, 2)) == outcome(error="again")


def test_a_listing_of_many_objects_is_read_to_its_end(lake, monkeypatch):
    keys = [f"data/traces/2025-06-{day:02}/v000001-{day:08}/partition.json" for day in range(1, 8)]
    for key in keys:
        lake.store.replace(key, b"{}")
    client = Bucket._s3.fget(lake.store.bucket)
    pages = client.get_paginator("list_objects_v2").paginate
    small = type("Small", (), {"paginate": lambda self, **what: pages(**what, PaginationConfig={"PageSize": 2})})
    monkeypatch.setattr(client, "get_paginator", lambda _: small())
    assert list(lake.store.find("data/traces/*/v*/partition.json")) == keys
    assert lake.keys("traces") == [f"2025-06-{day:02}" for day in range(1, 8)]


def test_a_damaged_object_is_refused_and_named(lake, tmp_path):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    lake.store.replace(f"{version.place.key}/spans.parquet", b"something else")
    other = elsewhere(lake, tmp_path)
    with pytest.raises(
        LakeError, match=r"s3://.*/spans\.parquet is not what its partition\.json says: .* land it again"
    ):
        span_ids(other)
    assert not list(other.root.copies.rglob("spans.parquet"))


def test_an_object_that_is_gone_is_named(lake, tmp_path):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    remove_object(lake, f"{version.place.key}/spans.parquet")
    with pytest.raises(LakeError, match=r"could not read s3://.*there is no such object.*spans\.parquet.*Try again"):
        span_ids(elsewhere(lake, tmp_path))
    with pytest.raises(LakeError, match=r"could not read s3://.*/spans\.parquet: .*there is no such object.*Try again"):
        elsewhere(lake, tmp_path).current_version("traces", DAY).file("spans")


def test_a_key_that_leads_out_of_the_copies_is_refused(lake, tmp_path):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    record = json.loads((version.path / "partition.json").read_text())
    record["tables"]["../../../../../../out"] = record["tables"]["spans"]
    lake.store.replace(f"{version.place.key}/partition.json", json.dumps(record).encode())
    other = elsewhere(lake, tmp_path)
    with pytest.raises(LakeError, match="is no place in a lake"):
        other.fetch(other.current("traces").values())


def test_a_removed_partition_leaves_no_copy(lake):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    assert version.file("spans").exists()
    lake.remove_partition("traces", DAY)
    assert not list(lake.root.copies.rglob("*.parquet"))


def test_a_copy_of_what_another_machine_removed_goes_within_a_day(lake, tmp_path):
    lake.write_partition("traces", DAY, tables=span_tables("a"))
    other = elsewhere(lake, tmp_path)
    file = other.current_version("traces", DAY).file("spans")
    lake.remove_partition("traces", DAY)
    assert other.current("traces") == {} and file.exists()  # somebody may be reading it
    before = time.time() - 25 * 3600
    for path in (file.parent, *file.parent.iterdir()):
        os.utime(path, (before, before))
    assert other.current("traces") == {} and not file.exists()


def test_after_a_purge_every_machine_drops_what_was_removed_at_its_next_look(lake, tmp_path, monkeypatch, requests):
    """Whatever it looks at: a family that it only wrote once, and never reads, is gone from it as well."""
    other = elsewhere(lake, tmp_path)
    for span_id in ("old", "new"):
        other.write_partition("traces", DAY, tables=span_tables(span_id))
    other.write_partition("xray_spans", DAY, tables=span_tables("gone"))
    (old,) = other.root.copies.rglob(f"traces/{DAY}/v000001-*")
    assert lake.remove_old_versions("traces", DAY) == 1
    lake.remove_partition("xray_spans", DAY)
    monkeypatch.setattr("ai_finops.lake_s3._LOOK_SECONDS", 0.0)
    assert other.current("billing") == {} and old.exists()  # nobody has said that copies are to go
    lake.purge_copies()
    monkeypatch.setattr("ai_finops.lake_s3._LOOK_SECONDS", 60.0)
    assert other.current("billing") == {} and old.exists()  # it looked less than a minute ago
    monkeypatch.setattr("ai_finops.lake_s3._LOOK_SECONDS", 0.0)
    assert other.current("billing") == {} and not old.exists()
    kept = [path.parent.name.partition("-")[0] for path in other.root.copies.rglob("spans.parquet")]
    assert kept == ["v000002"]
    requests.clear()
    assert span_ids(other) == ["new"]
    assert "GetObject" not in {operation for operation, _ in requests}


def test_the_lake_is_read_where_it_lies_too(lake, monkeypatch):
    import fsspec

    lake.write_partition("traces", DAY, tables=span_tables("old"))
    lake.write_partition("traces", DAY, tables=span_tables("a", "b"))
    fsspec.config.conf.clear()
    s3 = fsspec.filesystem("s3", skip_instance_cache=True)
    addresses = lake.addresses("traces", "spans")
    assert addresses == [lake.store.address(f"{lake.current_version('traces', DAY).place.key}/spans.parquet")]
    with duckdb.connect() as connection:
        connection.register_filesystem(s3)
        rows = connection.execute("select span_id from read_parquet($1) order by 1", [addresses]).fetchall()
        everything = f"{lake.root}/data/traces/*/v*/spans.parquet"
        (count,) = connection.execute("select count(*) from read_parquet($1)", [everything]).fetchone()
    assert rows == [("a",), ("b",)] and count == 3
    paths = [address.removeprefix("s3://") for address in addresses]
    assert ds.dataset(paths, filesystem=s3, format="parquet").count_rows() == 2


# Writers that die, stand still, or come between.


def _write_and_die(place, last: int | str, *spans: str) -> None:
    """Write a partition and be gone, without a word: at a request to S3 by its number, or before one for such a key.

    Each request counts twice, before it is sent and after its answer; renewals of the lock do not count.
    """
    client, count = aws.client, 0

    def die(request=None, **_) -> None:
        nonlocal count
        if threading.current_thread().name.startswith("hold "):
            return
        count += 1
        if count == last or (request is not None and isinstance(last, str) and request.url.endswith(last)):
            os.kill(os.getpid(), signal.SIGKILL)

    def dying(*given, **named):
        made = client(*given, **named)
        made.meta.events.register("before-send.s3.*", die)
        made.meta.events.register("after-call.s3.*", die)
        return made

    aws.client = dying
    Lake(place).write_partition("traces", DAY, tables=span_tables(*spans))
    os._exit(0)


def _killed_at(lake, last: int | str) -> bool:
    """Whether a writer of the span `new` was killed at that request."""
    writer = FORKED.Process(target=_write_and_die, args=(lake.root, last, "new"))
    writer.start()
    writer.join(timeout=60)
    assert writer.exitcode in (0, -signal.SIGKILL)
    return writer.exitcode != 0


def _require_whole_versions(lake) -> None:
    whole = {"partition.json", *(f"{table}.parquet" for table in tables_of("traces"))}
    for manifest in lake.store.find(f"{HOME}/v*/partition.json"):
        home = manifest.removesuffix("partition.json")
        assert {key.removeprefix(home) for key in keys_of(lake) if key.startswith(home)} == whole


@pytest.mark.parametrize("before", ["/quarantine.parquet", "/partition.json"])
def test_killed_in_the_middle_the_old_version_stays_and_the_next_writer_goes_on(lake, before):
    lake.write_partition("traces", DAY, tables=span_tables("old"))
    assert _killed_at(lake, before)
    assert span_ids(lake) == ["old"]
    _require_whole_versions(lake)
    left = [key for key in keys_of(lake) if "/v000002" in key]
    assert left  # so that there is something to clean
    lake.write_partition("traces", DAY, tables=span_tables("next"))  # waits until the lock of the dead expires
    assert span_ids(lake) == ["next"]
    assert not [key for key in keys_of(lake) if key in left or key.endswith(".claim")]


@pytest.mark.long
def test_killed_at_any_request_the_partition_is_the_old_one_or_the_new_one(lake):
    died_before = died_after = 0
    for request_number in range(1, 200):
        lake.write_partition("traces", DAY, tables=span_tables("old", f"{request_number}"))
        was_killed = _killed_at(lake, request_number)
        found = span_ids(lake)
        assert found in ([f"{request_number}", "old"], ["new"]), request_number
        _require_whole_versions(lake)
        if not was_killed:
            break
        died_before += found != ["new"]
        died_after += found == ["new"]
    assert not was_killed
    assert died_before > 15 and died_after > 0
    lake.write_partition("traces", DAY, tables=span_tables("end"))
    assert not [key for key in keys_of(lake) if key.endswith(".claim")]


def test_of_two_that_both_believe_to_hold_the_lock_the_later_one_makes_the_version(lake):
    first, second = (S3Store(lake.root) for _ in range(2))
    with first.draft(HOME) as one, second.draft(HOME) as other:
        for draft, name in ((one, "one"), (other, "other")):
            (draft / "spans.parquet").write_bytes(name.encode())
        numbers = [store.claim(HOME, number=1) for store in (first, second)]
        for store, draft, number in ((second, other, numbers[1]), (first, one, numbers[0])):
            (draft / "partition.json").write_text("{}")
            key = f"{HOME}/v{number:06d}-0123abcd"
            # The second one clears the first one's claim away.
            refused = pytest.raises(LakeUnavailable, match="was removed while v000001-0123abcd was put there")
            with refused if number == 1 else nullcontext():
                store.show(draft, key, last="partition.json", hold=_Held())
    assert numbers == [1, 2]
    assert list(lake.store.find(f"{HOME}/v*/partition.json")) == [f"{HOME}/v000002-0123abcd/partition.json"]
    assert lake.store.read(f"{HOME}/v000002-0123abcd/spans.parquet") == b"other"


def test_a_version_whose_partition_is_removed_meanwhile_does_not_become_visible(lake, monkeypatch):
    class RemovedMeanwhile:
        def require(self):
            lake.store.remove(HOME)

    monkeypatch.setattr(S3Store, "hold", lambda *_: nullcontext(RemovedMeanwhile()))
    with pytest.raises(LakeUnavailable, match=r"2025-06-02 was removed while v000001-\w+ was put there; .* try again"):
        lake.write_partition("traces", DAY, tables=span_tables("a"))
    assert keys_of(lake) == []


def test_a_writer_that_stood_still_for_too_long_shows_nothing(lake, monkeypatch):
    lake.write_partition("traces", DAY, tables=span_tables("old"))
    monkeypatch.setattr("ai_finops.lake_lease.EXPIRES_SECONDS", 3600.0)  # no renewal by itself in this test
    upload = Bucket.upload

    def taken_over_meanwhile(self, file, key):
        upload(self, file, key)
        self.put(f"locks/traces/{DAY}.lock", b"somebody else's")

    monkeypatch.setattr(Bucket, "upload", taken_over_meanwhile)
    with pytest.raises(LakeUnavailable, match=r"lost the lock s3://.*2025-06-02\.lock to another writer .* try again"):
        lake.write_partition("traces", DAY, tables=span_tables("new"))
    assert span_ids(lake) == ["old"]
    assert lake.store.read(f"locks/traces/{DAY}.lock") == b"somebody else's"


class _Held:
    def require(self):
        """Believe it."""


# What S3 answers when something is wrong.


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (
            s3_error("NoSuchBucket", status=404),
            LakeError,
            "the bucket ai-finops-lake does not exist; make it, or correct AI_",
        ),
        (
            s3_error("AccessDenied", status=403),
            LakeError,
            r"was refused \(AccessDenied\); .* allow s3:ListBucket on arn:aws",
        ),
        (
            s3_error("IllegalLocationConstraintException", status=400),
            LakeError,
            "is in another region .*; set AWS_REGION",
        ),
        (s3_error("SlowDown", status=503), LakeUnavailable, "answered SlowDown to every attempt; try again later"),
    ],
)
def test_what_s3_refuses_is_named_with_what_to_do(request, tmp_path, monkeypatch, answer, kind, said):
    with stand_in() as running:
        use_endpoint(monkeypatch, running.endpoint)
        quick_to_give_up(monkeypatch)
        running.answer = lambda path, number: answer
        lake = Lake(place_on_s3(request, tmp_path))
        with pytest.raises(kind, match=rf"cannot list s3://{BUCKET}/.*data/traces/: .*{said}") as refused:
            lake.current("traces")
        assert type(refused.value) is kind


def quick_to_give_up(monkeypatch, *, attempts=2):
    client = aws.client
    monkeypatch.setattr(aws, "client", lambda name, *, settings: client(name, settings=settings, max_attempts=attempts))
    monkeypatch.setenv("AWS_SESSION_TOKEN", "gives up")  # so that a client of its own is made


def test_no_answer_is_told_from_a_refusal(request, tmp_path, monkeypatch):
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    quick_to_give_up(monkeypatch)
    with pytest.raises(
        LakeUnavailable, match=r"cannot write s3://.*/locks/traces/2025-06-02\.lock: AWS did not answer"
    ):
        Lake(place_on_s3(request, tmp_path)).write_partition("traces", DAY, tables=span_tables("a"))


def test_a_connection_that_is_reset_in_the_middle_of_an_upload_is_tried_again(lake, monkeypatch):
    with resetting_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy, monkeypatch.context() as through:
        through.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.text, proxy.resets_left = b"/spans.parquet HTTP", 1
        lake.write_partition("traces", DAY, tables=span_tables("a"))
        assert proxy.resets_left == 0
    assert span_ids(elsewhere(lake, lake.root.copies)) == ["a"]


def test_a_connection_that_is_reset_at_every_attempt_leaves_the_old_version(lake, monkeypatch):
    lake.write_partition("traces", DAY, tables=span_tables("old"))
    quick_to_give_up(monkeypatch)
    with resetting_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy, monkeypatch.context() as through:
        through.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.text, proxy.resets_left = b"/partition.json HTTP", 9
        with pytest.raises(LakeUnavailable, match=r"cannot write s3://.*/partition\.json: AWS did not answer"):
            lake.write_partition("traces", DAY, tables=span_tables("new"))
        proxy.resets_left = 0
        assert span_ids(lake) == ["old"]


def test_an_answer_that_is_lost_does_not_make_a_writer_take_its_own_lock_for_another_s(lake, monkeypatch):
    put, answered = Bucket._put_if, []

    def answer_lost(self, key, data, **condition):
        if condition == {"IfNoneMatch": "*"} and not key.endswith(".parquet"):
            answered.append(put(self, key, data, **condition))  # went through; botocore heard nothing and asks again
        return put(self, key, data, **condition)

    monkeypatch.setattr(Bucket, "_put_if", answer_lost)
    assert lake.write_partition("traces", DAY, tables=span_tables("a")).number == 1
    assert len(answered) == 3 and span_ids(lake) == ["a"]  # lock, claim, partition.json


def test_a_download_that_breaks_off_is_tried_again(request, tmp_path, monkeypatch):
    whole = Answer(body=b"all of it", headers={"ETag": '"0123"'})
    quick_to_give_up(monkeypatch, attempts=1)
    with stand_in() as running:
        use_endpoint(monkeypatch, running.endpoint)
        running.answer = lambda path, number: replace(whole, cut_after=4) if number == 0 else whole
        bucket = Bucket(place_on_s3(request, tmp_path))
        assert bucket.download("a/file", to=tmp_path / "file") == hashlib.sha256(b"all of it").hexdigest()
        assert (tmp_path / "file").read_bytes() == b"all of it"
        assert bucket.read("another") == (b"all of it", "0123")
        running.answer = lambda path, number: replace(whole, cut_after=4)
        with pytest.raises(LakeUnavailable, match=r"cannot read s3://.*/a/file: AWS did not answer"):
            bucket.download("a/file", to=tmp_path / "file")


def test_a_disk_without_room_for_copies_is_named(lake, tmp_path):
    version = lake.write_partition("traces", DAY, tables=span_tables("a"))
    with pytest.raises(LakeError, match=r"could not keep a copy of s3://.* in /dev: .*set AI_FINOPS_LAKE_COPIES"):
        lake.store.bucket.download(f"{version.place.key}/spans.parquet", to=Path("/dev/full"))
