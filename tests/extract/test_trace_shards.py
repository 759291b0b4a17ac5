"""A day landed in shards is the day landed whole, byte for byte."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
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
    + [(7, "binpb", [request(one(1, 0), one(30, 7))], []), (8, "json", [request(one(31, 4), one(32, 11, trace=4))], [])]
    + [(9, "txt", [request(span(1))], []), (9, "broken.json.gz", [request(span(40))], [])]
)


@pytest.mark.parametrize("shard_count", [2, 5])
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


def check_any(examples):
    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(objects=OBJECTS, shard_count=st.integers(2, 6), spool_bytes=st.sampled_from([1, 1500, 10**7]))
    def check(settings, clients, tmp_path, monkeypatch, objects, shard_count, spool_bytes):
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

    return check


test_any_objects_in_any_number_of_shards = check_any(4)
test_many_objects_in_any_number_of_shards = pytest.mark.long(check_any(300))
