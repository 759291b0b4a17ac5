"""What CloudWatch answers after a delivery, through its own API."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ai_finops.demo.call_rows import read_calls
from ai_finops.demo.deliver_cloudwatch import deliver_cloudwatch
from tests.demo.hand_made import HAIKU, RERANK, SONNET_4, at, call, sample_of


@pytest.fixture
def ask(clients):
    """Ask CloudWatch for an hour of one metric: (sum, sample count, minimum, maximum)."""

    def statistics(namespace: str, metric: str, hour: str, **dimensions: str) -> list[float]:
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        metric_of = {"Namespace": namespace, "MetricName": metric, "Dimensions": named}
        queries = [
            {"Id": stat.lower(), "MetricStat": {"Metric": metric_of, "Period": 3600, "Stat": stat}}
            for stat in ("Sum", "SampleCount", "Minimum", "Maximum")
        ]
        answer = clients["cloudwatch"].get_metric_data(
            MetricDataQueries=queries, StartTime=at(hour), EndTime=at(hour) + timedelta(hours=1)
        )
        return [value for result in answer["MetricDataResults"] for value in result["Values"]]

    return statistics


def _deliver(*rows: dict, clients, day: str) -> int:
    calls = read_calls(sample_of(*rows).calls)
    on = date.fromisoformat(day)
    return deliver_cloudwatch(calls, first=on, last=on, cloudwatch=clients["cloudwatch"])


# CloudWatch has no account of its own per test: each test uses a day that no other one uses.


def test_the_decorator_and_bedrock_both_count(clients, ask):
    rows = (
        call(1, "2025-01-01 10:00:00", uncached_input_tokens=1000, cache_read_input_tokens=500, duration_ms=1500),
        call(2, "2025-01-01 10:59:59", uncached_input_tokens=2000, output_tokens=300, duration_ms=2500),
        call(3, "2025-01-01 11:00:00"),
    )
    # Two hours of 4 decorator metrics and 4 Bedrock metrics.
    assert _deliver(*rows, clients=clients, day="2025-01-01") == 16
    hour = "2025-01-01 10:00:00"
    feature = {"Feature": "document_summarization", "Model": SONNET_4}
    assert ask("AI/FinOps", "InputTokens", hour, **feature) == [3500, 2, 1500, 2000]
    assert ask("AI/FinOps", "OutputTokens", hour, **feature) == [400, 2, 100, 300]
    assert ask("AI/FinOps", "LatencyMs", hour, **feature) == [4000, 2, 1500, 2500]
    # (1000 x 3 + 500 x 0.30 + 100 x 15 + 2000 x 3 + 300 x 15) / 1M = 0.01515; the two calls are 0.00465 and 0.0105.
    assert ask("AI/FinOps", "EstimatedCostUSD", hour, **feature) == pytest.approx([0.01515, 2, 0.00465, 0.0105])
    # Bedrock's input tokens leave cached ones out.
    assert ask("AWS/Bedrock", "InputTokenCount", hour, ModelId=SONNET_4) == [3000, 2, 1000, 2000]
    assert ask("AWS/Bedrock", "Invocations", hour, ModelId=SONNET_4) == [2, 2, 1, 1]
    assert ask("AWS/Bedrock", "Invocations", "2025-01-01 11:00:00", ModelId=SONNET_4) == [1, 1, 1, 1]


def test_only_the_decorated_service_writes_its_own_metrics(clients, ask):
    row = call(1, "2025-01-02 10:00:00", service_name="growth-api", request_model=HAIKU)
    assert _deliver(row, clients=clients, day="2025-01-02") == 4
    assert ask("AWS/Bedrock", "OutputTokenCount", "2025-01-02 10:00:00", ModelId=HAIKU) == [100, 1, 100, 100]


def test_a_rerank_has_no_tokens_and_a_failed_call_is_a_throttle(clients, ask):
    rows = (
        call(1, "2025-01-03 10:00:00", service_name="support-api", request_model=RERANK, operation_name="rerank"),
        call(2, "2025-01-03 10:00:00", service_name="support-api", request_model=RERANK, is_error=True),
    )
    assert _deliver(*rows, clients=clients, day="2025-01-03") == 3
    assert ask("AWS/Bedrock", "InvocationThrottles", "2025-01-03 10:00:00", ModelId=RERANK) == [1, 1, 1, 1]
    assert ask("AWS/Bedrock", "InputTokenCount", "2025-01-03 10:00:00", ModelId=RERANK) == []


def test_a_call_without_usage_has_a_latency_only(clients):
    row = call(1, "2025-01-04 10:00:00", has_usage=False)
    assert _deliver(row, clients=clients, day="2025-01-04") == 1 + 4


def test_only_the_days_asked_for_are_put(clients):
    rows = (call(1, "2025-01-05 23:59:59"), call(2, "2025-01-07 00:00:00"))
    assert _deliver(*rows, clients=clients, day="2025-01-06") == 0
