"""Hand values and rules to Prometheus: two files, and a Pushgateway where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import httpx

from ai_finops.alarms.metrics import DailyValue
from ai_finops.alarms.openmetrics import openmetrics_text
from ai_finops.alarms.prometheus_rules import rules_text
from ai_finops.alarms.rules import AlarmRule
from ai_finops.config import Settings
from ai_finops.errors import AlarmError, SourceError, SourceForbidden, SourceUnavailable
from ai_finops.lake_files import replace_file

JOB = "ai_finops"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TIMEOUT = httpx.Timeout(30, connect=5)


def write_prometheus(
    values: Sequence[DailyValue], *, newest_day: date, rules: Sequence[AlarmRule], settings: Settings
) -> list[str]:
    """Write the values of the days that rules look at, and the rules; push the values where a Pushgateway is set.

    All of it replaces what was there: a retired feature's values are gone, and again with the same marts nothing changes.

    Args:
        newest_day: The last day that the marts hold.
    Returns:
        What was written where, a line each.
    Raises:
        SettingsError: A rule cannot be said in PromQL; nothing was written.
        AlarmError: A file cannot be written.
        SourceForbidden, SourceUnavailable, SourceError: The Pushgateway refuses or does not answer; the files are written.
    """
    days = max((rule.evaluation_periods for rule in rules), default=1)
    alerts, text = rules_text(rules), openmetrics_text(values, newest_day=newest_day, days=days)
    _write(settings.prometheus_rules, alerts, setting="AI_FINOPS_PROMETHEUS_RULES")
    _write(settings.prometheus_textfile, text, setting="AI_FINOPS_PROMETHEUS_TEXTFILE")
    count = sum(not line.startswith("#") for line in text.splitlines()) - 1
    told = [
        f"values: {count} of {days} days up to {newest_day}: {settings.prometheus_textfile}",
        f"alerts: {len(rules)} rules: {settings.prometheus_rules}",
    ]
    if settings.pushgateway_url:
        push(text, url=settings.pushgateway_url)
        told.append(f"pushed to {settings.pushgateway_url}, job {JOB}")
    return told


def push(text: str, *, url: str) -> None:
    """Replace what a Pushgateway holds of our job.

    Raises:
        SourceForbidden, SourceUnavailable, SourceError: It refuses or does not answer.
    """
    target = f"{url}/metrics/job/{JOB}"
    try:
        answer = httpx.put(target, content=text.encode(), headers={"Content-Type": CONTENT_TYPE}, timeout=TIMEOUT)
    except httpx.TransportError as error:
        raise SourceUnavailable(
            f"cannot push to {target}: no answer ({type(error).__name__}: {error}); try again, and check "
            "AI_FINOPS_PUSHGATEWAY_URL and the network if it stays so"
        ) from error
    said = f"cannot push to {target}: it answered {answer.status_code}"
    if answer.status_code in (401, 403):
        raise SourceForbidden(f"{said}; let this machine push without a password")
    if answer.status_code == 429 or answer.status_code >= 500:
        raise SourceUnavailable(f"{said}; try again later")
    if answer.status_code not in (200, 202):
        quote = " ".join(answer.text.split())[:200]
        raise SourceError(f"{said} ({quote}); check that AI_FINOPS_PUSHGATEWAY_URL is a Pushgateway")


def _write(path: Path, text: str, *, setting: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise AlarmError(f"{path} cannot be written ({error}); correct {setting}") from error
