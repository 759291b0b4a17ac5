"""Put the sample's metrics into CloudWatch: what the decorator writes (`AI/FinOps`) and what Bedrock writes (`AWS/Bedrock`).

Each metric goes in as one statistic set per series and hour, as from a sender that aggregates first. The decorator is in
docs-api alone; Bedrock counts every call of the account, and its input tokens leave cached ones out. `EstimatedCostUSD` is at
list prices, the only ones a caller knows. CloudWatch itself refuses points older than two weeks; the local AWS takes them. It
adds up what it is given, so a day must be delivered once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ai_finops.demo.account import errors_named
from ai_finops.demo.call_rows import Call, hour_of
from ai_finops.demo.list_prices import RERANK_USD_PER_QUERY, list_price_usd_per_mtok

FINOPS_NAMESPACE = "AI/FinOps"
BEDROCK_NAMESPACE = "AWS/Bedrock"
DECORATED_SERVICES = ("docs-api",)
_MAX_METRICS_PER_REQUEST = 1000
_Dimensions = tuple[tuple[str, str], ...]
_Series = tuple[str, str, str, _Dimensions, datetime]
"""Namespace, metric name, unit, dimensions, hour."""


@dataclass(slots=True)
class _Statistics:
    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)


def deliver_cloudwatch(calls: list[Call], *, first: date, last: date, cloudwatch: Any) -> int:
    """Put the metrics of calls that began from `first` to `last`; return the count of statistic sets.

    Raises:
        SourceForbidden, SourceUnavailable: CloudWatch refused, or did not answer.
    """
    series: dict[_Series, _Statistics] = {}
    for call in calls:
        if first <= call.started_at.date() <= last:
            for key, value in _values(call):
                series.setdefault(key, _Statistics()).add(value)
    for namespace in (FINOPS_NAMESPACE, BEDROCK_NAMESPACE):
        data = [_datum(key, statistics) for key, statistics in sorted(series.items()) if key[0] == namespace]
        for offset in range(0, len(data), _MAX_METRICS_PER_REQUEST):
            with errors_named(f"CloudWatch namespace {namespace}"):
                batch = data[offset : offset + _MAX_METRICS_PER_REQUEST]
                cloudwatch.put_metric_data(Namespace=namespace, MetricData=batch)
    return len(series)


def _values(call: Call) -> Iterator[tuple[_Series, float]]:
    hour = hour_of(call.started_at)
    model: _Dimensions = (("ModelId", call.request_model),)
    for name, unit, value in _bedrock_values(call):
        yield (BEDROCK_NAMESPACE, name, unit, model, hour), value
    if call.service_name in DECORATED_SERVICES and call.is_instrumented:
        feature: _Dimensions = (("Feature", call.feature_id), ("Model", call.request_model))
        for name, unit, value in _finops_values(call):
            yield (FINOPS_NAMESPACE, name, unit, feature, hour), value


def _bedrock_values(call: Call) -> Iterator[tuple[str, str, float]]:
    if call.is_error:
        yield "InvocationThrottles", "Count", 1
        return
    yield "Invocations", "Count", 1
    yield "InvocationLatency", "Milliseconds", call.duration_ms
    if call.operation_name != "rerank":
        yield "InputTokenCount", "Count", call.uncached_input_tokens
        yield "OutputTokenCount", "Count", call.output_tokens


def _finops_values(call: Call) -> Iterator[tuple[str, str, float]]:
    yield "LatencyMs", "Milliseconds", call.duration_ms
    if call.shows_usage:
        yield "InputTokens", "Count", call.input_tokens
        yield "OutputTokens", "Count", call.output_tokens
        yield "EstimatedCostUSD", "None", float(_estimated_cost_usd(call))


def _estimated_cost_usd(call: Call) -> Decimal:
    tokens = {
        "uncached_input": call.uncached_input_tokens,
        "cache_read_input": call.cache_read_input_tokens,
        "cache_write_5m_input": call.cache_write_5m_input_tokens,
        "output": call.output_tokens,
    }
    day = call.started_at.date()
    priced = (count * list_price_usd_per_mtok(call.request_model, kind, day) for kind, count in tokens.items() if count)
    return sum(priced, Decimal(0)) / 1_000_000 + (call.search_units or 0) * RERANK_USD_PER_QUERY


def _datum(key: _Series, statistics: _Statistics) -> dict:
    _, name, unit, dimensions, hour = key
    return {
        "MetricName": name,
        "Unit": unit,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
        "Timestamp": hour,
        "StatisticValues": {
            "SampleCount": statistics.count,
            "Sum": statistics.total,
            "Minimum": statistics.least,
            "Maximum": statistics.most,
        },
    }
