"""A day landed in shards is the day landed whole, byte for byte."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ai_finops.errors import LakeError, SettingsError, SourceBroken, SourceMissing
from ai_finops.extract import shard_scratch, span_file, span_loader, span_spill, trace_shards, traces
from ai_finops.extract.s3_objects import S3Object
from ai_finops.lake import Lake
from ai_finops.privacy import user_keys
from tests.extract.divided import AS_OF, DAY, content, land_divided, land_whole, timeless, twin, with_known_users
from tests.extract.made import CALL, NOON, TRACE, json_bytes, nanoseconds, protobuf_bytes, request, span, zipped
from tests.lakes import keys_of, place_on_s3

BARE = {"gen_ai.operation.name": "chat"}
QUERY = {"finops.query_fingerprint": "0123456789abcdef0123456789abcdef"}
ASKED = {"gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "why?"}]}])}
USERS = ("ann", "ben", "gone")
PLAIN = [
    CALL,
    BARE,
    CALL | {"user.id": "ann"},
    CALL | {"user.id": " ben ", "finops.journey.id": "j1", "gen_ai.conversation.id": "c1"},
    CALL | {"user.id": "gone", "gen_ai.conversation.id": "c2"},
    CALL | {"user.id": " "},
    CALL | {"gen_ai.usage.input_tokens": -1, "user.id": "gone"},
    CALL | {"shop.basket": 3},
    BARE | {"shop.basket": 3, "shop.till": "a"},
    CALL | QUERY,
    BARE | QUERY | {"finops.query_embedding": "not one"},
    CALL | ASKED,
]
ENDINGS = ("json", "json", "json.gz", "jsonl", "binpb", "binpb.gz", "txt", "broken.json.gz")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Sizes at which a few spans are many."""
    monkeypatch.setattr(trace_shards, "LEAST_BYTES", 1)
    monkeypatch.setattr(span_file, "GROUP_ROWS", 7)
    monkeypatch.setattr(span_spill, "GROUP_ROWS", 5)


@pytest.fixture
def day(settings, clients):
    """Put objects of the day; `day(hour="body")`."""

    def put(bodies: dict[str, bytes], *, of=DAY) -> None:
        for name, body in bodies.items():
            key = f"otlp/year={of:%Y}/month={of:%m}/day={of:%d}/{name}"
            clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=body)

    return put


def body(ending: str, requests: list[dict], junk: list[bytes]) -> bytes:
    if ending.startswith("binpb"):
        found = protobuf_bytes({"resourceSpans": [each for one in requests for each in one["resourceSpans"]]})
        return zipped(found) if ending.endswith("gz") else found
    lines = [json_bytes(each) for each in requests]
    found = b"\n".join([*lines[:1], *junk, *lines[1:]])
    if ending.startswith("broken"):
        return zipped(found)[:-9]
    return zipped(found) if ending.endswith("gz") else found


def one(number: int, plain: int, trace: int = 0, late: bool = False) -> dict:
    """A span; those of the forgotten user are in a trace of their own."""
    trace = 4 if PLAIN[plain].get("user.id") == "gone" else trace
    end = nanoseconds(NOON + timedelta(hours=3 if late else 0, seconds=2))
    return span(number, PLAIN[plain], traceId=TRACE[:-1] + str(trace), endTimeUnixNano=end)


SPANS = st.builds(
    one,
    st.integers(1, 25),
    st.integers(0, len(PLAIN) - 1),
    st.integers(0, 4),
    st.booleans(),
)
REQUESTS = st.builds(
    lambda spans, service: request(*spans, resource={"service.name": service}),
    st.lists(SPANS, min_size=1, max_size=6),
    st.sampled_from(["docs-api", "shop"]),
)
JUNK = st.sampled_from([b"{not json", b'{"resourceMetrics": []}', b'{"resourceSpans": 7}', b"[1]", b""])
OBJECTS = st.lists(
    st.tuples(
        st.integers(0, 23),
        st.sampled_from(ENDINGS),
        st.lists(REQUESTS, min_size=1, max_size=3),
        st.lists(JUNK, max_size=3),
    ),
    min_size=1,
    max_size=9,
)
numbers = count()


