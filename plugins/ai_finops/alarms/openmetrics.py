"""Values as a text that is both OpenMetrics and Prometheus' older text format: gauges, without timestamps.

Neither the Pushgateway nor node_exporter's textfile collector takes timestamps, so the day is a label: `days_ago` is 0 on the
newest day of the marts, and an alert on 2 of 3 days counts over three values that are there at the same time. A restated day
replaces what was said before. Written here rather than with prometheus_client: gauges alone need these few lines, and the tests
hold them against that library's parser where it is installed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from ai_finops.alarms.metrics import ANOMALY, BASELINE_RATIO, COST, DailyValue, prometheus_name

NEWEST_DAY = "ai_finops_newest_usage_date_timestamp_seconds"
"""Gauge of the newest day itself: its beginning, in seconds since 1970."""
_HELP = {
    COST: "What a feature cost on a day, USD.",
    BASELINE_RATIO: "A day's cost of a feature over the average of the days before.",
    ANOMALY: "1 on a day whose cost of a feature is an anomaly, 0 on a normal one.",
}


def openmetrics_text(values: Iterable[DailyValue], *, newest_day: date, days: int) -> str:
    """Return the values of the `days` days up to `newest_day`; what is not finite is left out.

    Args:
        values: At most one for each series and day.
    """
    by_metric: dict[str, list[str]] = {}
    for each in sorted(values):
        days_ago = (newest_day - each.usage_date).days
        if 0 <= days_ago < days and math.isfinite(each.value):
            by_metric.setdefault(each.series.metric_name, []).append(_sample(each, days_ago=days_ago))
    families = [_family(prometheus_name(name), _help(name), samples) for name, samples in by_metric.items()]
    begin = datetime.combine(newest_day, time(), tzinfo=UTC)
    newest = _family(NEWEST_DAY, "Beginning of the newest day of the marts.", [f"{NEWEST_DAY} {begin.timestamp():.0f}"])
    return "\n".join([*families, newest, "# EOF\n"])


def quoted(text: str) -> str:
    """Return a label's value in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _sample(value: DailyValue, *, days_ago: int) -> str:
    labels = {"feature": value.series.feature_id, "slice": value.series.slice, "days_ago": str(days_ago)}
    said = ",".join(f"{name}={quoted(text)}" for name, text in labels.items() if text)
    return f"{prometheus_name(value.series.metric_name)}{{{said}}} {value.value!r}"


def _family(name: str, help_text: str, samples: list[str]) -> str:
    return "\n".join([f"# HELP {name} {help_text}", f"# TYPE {name} gauge", *samples])


def _help(metric_name: str) -> str:
    return _HELP.get(metric_name, f"Metric {metric_name} of fct_daily_metrics.")
