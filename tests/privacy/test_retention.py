"""What is past its retention goes, on the day after the last that it is kept, and no call with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest

from ai_finops.build import candidates
from ai_finops.errors import BuildBusy
from ai_finops.lake import Lake
from ai_finops.privacy import user_keys
from ai_finops.privacy.retention import keep_retention
from ai_finops.publish.current import published_builds
from ai_finops.quality.data_docs import Run, kept_runs, new_site, show_site
from tests.extract.made import CALL, json_bytes, request, span

DAY, NEXT = date(2025, 6, 2), date(2025, 6, 3)
NOTHING = "nothing is past its retention"


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


def test_builds_go_a_day_after_they_are_kept_for_but_the_published_one(settings):
    old, last, current = (f"{number:06d}-2025-06-{day:02}-0a0b0c0d" for number, day in ((1, 1), (2, 2), (3, 1)))
    for build_id in (old, last, current):
        for folder in (settings.builds / build_id, settings.published / "builds" / build_id):
            folder.mkdir(parents=True)
            (folder / "build.json").write_text("{}")
        site = new_site(settings, build_id)
        show_site(site, settings=settings, run=Run(build_id, build_id[7:17], "2025-06-03T00:00:00+00:00", 1, 0, 0))
    (settings.published / "current").symlink_to(settings.published / "builds" / current)
    kept = replace(settings, build_retention_days=30)
    as_of = date(2025, 7, 2)
    assert keep_retention(settings=kept, as_of=as_of - timedelta(days=1), is_applied=True) == [NOTHING]
    gone = [f"1 {what} of days before 2025-06-02" for what in ("candidate builds", "published builds", "audits")]
    assert keep_retention(settings=kept, as_of=as_of, is_applied=False) == gone
    assert [each.name for each in published_builds(settings)] == [old, last, current]
    assert keep_retention(settings=kept, as_of=as_of, is_applied=True) == gone
    assert [each.name for each in published_builds(settings)] == [last, current]
    assert [each.name for each in candidates(settings)] == [last, current]
    assert sorted(run.build_id for run in kept_runs(settings)) == [last, current]
    assert keep_retention(settings=kept, as_of=as_of, is_applied=True) == [NOTHING]


def test_places_of_what_was_set_aside_lose_the_ids_of_spans_with_the_users(lake, kept, put, land):
    broken = span(1, CALL | {"user.id": "user-1", "gen_ai.usage.input_tokens": -1})
    put(DAY, "a.json", json_bytes(request(broken, span(2, CALL | {"user.id": "user-1"}))))
    land(DAY, of=kept)

    def places() -> list[str]:
        (version,) = lake.current("traces").values()
        return pq.read_table(version.file("quarantine"), partitioning=None)["place"].to_pylist()

    assert places() == [f"line 1, span {1:016x}"]
    keep_retention(settings=kept, as_of=DAY + timedelta(days=kept.user_retention_days + 1), is_applied=True)
    assert places() == ["line 1"]


def test_it_waits_for_a_landing_and_says_so_when_that_does_not_end(settings, monkeypatch):
    monkeypatch.setattr(user_keys, "WAIT_SECONDS", 0.2)
    with (
        user_keys.landing(settings),
        pytest.raises(BuildBusy, match=r"landings are under way, which hold .*landing\.lock; waited 0 s"),
    ):
        keep_retention(settings=settings, as_of=DAY, is_applied=True)
    with (
        user_keys.changing(settings),
        pytest.raises(BuildBusy, match="landed rows are being changed"),
        user_keys.landing(settings),
    ):
        pytest.fail("a landing began meanwhile")
    assert keep_retention(settings=settings, as_of=DAY, is_applied=True) == [NOTHING]


def test_a_day_that_is_landed_again_after_it_names_nobody(lake, kept, landed, land):
    as_of = DAY + timedelta(days=kept.user_retention_days + 1)
    keep_retention(settings=kept, as_of=as_of, is_applied=True)
    before = lake.current_version("traces", str(DAY)).path
    land(DAY, of=kept, as_of=as_of)
    assert lake.current_version("traces", str(DAY)).path == before
