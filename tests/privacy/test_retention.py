"""What is past its retention goes, on the day after the last that it is kept, and no call with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest

from ai_finops.lake import Lake
from ai_finops.privacy import user_keys
from ai_finops.privacy.retention import keep_retention
from tests.extract.made import CALL, json_bytes, request, span

DAY, NEXT = date(2025, 6, 2), date(2025, 6, 3)


@pytest.fixture
def kept(settings):
    return replace(settings, user_retention_days=10, content_retention_days=3)


@pytest.fixture
def landed(put, land, kept):
    for number, day in enumerate((DAY, NEXT), start=1):
        plain = CALL | {"user.id": f"user-{number}", "session.id": "s", "input.value": "a question"}
        put(day, "a.json", json_bytes(request(span(number, plain, traceId=str(number) * 32))))
        land(day, of=kept)


def told(lake: Lake) -> list[tuple]:
    rows = [row for file in lake.files("traces", "spans") for row in pq.read_table(file, partitioning=None).to_pylist()]
    return [(row["user_id"] is not None, row["journey_id"], row["output_tokens"]) for row in rows]


def test_users_and_texts_go_a_day_after_they_are_kept_for(lake, kept, landed):
    last = DAY + timedelta(days=kept.content_retention_days)
    assert keep_retention(settings=kept, as_of=last, is_applied=True) == ["nothing is past its retention"]
    assert "trace_contents 2025-06-02: all of it" in keep_retention(
        settings=kept, as_of=last + timedelta(days=1), is_applied=True
    )
    assert list(lake.current("trace_contents")) == [str(NEXT)]
    assert told(lake) == [(True, "s", 20)] * 2
    as_of = DAY + timedelta(days=kept.user_retention_days + 1)
    listed = keep_retention(settings=kept, as_of=as_of, is_applied=False)
    assert "traces 2025-06-02: 1 users, and the ids of conversations" in listed and told(lake)[0][0]
    keep_retention(settings=kept, as_of=as_of, is_applied=True)
    assert told(lake) == [(False, None, 20), (True, "s", 20)]
    with user_keys.opened(kept) as keys:
        assert keys.pseudonym("user-1") is None and keys.pseudonym("user-2")
    assert keep_retention(settings=kept, as_of=as_of, is_applied=True) == ["nothing is past its retention"]


def test_a_day_that_is_landed_again_after_it_names_nobody(lake, kept, landed, land):
    as_of = DAY + timedelta(days=kept.user_retention_days + 1)
    keep_retention(settings=kept, as_of=as_of, is_applied=True)
    before = lake.current_version("traces", str(DAY)).path
    land(DAY, of=kept, as_of=as_of)
    assert lake.current_version("traces", str(DAY)).path == before
