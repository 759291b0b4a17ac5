"""Data in the form of PutMetricData, and requests within its limits."""

from datetime import UTC, datetime

from ai_finops.instrument.metrics.datum import Key, datum, requests_of
from ai_finops.instrument.metrics.names import INPUT_TOKENS
from ai_finops.instrument.metrics.statistic_sets import StatisticSet
from tests.instrument.metrics.made import MINUTE

KEY = Key(INPUT_TOKENS, "search", "m", MINUTE)


def two_values() -> StatisticSet:
    values = StatisticSet()
    values.add_all([3, 5])
    return values


def test_a_datum_by_hand():
    assert datum(KEY, two_values(), last_minute=MINUTE) == {
        "MetricName": "InputTokens",
        "Unit": "Count",
        "Dimensions": [{"Name": "Feature", "Value": "search"}, {"Name": "Model", "Value": "m"}],
        "Timestamp": datetime(2025, 2, 19, 21, 20, tzinfo=UTC),
        "StatisticValues": {"SampleCount": 2.0, "Sum": 8.0, "Minimum": 3.0, "Maximum": 5.0},
    }


def test_a_minute_that_has_not_come_is_the_current_one():
    later = KEY._replace(minute=MINUTE + 1)
    assert datum(later, two_values(), last_minute=MINUTE)["Timestamp"] == datetime(2025, 2, 19, 21, 20, tzinfo=UTC)
    assert datum(later, two_values(), last_minute=MINUTE + 1)["Timestamp"] == datetime(2025, 2, 19, 21, 21, tzinfo=UTC)


def sizes(count: int, *, name_chars: int = 6) -> list[int]:
    keys = [Key(INPUT_TOKENS, "f" * name_chars, "m", MINUTE + number) for number in range(count)]
    batches = list(requests_of(keys))
    assert [key for batch in batches for key in batch] == keys
    return [len(batch) for batch in batches]


def test_a_request_has_a_thousand_metrics():
    assert sizes(0) == []
    assert sizes(1_000) == [1_000]
    assert sizes(1_001) == [1_000, 1]


def test_a_request_has_a_megabyte():
    # A datum with a feature of 1,024 characters is taken as 450 + 2 x 1,025 = 2,500 bytes, a request as 1,000 more: 399 fit.
    assert sizes(400, name_chars=1_024) == [399, 1]
