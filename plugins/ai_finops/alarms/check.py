"""Say which alarms could not fire, and why: the alarm of the alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from ai_finops import aws
from ai_finops.alarms.cloudwatch import find_alarms, last_points
from ai_finops.alarms.definitions import Definition, differing, is_own, name_prefix
from ai_finops.alarms.metrics import bounds, cloudwatch_name
from ai_finops.alarms.publishing import OLDEST, first_taken
from ai_finops.alarms.sync import cloudwatch_of, definitions, find_wanted, require_cloudwatch
from ai_finops.config import Settings

LATE = timedelta(days=3)
"""From a day's beginning until its value is missed: a day to be over, a day to be published, one to be late."""
NEW = timedelta(days=3)
"""How long an alarm may know nothing before that is said."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one alarm."""

    wanted: Definition
    metric_name: str
    """As the rule has it."""
    present: Mapping[str, Any] | None
    """As DescribeAlarms says it; None when it is not there."""
    is_foreign: bool
    """Whether somebody else's alarm has its name."""
    last_point_at: datetime | None
    """Beginning of the last day with a value in CloudWatch; None without one in the last two weeks."""


def check(*, settings: Settings, now: datetime, clients: aws.Clients | None = None) -> list[str]:
    """Look at every alarm that should be there.

    Args:
        now: What CloudWatch's clock says.
    Returns:
        A sentence for each alarm and reason why it could not fire; none when all could.
    Raises:
        PublishError, AlarmError, SettingsError, SourceForbidden, SourceUnavailable: As for `sync`.
    """
    require_cloudwatch(settings, doing="checked")
    return [
        sentence for facts in find_facts(settings, now=now, clients=clients) for sentence in reasons(facts, now=now)
    ]


def find_facts(settings: Settings, *, now: datetime, clients: aws.Clients | None = None) -> list[Facts]:
    """Ask the marts and CloudWatch what is known of each alarm that should be there, by name."""
    cloudwatch = cloudwatch_of(settings, clients)
    wanted = find_wanted(settings, first=first_taken(now))
    alarms = definitions(wanted, settings=settings)
    named = {alarm["AlarmName"]: alarm for alarm in find_alarms(cloudwatch, prefix=name_prefix(settings))}
    begin = datetime.combine((now - OLDEST).date(), time(), tzinfo=UTC)
    points = last_points(cloudwatch, alarms.values(), start=begin, end=now)
    metric_of = {cloudwatch_name(rule.metric_name): rule.metric_name for rule in wanted.rules}
    return [
        Facts(
            wanted=alarm,
            metric_name=metric_of[alarm["MetricName"]],
            present=named.get(name),
            is_foreign=name in named and not is_own(named[name], settings=settings),
            last_point_at=points[name],
        )
        for name, alarm in sorted(alarms.items())
    ]


def reasons(facts: Facts, *, now: datetime) -> list[str]:
    """Return why an alarm could not fire, or would tell nobody; a sentence each."""
    name, present = facts.wanted["AlarmName"], facts.present
    if present is None:
        return [f"{name} is not there: it was deleted, or no sync has run since; run ai-finops alarms sync"]
    if facts.is_foreign:
        return [
            f"{name} is somebody else's alarm, so this rule has none; rename theirs, then run ai-finops alarms sync"
        ]
    found = [
        *_changes(facts),
        *_mutes(present),
        *_reach(facts),
        *_silence(facts, now=now),
        *_ignorance(present, now=now),
    ]
    return [f"{name} {sentence}" for sentence in found]


def is_reachable(threshold: float, *, comparison: str, metric_name: str) -> bool:
    """Return whether any value that a metric can have is beyond a threshold."""
    if math.isnan(threshold):
        return False
    least, greatest = bounds(metric_name)
    extreme = greatest if comparison.startswith("Greater") else least
    if extreme == threshold:
        return "OrEqualTo" in comparison and math.isfinite(threshold)
    return extreme > threshold if comparison.startswith("Greater") else extreme < threshold


def _changes(facts: Facts) -> Iterable[str]:
    names = differing(facts.present or {}, facts.wanted)
    if names:
        yield f"is not what its rule says ({', '.join(names)}); run ai-finops alarms sync, or look who changes it"


def _mutes(present: Mapping[str, Any]) -> Iterable[str]:
    if not present.get("ActionsEnabled", True):
        yield "is muted: its actions are disabled; enable them in CloudWatch"
    elif not present.get("AlarmActions"):
        yield "would tell nobody: it has no action; set AI_FINOPS_ALARM_ACTIONS, then run ai-finops alarms sync"


def _reach(facts: Facts) -> Iterable[str]:
    threshold, comparison = facts.present["Threshold"], facts.present["ComparisonOperator"]
    if not is_reachable(threshold, comparison=comparison, metric_name=facts.metric_name):
        least, greatest = bounds(facts.metric_name)
        yield (
            f"can never be {comparison} {threshold:g}: {facts.metric_name} lies between {least:g} and {greatest:g}; "
            "correct the threshold in seed alarm_rules or metric_thresholds"
        )


def _silence(facts: Facts, *, now: datetime) -> Iterable[str]:
    """Without values an alarm is blind, unless silence itself counts as bad."""
    treatment = facts.present.get("TreatMissingData", "missing")
    if treatment == "breaching" or (facts.last_point_at and now - facts.last_point_at <= LATE):
        return
    since = f"since {facts.last_point_at.date()}" if facts.last_point_at else "in the last two weeks"
    does = {
        "ignore": f"keeps saying {facts.present['StateValue']}",
        "notBreaching": "calls that fine",
    }.get(treatment, "can only say INSUFFICIENT_DATA")
    yield (
        f"is blind: {facts.wanted['MetricName']} has had no value {since}, and the alarm {does}; see whether build_marts ran "
        "and whether the feature still has such calls"
    )


def _ignorance(present: Mapping[str, Any], *, now: datetime) -> Iterable[str]:
    since = present.get("StateUpdatedTimestamp")
    if present["StateValue"] == "INSUFFICIENT_DATA" and since and now - since > NEW:
        yield (
            f"has said INSUFFICIENT_DATA since {since.date()}: CloudWatch does not see its values; hold its dimensions "
            "against those of the metric"
        )
