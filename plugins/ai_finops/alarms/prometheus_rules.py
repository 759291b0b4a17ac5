"""Alerting rules for Prometheus, from the same rules as the alarms in CloudWatch."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ai_finops.alarms.definitions import what_fires, what_is_watched
from ai_finops.alarms.metrics import prometheus_name
from ai_finops.alarms.openmetrics import NEWEST_DAY, quoted
from ai_finops.alarms.rules import AlarmRule
from ai_finops.errors import SettingsError

SILENT_AFTER_SECONDS = 3 * 86_400
"""From the beginning of the newest day: a day to be over, a day to be published, and one to be late."""
_OPERATORS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}


def rules_text(rules: Iterable[AlarmRule]) -> str:
    """Return the rule file: one alert for each rule, which covers all features, and one for values that stay away.

    Scalars are written as JSON strings, which are YAML too.

    Raises:
        SettingsError: A rule counts days without a value as bad, which cannot be said here.
    """
    alerts = [_alert(rule) for rule in rules]
    return "\n".join(["groups:", '  - name: "ai_finops"', "    rules:", *alerts, _silence()]) + "\n"


def expression(rule: AlarmRule) -> str:
    """Return when a rule fires, in PromQL: it counts the bad ones of the days that have a value.

    Raises:
        SettingsError: As for `rules_text`.
    """
    if rule.treat_missing_data == "breaching":
        raise SettingsError(
            f"rule {rule.rule} of seed alarm_rules has treat_missing_data breaching; Prometheus sees no value that is missing: "
            "write another, and leave silence to the alert AiFinopsSilent"
        )
    labels = [f'days_ago=~"{"|".join(str(day) for day in range(rule.evaluation_periods))}"']
    if rule.slice:
        labels.append(f"slice={quoted(rule.slice)}")
    bad = f"{prometheus_name(rule.metric_name)}{{{','.join(labels)}}} {_OPERATORS[rule.comparison]} {rule.threshold!r}"
    return f"count by (feature, slice) ({bad}) >= {rule.datapoints_to_alarm}"


def _alert(rule: AlarmRule) -> str:
    name = "AiFinops" + "".join(word.capitalize() for word in rule.rule.split("_"))
    annotations = {"summary": f"{{{{ $labels.feature }}}}: {what_is_watched(rule)} {what_fires(rule)}"}
    if rule.action:
        annotations["action"] = rule.action
    return _entry(name, expression(rule), labels=_labels(rule), annotations=annotations)


def _labels(rule: AlarmRule) -> dict[str, str]:
    return {"severity": rule.severity, "rule": rule.rule} | ({"owner": rule.owner} if rule.owner else {})


def _silence() -> str:
    summary = "No new day of AI cost has been published: the alerts on it see the last one that was"
    expr = f"time() - {NEWEST_DAY} > {SILENT_AFTER_SECONDS} or absent({NEWEST_DAY})"
    return _entry("AiFinopsSilent", expr, labels={"severity": "critical"}, annotations={"summary": summary})


def _entry(name: str, expr: str, *, labels: dict[str, str], annotations: dict[str, str]) -> str:
    lines = [f"- alert: {json.dumps(name)}", f"  expr: {json.dumps(expr)}"]
    for key, texts in (("labels", labels), ("annotations", annotations)):
        lines += [f"  {key}:", *(f"    {label}: {json.dumps(text)}" for label, text in texts.items())]
    return "\n".join(f"      {line}" for line in lines)
