"""A range of days: each is recorded, a broken one stops nothing, a refused one stops at once."""

from dataclasses import replace
from datetime import date

import pytest

from ai_finops.errors import SettingsError, SourceMissing
from ai_finops.extract.history import failures, land_days
from ai_finops.lake import Lake
from tests.extract.made import json_bytes, request, span

DAYS = [date(2025, 6, day) for day in (2, 3, 4)]


def put_spans(clients, settings, day):
    key = f"otlp/year=2025/month=06/day={day:%d}/hour=01/minute=00/docs-api_traces_{day:%d}.json"
    clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=json_bytes(request(span(day.day))))
    return key


def statuses(outcomes):
    return {day: outcome.status for day, outcome in outcomes.items()}


def test_each_day_is_landed_and_recorded(clients, settings):
    for day in (DAYS[0], DAYS[2]):
        put_spans(clients, settings, day)
    shown = []
    outcomes = land_days("traces", first=DAYS[0], last=DAYS[2], settings=settings, on_day=shown.append)
    assert statuses(outcomes) == {"2025-06-02": "loaded", "2025-06-03": "empty", "2025-06-04": "loaded"}
    assert (
        shown == list(outcomes.values()) == sorted(Lake(settings.lake).outcomes(), key=lambda kept: kept.landing_date)
    )
    assert failures(outcomes) == []


def test_the_clock_is_the_morning_after_the_last_day(clients, settings):
    put_spans(clients, settings, DAYS[0])
    outcomes = land_days("traces", first=DAYS[0], last=DAYS[1], settings=settings)
    assert {outcome.as_of_date for outcome in outcomes.values()} == {DAYS[2]}


def test_a_day_that_lost_its_rows_fails_alone_and_keeps_them(clients, settings):
    keys = [put_spans(clients, settings, day) for day in DAYS]
    land_days("traces", first=DAYS[0], last=DAYS[2], settings=settings)
    clients["s3"].delete_object(Bucket=settings.traces_bucket, Key=keys[1])
    outcomes = land_days("traces", first=DAYS[0], last=DAYS[2], settings=settings)
    assert statuses(outcomes) == {"2025-06-02": "loaded", "2025-06-03": "failed", "2025-06-04": "loaded"}
    (sentence,) = failures(outcomes)
    assert sentence.startswith("traces 2025-06-03: ")
    assert "2025-06-03" in Lake(settings.lake).current("traces")


def test_a_missing_bucket_stops_at_the_first_day_and_says_so_there(clients, settings):
    elsewhere = replace(settings, traces_bucket="nobody-made-this-one")
    with pytest.raises(SourceMissing, match="nobody-made-this-one"):
        land_days("traces", first=DAYS[0], last=DAYS[2], settings=elsewhere)
    (outcome,) = Lake(settings.lake).outcomes()
    assert (outcome.landing_date, outcome.status) == (DAYS[0], "failed")
    assert "nobody-made-this-one" in outcome.error


def test_a_backwards_range_is_refused(settings):
    with pytest.raises(SettingsError, match="2025-06-04 to 2025-06-02; give the earlier day first"):
        land_days("traces", first=DAYS[2], last=DAYS[0], settings=settings)


def test_a_range_that_is_not_over_lands_nothing(settings):
    for today in (DAYS[2], DAYS[1]):
        with pytest.raises(SettingsError, match=f"traces cannot be landed for {DAYS[2]} as of {today}"):
            land_days("traces", first=DAYS[0], last=DAYS[2], settings=settings, today=today)
    assert not settings.lake.exists()


def test_a_range_of_more_than_ten_years_is_refused(settings):
    with pytest.raises(SettingsError, match="2015-04-17 to 2025-06-04 is 3702 days; land at most 3700 at a time"):
        land_days("traces", first=date(2015, 4, 17), last=DAYS[2], settings=settings)


def test_a_day_past_the_retention_is_expired_and_stops_nothing(clients, settings):
    outcomes = land_days(
        "cloudwatch", first=date(2024, 3, 5), last=date(2024, 3, 6), settings=settings, as_of=date(2025, 6, 4)
    )
    # 455 days before 4 June 2025 is 6 March 2024.
    assert statuses(outcomes) == {"2024-03-05": "expired", "2024-03-06": "empty"}
    assert failures(outcomes)[0].startswith("cloudwatch 2024-03-05: CloudWatch keeps no points of 2024-03-05")
