"""Publish the values of the published marts, and keep one alarm for each feature and rule: in CloudWatch or for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ai_finops import aws
from ai_finops.alarms.daily_values import PublishedValues, read_values
from ai_finops.alarms.definitions import Definition, wanted_alarms
from ai_finops.alarms.features import Feature, existing, read_features
from ai_finops.alarms.metrics import DailyValue, is_series_name
from ai_finops.alarms.prometheus import write_prometheus
from ai_finops.alarms.publishing import Published, first_taken, publish_values
from ai_finops.alarms.rules import AlarmRule, read_rules
from ai_finops.alarms.seeds import seed_path
from ai_finops.alarms.stepping import Steps, step_alarms
from ai_finops.config import Settings
from ai_finops.errors import SettingsError
from ai_finops.log_names import listed

_OFF = "alarms are switched off; set AI_FINOPS_ALARMS to cloudwatch or prometheus to have them"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the published marts and the seeds ask for."""

    features: tuple[Feature, ...]
    """Those that exist on the newest day and whose ids CloudWatch takes."""
    rules: tuple[AlarmRule, ...]
    published: PublishedValues
    values: tuple[DailyValue, ...]
    """Those of `features`."""
    left_out: tuple[str, ...]
    """Ids of features with values but without alarms: not in seed `features`, not in production, or not plain ASCII."""


def sync(*, settings: Settings, now: datetime, clients: aws.Clients | None = None) -> list[str]:
    """Bring values and alarms in step with the published marts; again without a new build it changes nothing.

    Args:
        now: What the clock says where values go: CloudWatch takes two weeks back from it.
        clients: `cloudwatch`; default: made from the settings.
    Returns:
        What was done, a line each.
    Raises:
        PublishError, AlarmError, SettingsError: There are no marts to read, or a seed or setting is wrong; nothing was done.
        SourceForbidden, SourceUnavailable, SourceError: CloudWatch or the Pushgateway refuses or does not answer; what was
            done stays, and the next time does the rest.
    """
    if settings.alarms == "none":
        return [_OFF]
    if settings.alarms == "prometheus":
        wanted = find_wanted(settings)
        newest_day = wanted.published.newest_day
        told = write_prometheus(wanted.values, newest_day=newest_day, rules=wanted.rules, settings=settings)
    else:
        wanted = find_wanted(settings, first=first_taken(now))
        told = _sync_cloudwatch(wanted, cloudwatch=cloudwatch_of(settings, clients), settings=settings, now=now)
    if wanted.left_out:
        told.append(f"no alarms for {listed(wanted.left_out)}: seed features has no such feature in production")
    return told


def find_wanted(settings: Settings, *, first: date | None = None) -> Wanted:
    """Read the marts and the seeds.

    Args:
        first: The day from which on values are read; default: the last week of the marts.
    Raises:
        PublishError, AlarmError, SettingsError: As for `sync`.
    """
    rules = read_rules(settings)
    published = read_values(settings, first=first)
    known = existing(read_features(seed_path(settings, "features")), day=published.newest_day)
    features = {feature.feature_id: feature for feature in known if is_series_name(feature.feature_id)}
    values = tuple(each for each in published.values if each.series.feature_id in features)
    others = {each.series.feature_id for each in published.values} | {feature.feature_id for feature in known}
    return Wanted(tuple(features.values()), tuple(rules), published, values, tuple(sorted(others - features.keys())))


def definitions(wanted: Wanted, *, settings: Settings) -> dict[str, Definition]:
    """Return the alarms that should be there, by name."""
    return wanted_alarms(wanted.rules, features=wanted.features, measured=wanted.published.measured, settings=settings)


def require_cloudwatch(settings: Settings, *, doing: str) -> None:
    """Refuse what is only done with alarms in CloudWatch.

    Raises:
        SettingsError: Alarms are kept elsewhere, or nowhere.
    """
    if settings.alarms != "cloudwatch":
        raise SettingsError(
            f"AI_FINOPS_ALARMS is {settings.alarms}: only alarms in CloudWatch can be {doing} from here; in Prometheus, "
            "promtool test rules tries alerts, and AiFinopsSilent says when values stay away"
        )


def cloudwatch_of(settings: Settings, clients: aws.Clients | None) -> Any:
    """Return the client that was passed in, else one of the deployment's region."""
    return (clients or {}).get("cloudwatch") or aws.client("cloudwatch", settings=settings)


def _sync_cloudwatch(wanted: Wanted, *, cloudwatch: Any, settings: Settings, now: datetime) -> list[str]:
    published = publish_values(cloudwatch, wanted.values, settings=settings, now=now)
    steps = step_alarms(cloudwatch, definitions(wanted, settings=settings), settings=settings)
    told = [
        _told_values(published, wanted=wanted, first=first_taken(now)),
        _told_steps(steps),
        *(f"  created {name}" for name in steps.created),
        *(f"  updated {name}" for name in steps.updated),
        *(f"  deleted {name}" for name in steps.deleted),
    ]
    told += [
        f"conflict: {name} is not ours, and was left as it is; rename it if one of ours should have the name"
        for name in steps.conflicts
    ]
    if not settings.alarm_actions:
        told.append("the alarms tell nobody; set AI_FINOPS_ALARM_ACTIONS to the ARN of an SNS topic")
    return told


def _told_values(published: Published, *, wanted: Wanted, first: date) -> str:
    too_old_count = published.too_old_count + wanted.published.earlier_count
    return (
        f"values: {published.put_count} put ({published.restated_count} of them restated), "
        f"{published.unchanged_count} unchanged, {wanted.published.unknown_count} not known, "
        f"{too_old_count} from before {first}, which CloudWatch takes no more, {published.refused_count} that it never takes"
    )


def _told_steps(steps: Steps) -> str:
    counts = (len(names) for names in (steps.created, steps.updated, steps.deleted, steps.unchanged))
    return "alarms: {} created, {} updated, {} deleted, {} unchanged".format(*counts)
