"""Metrics of model calls: to CloudWatch, to a log in Embedded Metric Format, or to Prometheus."""

from ai_finops.instrument.metrics.choice import configure_metrics, flush_metrics, metric_sink
from ai_finops.instrument.metrics.cloudwatch import CloudWatchSink
from ai_finops.instrument.metrics.embedded import EmbeddedMetricSink
from ai_finops.instrument.metrics.prometheus import PrometheusSink

__all__ = [
    "CloudWatchSink",
    "EmbeddedMetricSink",
    "PrometheusSink",
    "configure_metrics",
    "flush_metrics",
    "metric_sink",
]