def held_against_each_other(objects, shard_count, *, spool_bytes, settings, clients, tmp_path, monkeypatch):
    number = next(numbers)
    bucket = f"{settings.traces_bucket}-{number}"
    clients["s3"].create_bucket(Bucket=bucket)
    settings = replace(settings, traces_bucket=bucket, home=tmp_path / f"whole-{number}", keep_content=True)
    for place, (hour, ending, requests, junk) in enumerate(objects):
        key = f"otlp/year=2025/month=06/day=02/hour={hour:02d}/{place}.{ending}"
        clients["s3"].put_object(Bucket=bucket, Key=key, Body=body(ending, requests, junk))
    with_known_users(settings, *USERS, forgotten=("gone",))
    divided = twin(replace(settings, trace_shards=shard_count), tmp_path / f"divided-{number}")
    whole = land_whole(settings)
    monkeypatch.setattr(span_loader, "SPOOL_BYTES", spool_bytes)
    joined = land_divided(divided)
    assert content(divided) == content(settings)
    assert timeless(joined) == timeless(whole)


EVERYTHING = (
    [(1, "json", [request(one(1, 1), one(2, 9))], [b"{not json", b'{"resourceMetrics": []}'])]
    + [(hour, "jsonl", [request(*(one(n, n % 12) for n in range(hour, hour + 9)))], []) for hour in range(2, 7)]
    + [
        (0, "binpb", [request(one(1, 0), one(30, 7))], []),
        (8, "json", [request(one(31, 4), one(32, 11, trace=4), one(33, 11))], []),
    ]
    + [(9, "txt", [request(span(1))], []), (9, "broken.json.gz", [request(span(40))], [])]
)


@pytest.mark.parametrize("shard_count", [3, pytest.param(9, marks=pytest.mark.long)])
def test_everything_at_once(shard_count, settings, clients, tmp_path, monkeypatch):
    given_ = {"settings": settings, "clients": clients, "tmp_path": tmp_path, "monkeypatch": monkeypatch}
    held_against_each_other(EVERYTHING, shard_count, spool_bytes=2000, **given_)
    lake = Lake(tmp_path / f"divided-{next(numbers) - 1}" / "lake")
    version = lake.current_version("traces", str(DAY))
    # What was compared has everything in it.
    assert min(version.row_counts[name] for name in ("spans", "unmapped_attributes", "objects", "quarantine")) > 1
    assert {"trace_contents", "trace_queries"} <= {path.name for path in (lake.root / "data").iterdir()}
    users = set(pq.read_table(version.file("spans"), columns=["user_id"])["user_id"].to_pylist())
    assert {None, user_keys.FORGOTTEN} < users
    assert sum(row["duplicate_count"] for row in pq.read_table(version.file("objects")).to_pylist()) > 5


@pytest.mark.long
@pytest.mark.timeout(3600)
@hypothesis_settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(objects=OBJECTS, shard_count=st.integers(2, 6), spool_bytes=st.sampled_from([1, 1500, 10**7]))
def test_many_objects_in_any_number_of_shards(
    settings, clients, tmp_path, monkeypatch, objects, shard_count, spool_bytes
):
    with monkeypatch.context() as patch:
        held_against_each_other(
            objects,
            shard_count,
            spool_bytes=spool_bytes,
            settings=settings,
            clients=clients,
            tmp_path=tmp_path,
            monkeypatch=patch,
        )


def test_a_divided_day_is_landed_again_restated_and_not_emptied(day, settings, clients, lake):
    settings = replace(settings, trace_shards=3)
    bodies = {f"hour={hour:02d}/a.json": json_bytes(request(one(hour, 0), one(hour + 1, 1))) for hour in range(6)}
    day(bodies)
    first, landed = content_of(settings, land_divided)
    assert (landed.status, landed.loaded_count, landed.duplicate_count) == ("loaded", 7, 5)
    assert content_of(settings, land_divided)[0] == content_of(settings, land_whole)[0] == first
    # An object that is late makes a new version, whoever lands it.
    day({"hour=23/late.json": json_bytes(request(one(90, 0)))})
    assert content_of(settings, land_divided)[1].loaded_count == 8
    assert lake.current_version("traces", str(DAY)).number == 2
    assert content_of(settings, land_whole)[1].loaded_count == 8
    assert lake.current_version("traces", str(DAY)).number == 2
    for page in clients["s3"].get_paginator("list_objects_v2").paginate(Bucket=settings.traces_bucket):
        for each in page["Contents"]:
            clients["s3"].delete_object(Bucket=settings.traces_bucket, Key=each["Key"])
    day({"hour=01/a.json": json_bytes(request(one(1, 0)))}, of=DAY - timedelta(days=1))
    with pytest.raises(SourceBroken, match="had 8 rows and the source now gives none"):
        land_divided(settings)
    assert lake.current_version("traces", str(DAY)).row_counts["spans"] == 8
    outcome = land_divided(settings, run="allowed", allow_empty=True)
    assert (outcome.status, lake.current_version("traces", str(DAY)).row_counts["spans"]) == ("empty", 0)


