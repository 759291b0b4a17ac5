"""The registry: one verb for each source, and the record of how a day ended."""

import inspect
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ai_finops import extract
from ai_finops.config import KNOWN_SOURCES
from ai_finops.errors import Fault, LakeError, PartitionExpired, SettingsError, SourceMissing, fault_of
from ai_finops.extract import span_loader
from ai_finops.lake import Outcome
from tests.extract.made import json_bytes, nanoseconds, request, span

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)


def test_every_known_source_has_the_same_verb():
    assert tuple(extract.SOURCES) == KNOWN_SOURCES
    for name, module in extract.SOURCES.items():
        assert name == module.SOURCE
        assert set(module.CLIENTS) <= {"s3", "cloudwatch", "bedrock", "logs", "ce", "openai", "anthropic"}
        assert list(inspect.signature(module.land).parameters) == [
            "day",
            "settings",
            "lake",
            "clients",
            "as_of",
            "allow_empty",
        ]


def test_land_builds_clients_and_lake_and_records_nothing(clients, settings, lake):
    key = "otlp/year=2025/month=06/day=02/a.json"
    clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=json_bytes(request(span(1))))
    outcome = extract.land("traces", DAY, settings=settings, as_of=AS_OF)
    assert outcome.loaded_count == 1
    assert lake.current_version("traces", "2025-06-02").row_counts["spans"] == 1
    assert lake.outcomes() == []
    assert extract.record("traces", DAY, settings=settings, as_of=AS_OF, outcome=outcome, error=None) == outcome
    assert lake.outcomes() == [outcome]


def test_a_disk_that_fills_up_under_a_landing_is_one_sentence(clients, settings, lake, monkeypatch):
    key = "otlp/year=2025/month=06/day=02/a.json"
    clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=json_bytes(request(span(1))))
    monkeypatch.setattr(span_loader.os, "writev", lambda _handle, _pieces: 1)  # as of a disk that has room for a byte
    said = rf"could not land traces 2025-06-02: .*No space left on device.*make room below {settings.home} and"
    with pytest.raises(LakeError, match=said) as raised:
        extract.land("traces", DAY, settings=settings, as_of=AS_OF)
    assert fault_of(raised.value) is Fault.DISK_FULL
    assert lake.current_version("traces", "2025-06-02") is None


def test_a_failure_is_recorded_in_its_words(settings, lake):
    recorded = extract.record("billing", DAY, settings=settings, as_of=AS_OF, outcome=None, error="refused")
    assert (recorded.status, recorded.error, recorded.read_count) == ("failed", "refused", 0)
    assert lake.outcomes() == [recorded]


def test_an_error_wins_over_an_outcome(settings):
    landed = Outcome("traces", DAY, "empty", AS_OF, datetime(2025, 6, 3, tzinfo=UTC))
    both = extract.record("traces", DAY, settings=settings, as_of=AS_OF, outcome=landed, error="later")
    assert both.status == "failed"


def test_nothing_to_record_is_refused(settings, lake):
    with pytest.raises(SettingsError, match="neither an outcome nor an error"):
        extract.record("traces", DAY, settings=settings, as_of=AS_OF, outcome=None, error=None)
    assert lake.outcomes() == []


@pytest.mark.parametrize("verb", [extract.land, extract.record])
def test_an_unknown_source_is_named(settings, verb):
    more = {"outcome": None, "error": "x"} if verb is extract.record else {}
    with pytest.raises(SettingsError, match=f"unknown source 'nobody'; known are {', '.join(KNOWN_SOURCES)}"):
        verb("nobody", DAY, settings=settings, as_of=AS_OF, **more)


def test_a_failure_keeps_the_counts_of_the_content_that_is_still_current(settings, lake):
    landed = Outcome(
        "traces",
        DAY,
        "loaded",
        AS_OF,
        datetime(2025, 6, 3, tzinfo=UTC),
        read_count=3,
        loaded_count=2,
        quarantined_count=1,
        bytes_read=99,
        partitions=("2025-06-02",),
    )
    extract.record("traces", DAY, settings=settings, as_of=AS_OF, outcome=landed, error=None)
    for sentence in ("refused", "refused again"):
        failed = extract.record("traces", DAY, settings=settings, as_of=AS_OF, outcome=None, error=sentence)
        assert failed == replace(landed, status="failed", error=sentence, extracted_at=failed.extracted_at)
        assert failed.extracted_at > landed.extracted_at
        assert lake.outcomes() == [failed]
    extract.record("traces", DAY, settings=settings, as_of=AS_OF, outcome=landed, error=None)
    assert lake.outcomes() == [landed]


@pytest.mark.parametrize(
    ("day", "today"),
    [
        (AS_OF, None),
        (date(2025, 6, 4), None),
        ("2025-06-02", None),
        (DAY, DAY),
        (DAY, date(2025, 6, 1)),
        (AS_OF, date(2025, 7, 1)),
    ],
)
def test_a_day_that_is_not_over_or_no_day_is_refused(settings, lake, day, today):
    with pytest.raises(SettingsError, match="give a day that is over by then"):
        extract.land("traces", day, settings=settings, as_of=AS_OF, today=today)
    assert not lake.root.exists()


def test_a_missing_bucket_leaves_nothing(clients, settings, lake, monkeypatch):
    clients["s3"].delete_bucket(Bucket=settings.traces_bucket)
    said = f"^the bucket {settings.traces_bucket} does not exist; correct AI_FINOPS_TRACES_BUCKET$"
    with pytest.raises(SourceMissing, match=said):
        extract.land("traces", DAY, settings=settings, as_of=AS_OF)
    assert not lake.root.exists()


@pytest.mark.parametrize(("today", "is_kept"), [(date(2026, 8, 31), True), (date(2026, 9, 1), False)])
def test_what_a_source_keeps_is_counted_from_the_day_it_is_asked(clients, settings, today, is_kept):
    # CloudWatch keeps 455 days; 455 days after 2 June 2025 is 31 August 2026.
    if is_kept:
        outcome = extract.land("cloudwatch", DAY, settings=settings, as_of=AS_OF, today=today)
        assert (outcome.status, outcome.as_of_date) == ("empty", AS_OF)
    else:
        with pytest.raises(PartitionExpired, match="2025-06-02 as of 2026-09-01: 456 days"):
            extract.land("cloudwatch", DAY, settings=settings, as_of=AS_OF, today=today)


def test_what_is_in_the_future_is_counted_from_the_day_however_late_it_is_landed(clients, settings):
    later = nanoseconds(datetime(2025, 6, 4, 0, 0, 1, tzinfo=UTC))
    late, day_after_next = span(1), span(2, startTimeUnixNano=later, endTimeUnixNano=later)
    key = "otlp/year=2025/month=06/day=02/a.json"
    clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=json_bytes(request(late, day_after_next)))
    outcome = extract.land("traces", DAY, settings=settings, as_of=AS_OF, today=date(2025, 9, 1))
    assert (outcome.loaded_count, outcome.quarantined_count) == (1, 1)
