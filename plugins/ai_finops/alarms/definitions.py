"""The alarms that features and rules ask for, as CloudWatch takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ai_finops.alarms.features import Feature
from ai_finops.alarms.metrics import Series, cloudwatch_name
from ai_finops.alarms.rules import AlarmRule
from ai_finops.config import Settings

Definition = Mapping[str, Any]
"""The parameters of PutMetricAlarm, without `ActionsEnabled`: who mutes an alarm by hand has it muted."""
PERIOD_SECONDS = 86_400
COMPARED = (
    *(
        "AlarmDescription",
        "AlarmActions",
        "OKActions",
        "InsufficientDataActions",
        "Namespace",
        "MetricName",
        "Dimensions",
    ),
    *("Statistic", "Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ComparisonOperator"),
    "TreatMissingData",
)
"""What makes an alarm another one."""
_SIGNS = {
    "GreaterThanThreshold": "above",
    "GreaterThanOrEqualToThreshold": "at or above",
    "LessThanThreshold": "below",
    "LessThanOrEqualToThreshold": "at or below",
}
_LONGEST_TEXT = 250
"""Characters of a seed's words that go into a description, of which CloudWatch takes 1,024."""


def name_prefix(settings: Settings) -> str:
    """Return what the names of all alarms of this deployment begin with."""
    return f"ai-finops/{settings.alarms_namespace}/"


def marker(settings: Settings) -> str:
    """Return the last line of the description of every alarm of this deployment: what has it not is somebody else's."""
    return f"Kept by ai-finops for {settings.alarms_namespace}: what is changed by hand, the next sync undoes."


def alarm_name(feature_id: str, rule: str, *, settings: Settings) -> str:
    """Return the name of a feature's alarm for a rule."""
    return f"{name_prefix(settings)}{feature_id}/{rule}"


def is_own(alarm: Definition, *, settings: Settings) -> bool:
    """Return whether this deployment made an alarm: its name and the last line of its description say so."""
    said = alarm.get("AlarmDescription") or ""
    return alarm["AlarmName"].startswith(name_prefix(settings)) and said.endswith(marker(settings))


def wanted_alarms(
    rules: Iterable[AlarmRule], *, features: Iterable[Feature], measured: frozenset[Series], settings: Settings
) -> dict[str, Definition]:
    """Return the alarms that should be there, by name: one per feature and rule.

    Args:
        features: Those that exist.
        measured: Series of metrics that have ever had a value. Without it, a feature that retrieves nothing would have an
            alarm on its retrieval that can never fire.
    """
    alarms = [
        alarm_definition(rule, feature=feature, settings=settings)
        for feature in features
        for rule in rules
        if rule.is_of_cost or series_of(rule, feature.feature_id) in measured
    ]
    return {alarm["AlarmName"]: alarm for alarm in alarms}


def series_of(rule: AlarmRule, feature_id: str) -> Series:
    """Return the series that a feature's alarm for a rule watches."""
    return Series(rule.metric_name, feature_id, rule.slice)


def alarm_definition(rule: AlarmRule, *, feature: Feature, settings: Settings) -> Definition:
    """Return a feature's alarm for a rule."""
    return {
        "AlarmName": alarm_name(feature.feature_id, rule.rule, settings=settings),
        "AlarmDescription": _description(rule, feature=feature, settings=settings),
        "AlarmActions": list(settings.alarm_actions),
        "OKActions": [],
        "InsufficientDataActions": [],
        "Namespace": settings.alarms_namespace,
        "MetricName": cloudwatch_name(rule.metric_name),
        "Dimensions": series_of(rule, feature.feature_id).dimensions,
        "Statistic": rule.statistic,
        "Period": PERIOD_SECONDS,
        "EvaluationPeriods": rule.evaluation_periods,
        "DatapointsToAlarm": rule.datapoints_to_alarm,
        "Threshold": rule.threshold,
        "ComparisonOperator": rule.comparison,
        "TreatMissingData": rule.treat_missing_data,
    }


def differing(present: Definition, wanted: Definition) -> list[str]:
    """Return the parameters in which an alarm that is there is not the one that should be."""
    return [name for name in COMPARED if _plain(present.get(name)) != _plain(wanted.get(name))]


def breaches(value: float, alarm: Definition) -> bool:
    """Return whether a value is beyond an alarm's threshold."""
    threshold, comparison = alarm["Threshold"], alarm["ComparisonOperator"]
    if value == threshold:
        return "OrEqualTo" in comparison
    return value > threshold if comparison.startswith("Greater") else value < threshold


def what_fires(rule: AlarmRule) -> str:
    """Return when a rule fires, in words: `above 0.8 on 2 of 3 days`."""
    days = "" if rule.evaluation_periods == 1 else f" on {rule.datapoints_to_alarm} of {rule.evaluation_periods} days"
    return f"{_SIGNS[rule.comparison]} {rule.threshold:g}{days}"


def what_is_watched(rule: AlarmRule) -> str:
    """Return a rule's metric in words: `token amplification, task_type=extraction`."""
    return rule.metric_name.replace("_", " ") + (f", {rule.slice}" if rule.slice else "")


def _description(rule: AlarmRule, *, feature: Feature, settings: Settings) -> str:
    owner = (f"{rule.owner}, " if rule.owner else "") + feature.owner
    lines = [
        f"{feature.display_name}: {what_is_watched(rule)} {what_fires(rule)}.",
        f"Severity: {rule.severity}. Owner: {owner}.",
        *([f"To do: {rule.action}."] if rule.action else []),
    ]
    return "\n".join([*(line[:_LONGEST_TEXT] for line in lines), marker(settings)])


def _plain(value: Any) -> Any:
    """Return a parameter so that the order of dimensions and actions, and absent beside empty, make no difference."""
    if isinstance(value, list):
        return sorted(value, key=str)
    return float(value) if isinstance(value, int | float) else value or []
