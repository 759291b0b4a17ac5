"""The rules of seed `alarm_rules`, with the bounds of seed `metric_thresholds` filled in."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ai_finops.alarms.metrics import COST_METRICS, WHOLE
from ai_finops.alarms.seeds import seed_path, seed_rows
from ai_finops.config import Settings
from ai_finops.days import parse_day
from ai_finops.errors import SettingsError

STATISTIC_OF = {
    "GreaterThanThreshold": "Maximum",
    "GreaterThanOrEqualToThreshold": "Maximum",
    "LessThanThreshold": "Minimum",
    "LessThanOrEqualToThreshold": "Minimum",
}
"""CloudWatch's operators for a fixed threshold, and the statistic that sees the worst that was ever said of a day."""
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
SEVERITIES = ("warning", "critical")
MOST_DAYS = 7
"""The longest that an alarm can look back: 604,800 s (API reference, PutMetricAlarm)."""
_COLUMNS = (
    *("rule", "metric_name", "dimension", "statistic", "comparison", "threshold", "evaluation_periods"),
    *("datapoints_to_alarm", "treat_missing_data", "severity", "reason", "checked_on"),
)
_THRESHOLD_COLUMNS = ("metric_name", "dimension", "healthy_bound", "warning_bound", "action", "owner")


@dataclass(frozen=True, slots=True)
class Bound:
    """What seed `metric_thresholds` says of one metric and slice."""

    healthy_bound: float
    warning_bound: float
    action: str
    owner: str

    @property
    def is_high_bad(self) -> bool:
        """Whether low values are good; equal bounds mean that high ones are, as in `fct_daily_metrics`."""
        return self.healthy_bound < self.warning_bound


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """When a feature's alarm fires."""

    rule: str
    metric_name: str
    slice: str
    """Empty for the whole feature."""
    statistic: str
    comparison: str
    threshold: float
    evaluation_periods: int
    """Days looked at."""
    datapoints_to_alarm: int
    """How many of them have to be beyond the threshold."""
    treat_missing_data: str
    severity: str
    action: str
    """What to do about it; empty where no seed says."""
    owner: str
    """Who does it; empty for the feature's own owner."""
    checked_on: date

    @property
    def is_high_bad(self) -> bool:
        """Whether it fires on values above the threshold rather than below."""
        return self.comparison.startswith("Greater")

    @property
    def is_of_cost(self) -> bool:
        """Whether every feature has it, measured or not."""
        return self.metric_name in COST_METRICS


def read_rules(settings: Settings) -> list[AlarmRule]:
    """Read the rules of the configured dbt project, in the order of their names.

    Raises:
        SettingsError: A seed cannot be read, or a row says something that can be no alarm; the message names its line.
    """
    bounds = _read_bounds(seed_path(settings, "metric_thresholds"))
    rules: dict[str, AlarmRule] = {}
    for where, row in seed_rows(seed_path(settings, "alarm_rules"), columns=_COLUMNS):
        rule = _rule(row, where=where, bounds=bounds)
        if rule.rule in rules:
            raise SettingsError(f"{where}: rule {rule.rule} is there twice; give it another name")
        rules[rule.rule] = rule
    return [rules[name] for name in sorted(rules)]


def _read_bounds(path: Path) -> dict[tuple[str, str], Bound]:
    return {
        (row["metric_name"], row["dimension"]): Bound(
            _number(row["healthy_bound"], what=f"{where}: healthy_bound"),
            _number(row["warning_bound"], what=f"{where}: warning_bound"),
            row["action"],
            row["owner"],
        )
        for where, row in seed_rows(path, columns=_THRESHOLD_COLUMNS)
    }


def _rule(row: dict[str, str], *, where: str, bounds: dict[tuple[str, str], Bound]) -> AlarmRule:
    _require(re.fullmatch(r"[a-z][a-z0-9_]{0,59}", row["rule"]), where, "rule", row, "lower case, digits and _")
    _require(row["comparison"] in STATISTIC_OF, where, "comparison", row, f"one of {', '.join(STATISTIC_OF)}")
    wanted = STATISTIC_OF[row["comparison"]]
    _require(row["statistic"] == wanted, where, "statistic", row, f"{wanted}, which goes with {row['comparison']}")
    _require(
        row["treat_missing_data"] in TREATMENTS, where, "treat_missing_data", row, f"one of {', '.join(TREATMENTS)}"
    )
    _require(row["severity"] in SEVERITIES, where, "severity", row, f"one of {', '.join(SEVERITIES)}")
    periods = _days(row, "evaluation_periods", where=where, most=MOST_DAYS)
    bound = _bound(row, where=where, bounds=bounds)
    threshold = row["threshold"]
    return AlarmRule(
        rule=row["rule"],
        metric_name=row["metric_name"],
        slice="" if row["dimension"] == WHOLE else row["dimension"],
        statistic=row["statistic"],
        comparison=row["comparison"],
        threshold=_number(threshold, what=f"{where}: threshold") if threshold else bound.warning_bound,
        evaluation_periods=periods,
        datapoints_to_alarm=_days(row, "datapoints_to_alarm", where=where, most=periods),
        treat_missing_data=row["treat_missing_data"],
        severity=row["severity"],
        action=bound.action if bound else "",
        owner=bound.owner if bound else "",
        checked_on=parse_day(row["checked_on"], what=f"{where}: checked_on"),
    )


def _bound(row: dict[str, str], *, where: str, bounds: dict[tuple[str, str], Bound]) -> Bound | None:
    """Return the bound of the rule's metric, which has to point the same way; None for a cost with a threshold of its own."""
    bound = bounds.get((row["metric_name"], row["dimension"]))
    if bound is None and not row["threshold"]:
        raise SettingsError(
            f"{where}: rule {row['rule']} has no threshold, and seed metric_thresholds has no bound of "
            f"{row['metric_name']} for {row['dimension'] or 'no dimension'}; write one of them"
        )
    if bound and bound.is_high_bad != row["comparison"].startswith("Greater"):
        bad = "high" if bound.is_high_bad else "low"
        raise SettingsError(
            f"{where}: rule {row['rule']} has comparison {row['comparison']}, but by seed metric_thresholds {bad} values of "
            f"{row['metric_name']} are bad; correct one of them"
        )
    return bound


def _require(is_fine: object, where: str, column: str, row: dict[str, str], wanted: str) -> None:
    if not is_fine:
        raise SettingsError(f"{where}: {column} is {row[column]!r}; write {wanted}")


def _days(row: dict[str, str], column: str, *, where: str, most: int) -> int:
    text = row[column]
    _require(re.fullmatch(r"[0-9]{1,2}", text) and 1 <= int(text) <= most, where, column, row, f"days from 1 to {most}")
    return int(text)


def _number(text: str, *, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise SettingsError(f"{what} is {text!r}; write a number")
    return number
