"""Say which alarms could not fire, and why: the alarm of the alarms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from ai_finops import aws
from ai_finops.alarms.cloudwatch import find_alarms, last_points
from ai_finops.alarms.definitions import Definition, alarm_name, differing, is_own, name_prefix, series_of
from ai_finops.alarms.metrics import bounds, cloudwatch_name
from ai_finops.alarms.publishing import OLDEST, first_taken
from ai_finops.alarms.sync import Wanted, cloudwatch_of, definitions, find_wanted, require_cloudwatch
from ai_finops.config import Settings

LATE = timedelta(days=3)
"""From a day's beginning until its value is missed: a day to be over, a day to be published, one to be late."""
NEW = timedelta(days=3)
"""How long an alarm may know nothing before that is said."""
LEARNING = timedelta(days=5)
"""How long the first value of a feature's cost may take: the first days have nothing before them to be held against."""
ALWAYS = datetime.min.replace(tzinfo=UTC)


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
    expected_from: datetime | None
    """When the first value should have come, if none has; None for a feature that has spent nothing, which is no fault."""


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
    wanted = find_wanted(settings, first=first_taken(now))
    facts = find_facts(wanted, cloudwatch=cloudwatch_of(settings, clients), settings=settings, now=now)
    return [
        *_staleness(wanted.published.newest_day, now=now),
        *(sentence for each in facts for sentence in reasons(each, now=now)),
    ]


def find_facts(wanted: Wanted, *, cloudwatch: Any, settings: Settings, now: datetime) -> list[Facts]:
    """Ask CloudWatch what is known of each alarm that should be there, by name."""
    alarms = definitions(wanted, settings=settings)
    named = {alarm["AlarmName"]: alarm for alarm in find_alarms(cloudwatch, prefix=name_prefix(settings))}
    begin = datetime.combine((now - OLDEST).date(), time(), tzinfo=UTC)
    points = last_points(cloudwatch, alarms.values(), start=begin, end=now)
    metric_of = {cloudwatch_name(rule.metric_name): rule.metric_name for rule in wanted.rules}
    expected = _expectations(wanted, settings=settings)
    return [
        Facts(
            wanted=alarm,
            metric_name=metric_of[alarm["MetricName"]],
            present=named.get(name),
            is_foreign=name in named and not is_own(named[name], settings=settings),
            last_point_at=points[name],
            expected_from=expected.get(name, ALWAYS),
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


def _expectations(wanted: Wanted, *, settings: Settings) -> dict[str, datetime | None]:
    """Return when the first values of the cost alarms should have come, by name; a metric that was measured has had its."""
    first_days = wanted.published.first_days
    found = {}
    for feature in wanted.features:
        for rule in (rule for rule in wanted.rules if rule.is_of_cost):
            first = first_days.get(series_of(rule, feature.feature_id))
            begin = first and datetime.combine(first, time(), tzinfo=UTC) + LEARNING
            found[alarm_name(feature.feature_id, rule.rule, settings=settings)] = begin
    return found


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


def _staleness(newest_day: date, *, now: datetime) -> Iterable[str]:
    if now - datetime.combine(newest_day, time(), tzinfo=UTC) > LATE:
        yield f"the published marts end on {newest_day}, so no alarm sees anything newer; see why build_marts has not published"


def _silence(facts: Facts, *, now: datetime) -> Iterable[str]:
    """Without values an alarm is blind, unless silence itself counts as bad."""
    treatment = facts.present.get("TreatMissingData", "missing")
    is_expected = facts.last_point_at or (facts.expected_from and now > facts.expected_from)
    is_there = facts.last_point_at is not None and now - facts.last_point_at <= LATE
    if treatment == "breaching" or is_there or not is_expected:
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
