"""Whether yesterday's marts are late, why, and what stands in for a feed that has not reported."""

import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from ai_finops import extract
from ai_finops.config import Settings
from ai_finops.lake import Lake, Outcome
from ai_finops.orchestrate.morning import find_late, stand_in

DAY, DUE = date(2025, 6, 15), time(8)
SIX = datetime(2025, 6, 16, 6, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path)})


@pytest.fixture
def lake(settings):
    """A lake in which the day before came in whole."""
    lake = Lake(settings.lake)
    for source in settings.sources:
        lake.record_outcome(outcome(source, day=DAY - timedelta(days=1)))
    return lake


def outcome(source, status="loaded", *, day=DAY, at=SIX, error=None):
    rows = 3 if status == "loaded" else 0
    return Outcome(source, day, status, date(2025, 6, 16), at, read_count=rows, loaded_count=rows, error=error)


def publish(settings, *days, built_at=SIX + timedelta(minutes=10)):
    place = settings.published / "builds" / "000001-2025-06-16-1f3a9c04"
    place.mkdir(parents=True, exist_ok=True)
    record = {"days": [str(day) for day in days], "built_at": built_at.isoformat()}
    (place / "build.json").write_text(json.dumps(record))
    link = settings.published / "current"
    if not link.is_symlink():
        link.symlink_to(place)


def late(settings, *running):
    return find_late(settings, day=DAY, due=DUE, is_running=running.__contains__)


def test_published_marts_are_not_late(settings, lake):
    publish(settings, DAY)
    assert late(settings) is None


def test_before_anything_was_landed_nothing_is_late(settings):
    assert late(settings, "extract_traces") is None


def test_a_feed_without_a_run_and_one_that_is_going_are_told_apart(settings, lake):
    lake.record_outcome(outcome("billing"))
    publish(settings, DAY - timedelta(days=1))
    found = late(settings, "extract_traces")
    assert found.unreported_feeds == ("traces", "cloudwatch")
    assert found.text == (
        "The marts of 2025-06-15 are not published by 08:00 UTC: extract_traces has not reported, a run of it is still going; "
        "extract_cloudwatch has not reported and no run of it is going, so it is paused, never started or ended without a "
        "report; build_marts starts now with what there is, and what comes later is in the next build."
    )


@pytest.mark.parametrize(
    ("running", "said"),
    [
        ((), "build_marts is not running, so it failed"),
        (("build_marts",), "build_marts is still running or waits for its slot"),
    ],
)
def test_a_build_that_runs_and_one_that_failed_are_told_apart(settings, lake, running, said):
    for source in settings.sources:
        lake.record_outcome(outcome(source))
    found = late(settings, *running)
    assert found.unreported_feeds == ()
    assert said in found.text


def test_a_source_that_is_down_is_named_with_its_error(settings, lake):
    for source in settings.sources:
        lake.record_outcome(outcome(source))
    lake.record_outcome(outcome("traces", "failed", error="the bucket is gone"))
    assert "traces could not be read: the bucket is gone" in late(settings).text


def test_a_day_without_any_usage_is_published_once_a_build_has_seen_it(settings, lake):
    for source in settings.sources:
        lake.record_outcome(outcome(source, "empty"))
    publish(settings, built_at=SIX - timedelta(seconds=1))
    assert late(settings) is not None
    publish(settings, built_at=SIX)
    assert late(settings) is None
    lake.record_outcome(outcome("traces", "failed", error="down"))  # nothing is known of this one
    assert late(settings) is not None


def test_a_missing_feed_is_recorded_once_and_told_to_the_build(settings, lake):
    assert stand_in(settings, feed="traces", day=DAY, due=DUE)
    kept = lake.outcome("traces", DAY)
    assert (kept.status, kept.has_content) == ("missing", False)
    assert kept.error.startswith("extract_traces had not reported by 08:00 UTC")
    # Killed before it could tell the build, the task does both again and writes nothing.
    assert stand_in(settings, feed="traces", day=DAY, due=DUE)
    assert lake.outcome("traces", DAY) == kept
    assert late(settings).unreported_feeds[0] == "traces"


@pytest.mark.parametrize("status", ["loaded", "empty", "missing", "failed"])
def test_what_an_extraction_recorded_stays(settings, lake, status):
    kept = outcome("traces", status, error="there is no log" if status in ("missing", "failed") else None)
    lake.record_outcome(kept)
    assert not stand_in(settings, feed="traces", day=DAY, due=DUE)
    assert lake.outcome("traces", DAY) == kept


def test_of_a_feed_with_several_sources_the_missing_ones_alone_are_recorded(settings, lake):
    settings = replace(settings, sources=(*settings.sources, "openai"))
    lake.record_outcome(outcome("billing"))
    assert stand_in(settings, feed="billing", day=DAY, due=DUE)
    assert (lake.outcome("billing", DAY).status, lake.outcome("openai", DAY).status) == ("loaded", "missing")


def test_a_late_feed_replaces_what_stood_in_for_it(settings, lake):
    stand_in(settings, feed="traces", day=DAY, due=DUE)
    landed = outcome("traces", at=SIX + timedelta(hours=3))
    extract.record("traces", DAY, settings=settings, as_of=date(2025, 6, 16), outcome=landed, error=None)
    assert lake.outcome("traces", DAY).status == "loaded"
    assert not stand_in(settings, feed="traces", day=DAY, due=DUE)


def test_an_extraction_that_reports_at_that_moment_is_never_overwritten(settings, lake):
    for number in range(60):
        day = DAY + timedelta(days=number)
        start = threading.Barrier(2)

        def report(day=day, start=start):
            start.wait()
            lake.record_outcome(outcome("traces", day=day))

        extraction = threading.Thread(target=report)
        extraction.start()
        start.wait()
        stand_in(settings, feed="traces", day=day, due=DUE)
        extraction.join()
        assert lake.outcome("traces", day).status == "loaded"
    assert list((settings.lake / "outcomes" / "traces").glob(".*")) == []
