"""What is published, by which name, and between which bounds its values can lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

COST, BASELINE_RATIO = "feature_daily_cost_usd", "feature_daily_cost_to_baseline_ratio"
ANOMALY = "feature_daily_cost_anomaly"
COST_METRICS = (COST, BASELINE_RATIO, ANOMALY)
"""Those of `fct_daily_cost_baselines`: USD, its ratio to the average of the days before, and 1 on a day that is an anomaly."""
WHOLE = "all"
"""What `fct_daily_metrics` calls a slice that is no slice."""
_NO_SHARES = (COST, BASELINE_RATIO, "token_amplification")
"""Metrics without an upper bound; the others lie between 0 and 1."""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """One metric of one feature, and of one slice of it."""

    metric_name: str
    feature_id: str
    slice: str = ""
    """Such as `task_type=extraction`; empty for the whole feature."""

    @property
    def dimensions(self) -> list[dict[str, str]]:
        """The dimensions that CloudWatch gets: the feature, and the slice where there is one."""
        named = {"Feature": self.feature_id} | ({"Slice": self.slice} if self.slice else {})
        return [{"Name": name, "Value": value} for name, value in named.items()]


@dataclass(frozen=True, slots=True, order=True)
class DailyValue:
    """What a series was on one day."""

    series: Series
    usage_date: date
    value: float


def cloudwatch_name(metric_name: str) -> str:
    """Return a metric's name in CloudWatch: `feature_daily_cost_usd` is `FeatureDailyCostUSD`."""
    return "".join("USD" if word == "usd" else word.capitalize() for word in metric_name.split("_"))


def prometheus_name(metric_name: str) -> str:
    """Return a metric's name in Prometheus: `feature_daily_cost_usd` is `ai_finops_feature_daily_cost_usd`."""
    return f"ai_finops_{metric_name}"


def bounds(metric_name: str) -> tuple[float, float]:
    """Return the least and the greatest value that a metric can have. A day's cost can be below 0: bills are corrected."""
    if metric_name == COST:
        return -math.inf, math.inf
    return 0.0, math.inf if metric_name in _NO_SHARES else 1.0


def is_series_name(text: str) -> bool:
    """Return whether CloudWatch takes a text as the value of a dimension (API reference, Dimension)."""
    return 1 <= len(text) <= 1024 and text.isascii() and text.isprintable() and not text.isspace()