def content_of(settings, land):
    outcome = land(settings)
    return content(settings), outcome


def test_where_no_collector_wrote_nothing_is_planned(settings, clients, lake):
    with pytest.raises(SourceMissing, match="there are no trace objects at all"):
        trace_shards.plan(DAY, run="a", settings=settings, as_of=AS_OF)
    with pytest.raises(SettingsError, match="cannot be landed"):
        trace_shards.plan(AS_OF, run="a", settings=settings, as_of=AS_OF)
    assert lake.store.names("shards") == []


def test_shards_are_stretches_of_about_the_same_weight(monkeypatch):
    monkeypatch.setattr(trace_shards, "LEAST_BYTES", 1_000_000)
    small = [S3Object(f"{number:05d}", 1000) for number in range(10_000)]
    shards = trace_shards.divide(small, most=7)
    assert [each for shard in shards for each in shard] == small
    assert {len(shard) for shard in shards} <= {1428, 1429}
    assert trace_shards.divide([], most=7) == []
    assert len(trace_shards.divide(small[:57], most=7)) == 1  # less than a megabyte is one shard
    assert len(trace_shards.divide(small[:116], most=7)) == 2
    huge = trace_shards.divide([*small[:100], S3Object("a", 10**9), *small[:100]], most=4)
    assert max(map(len, huge)) <= 101 and all(huge) and sum(map(len, huge)) == 201


@pytest.fixture
def planned(day, settings, clients):
    """Settings and a plan of three shards."""
    settings = replace(settings, trace_shards=3)
    day({f"hour={hour:02d}/a.json": json_bytes(request(one(hour, 2), one(hour + 1, 3))) for hour in range(6)})
    return settings, trace_shards.plan(DAY, run="a run", settings=settings, as_of=AS_OF)


def read_all(settings, plan):
    for number in range(plan.shard_count):
        trace_shards.land_shard(DAY, plan_id=plan.plan_id, number=number, settings=settings)


def join(settings, plan):
    return trace_shards.join(DAY, plan_id=plan.plan_id, settings=settings, as_of=AS_OF)


