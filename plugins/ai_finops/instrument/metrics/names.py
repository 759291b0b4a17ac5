"""What the metrics are called, in which unit, and what CloudWatch takes: constants that every sink shares.

The pipeline reads the same names back (`extract/metric_data.py`).
"""

from __future__ import annotations

from typing import NamedTuple

NAMESPACE = "AI/FinOps"
FEATURE, MODEL = "Feature", "Model"
"""The dimensions. A journey, a user or a prompt is on spans only: each new value here is a metric that is billed monthly."""


class Metric(NamedTuple):
    """One metric and its unit, in CloudWatch's words."""

    name: str
    unit: str


INPUT_TOKENS = Metric("InputTokens", "Count")
OUTPUT_TOKENS = Metric("OutputTokens", "Count")
LATENCY_MS = Metric("LatencyMs", "Milliseconds")
ESTIMATED_COST_USD = Metric("EstimatedCostUSD", "None")
METRICS = (INPUT_TOKENS, OUTPUT_TOKENS, LATENCY_MS, ESTIMATED_COST_USD)

# CloudWatch API reference: PutMetricData, Dimension, MetricDatum.
MAX_METRICS_PER_REQUEST = 1_000
MAX_REQUEST_BYTES = 1_000_000
MAX_DIMENSION_VALUE_CHARS = 1_024
MAX_VALUE = 2.0**360
OLDEST_S = 14 * 86_400
"""Points of two weeks ago and before are refused."""

MAX_PAIRS = 250
"""Pairs of feature and model in one process, `other` included: with four metrics each, what one request takes."""
NS_PER_MINUTE = 60_000_000_000
NS_PER_MS = 1_000_000