def test_nothing_is_joined_that_is_not_whole(planned, lake):
    settings, plan = planned
    trace_shards.land_shard(DAY, plan_id=plan.plan_id, number=0, settings=settings)
    with pytest.raises(LakeError, match=r"shard 1 of traces 2025-06-02 was not read; clear that shard's task"):
        join(settings, plan)
    read_all(settings, plan)
    (file, *_) = (lake.root / plan.home / "001").glob("*/spans.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(LakeError, match="its SHA-256 is not that of what the shard wrote; clear the plan task"):
        join(settings, plan)
    assert lake.current_version("traces", str(DAY)) is None


def test_a_later_plan_of_the_run_takes_the_place_of_an_earlier_one_and_of_no_other(planned, lake):
    settings, stale = planned
    read_all(settings, stale)
    again = trace_shards.plan(DAY, run="a run", settings=settings, as_of=AS_OF)
    other = trace_shards.plan(DAY, run="another", settings=settings, as_of=AS_OF)
    for act in (join, read_all):
        with pytest.raises(
            LakeError, match=r"is not there: the plan of traces 2025-06-02 is gone; clear its plan task"
        ):
            act(settings, stale)
    read_all(settings, again)
    assert join(settings, again).loaded_count == 7
    with pytest.raises(LakeError, match=r"shard 0 .* was not read"):
        join(settings, other)
    # Whoever plans two days later, for whichever day, ends what was left.
    (lake.root / "shards" / "traces" / "2025-05-01" / "half" / "000").mkdir(parents=True)
    left = trace_shards.plan(
        DAY + timedelta(days=-1), run="r", settings=settings, as_of=DAY, today=AS_OF + timedelta(days=1)
    )
    assert sorted(shard_scratch._plan_homes(lake)) == sorted([again.home, other.home, left.home])
    last = trace_shards.plan(
        DAY + timedelta(days=-1), run="s", settings=settings, as_of=DAY, today=AS_OF + timedelta(days=2)
    )
    assert sorted(shard_scratch._plan_homes(lake)) == sorted([left.home, last.home])


def test_machines_that_would_not_fit_together_are_refused(planned, tmp_path, monkeypatch):
    settings, plan = planned
    elsewhere = replace(settings, home=tmp_path / "elsewhere", lake_at=str(settings.lake))
    with pytest.raises(
        SettingsError, match=r"AI_FINOPS_USER_KEY is not set and .*elsewhere/privacy/secret is not there"
    ):
        read_all(elsewhere, plan)
    with pytest.raises(SettingsError, match="AI_FINOPS_USER_KEY is another secret here"):
        read_all(replace(elsewhere, user_key=b"k" * 32), plan)
    read_all(replace(elsewhere, user_key=user_keys.secret_of(settings)), plan)
    assert not (tmp_path / "elsewhere").exists()  # a shard needs no keys of users, and no home
    monkeypatch.setattr(trace_shards, "FORM", 2)
    with pytest.raises(
        SettingsError, match=r"were planned by ai-finops .*form 1 and this machine has .*form 2; bring all"
    ):
        join(settings, plan)


def test_what_shards_write_names_nobody(planned, lake):
    settings, plan = planned
    read_all(settings, plan)
    for path in (lake.root / "shards").rglob("*.parquet"):
        values = str(pq.read_table(path, partitioning=None).to_pydict())
        assert not [user for user in USERS if user in values.replace("journey", "")]
        assert (
            user_keys.hash_of_users(user_keys.secret_of(settings))("ann").hex() in values
            or path.name != "spans.parquet"
        )


def test_a_user_who_is_forgotten_between_shards_and_join_is_not_named(planned, lake):
    settings, plan = planned
    read_all(settings, plan)
    with user_keys.changing(settings) as keys:
        keys.suppress("ann", on=DAY)
    join(settings, plan)
    version = lake.current_version("traces", str(DAY))
    named = set(pq.read_table(version.file("spans"), columns=["user_id"])["user_id"].to_pylist())
    assert user_keys.FORGOTTEN in named and len(named) == 2


def test_forgetting_removes_what_shards_read(planned, lake):
    settings, plan = planned
    read_all(settings, plan)
    assert (shard_scratch.remove_all(lake), shard_scratch.remove_all(lake)) == (1, 0)
    assert not [path for path in (lake.root / "shards").rglob("*") if path.is_file()]
    with pytest.raises(LakeError, match="is gone; clear its plan task"):
        join(settings, plan)


def test_plan_and_shards_ask_for_no_more_than_a_landing_may(planned, permission_guard):
    settings, _ = planned
    permission_guard._landings.append(("traces", traces, settings))
    again = trace_shards.plan(DAY, run="a run", settings=settings, as_of=AS_OF)
    read_all(settings, again)
    permission_guard._landings.clear()
    assert set(permission_guard.allowed) == {"s3:ListBucket", "s3:GetObject"}


def test_a_shard_that_is_read_already_asks_nothing(planned, monkeypatch):
    settings, plan = planned
    read_all(settings, plan)
    monkeypatch.setattr(traces, "read_objects", None)
    read_all(settings, plan)


@pytest.mark.long
def test_on_s3_a_machine_reads_what_another_one_wrote(
    day, clients, settings, request, tmp_path, monkeypatch, aws_server
):
    monkeypatch.setattr("ai_finops.lake_lease.EXPIRES_SECONDS", 1.0)
    place = place_on_s3(request, tmp_path)
    clients["s3"].create_bucket(Bucket=place.bucket)
    folder = with_known_users(replace(settings, keep_content=True), *USERS)
    given_ = {"trace_shards": 3, "lake_at": str(place), "lake_copies_gb": 1}
    bodies = {f"hour={hour:02d}/a.json": json_bytes(request_of(hour)) for hour in range(6)}
    day(bodies)
    planner = replace(twin(folder, tmp_path / "planner"), lake_copies=tmp_path / "copies of one", **given_)
    plan = trace_shards.plan(DAY, run="a run", settings=planner, as_of=AS_OF)
    secret = user_keys.secret_of(planner)
    for number in range(plan.shard_count):
        worker = tmp_path / f"worker {number}"
        elsewhere = replace(planner, home=worker, lake_copies=worker / "copies", user_key=secret)
        trace_shards.land_shard(DAY, plan_id=plan.plan_id, number=number, settings=elsewhere)
    lake = Lake(planner.lake)
    assert lake.current_version("traces", str(DAY)) is None
    outcome = trace_shards.join(DAY, plan_id=plan.plan_id, settings=planner, as_of=AS_OF)
    shard_scratch.remove_plan(lake, "traces", DAY, plan.plan_id)
    assert timeless(outcome) == timeless(land_whole(folder))
    for source in ("traces", "trace_contents", "trace_queries"):
        here, there = (each.current_version(source, str(DAY)) for each in (Lake(folder.lake), lake))
        assert here.checksums == there.checksums, source
    assert [key for key in keys_of(lake) if key.startswith("shards/")] == []
    assert not [path for path in (tmp_path / "copies of one").rglob("*") if "shards" in path.parts and path.is_file()]


def request_of(hour: int) -> dict:
    return request(*(one(hour + number, number) for number in range(12)))


CODE = """
import sys
from datetime import date
from ai_finops.config import Settings
from ai_finops.extract import trace_shards
{patch}
settings, day = Settings.from_env(), date(2025, 6, 2)
what, plan_id = sys.argv[1:]
if what == "join":
    trace_shards.join(day, plan_id=plan_id, settings=settings, as_of=date(2025, 6, 3))
else:
    trace_shards.land_shard(day, plan_id=plan_id, number=int(what), settings=settings)
"""
STOPPED = """
import os, signal
from ai_finops import {module}
from ai_finops.extract import shard_scratch, span_spill, trace_shards
owner, name, after = {owner}, "{name}", {after}
reached, original = [], getattr(owner, name)
def stopping(*given, **more):
    reached.append(1)
    if len(reached) > after:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*given, **more)
setattr(owner, name, stopping)
"""
KILLED_IN = {
    "a shard, at its second file": ("1", "lake_folder", "lake_folder.FolderStore", "put", 1),
    "a shard, before it says that it counts": ("1", "lake_folder", "lake_folder.FolderStore", "replace", 0),
    "a shard, reading": ("1", "lake_folder", "span_spill.SpanSpill", "take", 0),
    "a join, before the partition is shown": ("join", "lake_folder", "lake_folder.FolderStore", "show", 0),
    "a join, before the queries are": ("join", "lake_folder", "lake_folder.FolderStore", "show", 1),
}


@pytest.mark.long
@pytest.mark.parametrize("station", KILLED_IN)
def test_killed_anywhere_the_next_attempt_ends_it(station, day, settings, clients, lake, tmp_path):
    settings = with_known_users(replace(settings, trace_shards=3), *USERS)
    day({f"hour={hour:02d}/a.json": json_bytes(request(*(one(hour + n, n) for n in range(12)))) for hour in range(6)})
    whole = twin(settings, tmp_path / "whole")
    plan = trace_shards.plan(DAY, run="a run", settings=settings, as_of=AS_OF)
    what, module, owner, name, after = KILLED_IN[station]
    for number in range(3) if what == "join" else (0, 2):
        trace_shards.land_shard(DAY, plan_id=plan.plan_id, number=number, settings=settings)
    patch = STOPPED.format(module=module, owner=owner, name=name, after=after)
    ended = run_alone(CODE.format(patch=patch + SMALL), what, plan, settings)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    if what != "join":
        assert shard_scratch.shard_read(lake, plan, 1) is None
        assert lake.current_version("traces", str(DAY)) is None
        assert run_alone(CODE.format(patch=SMALL), what, plan, settings).returncode == 0
    else:
        shown = lake.current_version("traces", str(DAY))
        assert shown is None or shown.row_counts["spans"] > 0
    join(settings, plan)
    shard_scratch.remove_plan(lake, "traces", DAY, plan.plan_id)
    land_whole(whole)
    assert content(settings) == content(whole)
    assert not [path for path in (lake.root / "shards").rglob("*") if path.is_file()]


SMALL = """
from ai_finops.extract import span_file, span_spill
span_file.GROUP_ROWS, span_spill.GROUP_ROWS = 7, 5
"""


def run_alone(code, what, plan, settings):
    env = {
        **os.environ,
        "AI_FINOPS_HOME": str(settings.home),
        "AI_FINOPS_TRACES_BUCKET": settings.traces_bucket,
        "AI_FINOPS_TRACE_SHARDS": "3",
    }
    return subprocess.run([sys.executable, "-c", code, what, plan.plan_id], env=env, capture_output=True, text=True)
