"""Baselines and verdicts of every feature and of all together, and what drove the days that stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from ai_finops.analyse.anomalies import Verdict, judge
from ai_finops.analyse.anomaly_drivers import drivers_of
from ai_finops.analyse.anomaly_rules import AnomalyRules
from ai_finops.analyse.schemas import COST_ANOMALY_DRIVERS, DAILY_COST_BASELINES, micros_to_money, to_table
from ai_finops.analyse.series import TOTAL, CostHistory
from ai_finops.analyse.spend_days import Days

_STATUSES = ("estimated", "billed", "final")
"""From the least sure on: the status of several costs together is the least sure of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The two tables of this analysis."""

    baselines: pa.Table
    drivers: pa.Table


def judge_days(
    history: CostHistory, *, daily_costs: pa.Table, days: Days, rules: AnomalyRules, largest_unknown_ratio: float
) -> Judged:
    """Judge every covered day of each feature from its first on.

    Args:
        history: Cost by feature and day.
        daily_costs: Rows of `fct_daily_feature_costs`, for how sure a cost is.
        days: Spend by day and feature, for what drove an anomaly.
        rules: What an anomaly is.
        largest_unknown_ratio: Calls of unknown cost that a caller may have in what drove an anomaly.
    """
    statuses = _cost_statuses(daily_costs)
    baselines: list[dict[str, Any]] = []
    drivers: list[dict[str, Any]] = []
    for feature in sorted(history.usd):
        for verdict in judge(history.micros(feature), rule=rules.of(feature)):
            if verdict.usage_date < history.first_day[feature]:
                continue
            key = {"usage_date": verdict.usage_date, "feature_id": feature}
            baselines.append(key | _measures(verdict) | {"cost_status": statuses.get((feature, verdict.usage_date))})
            if verdict.is_anomaly:
                drivers.extend(
                    key | {"driver": name, "detail": detail, "contribution_cost_usd": micros_to_money(micros)}
                    for name, detail, micros in drivers_of(
                        verdict, feature_id=feature, days=days, largest_unknown_ratio=largest_unknown_ratio
                    )
                )
    return Judged(
        to_table(sorted(baselines, key=_grain), schema=DAILY_COST_BASELINES),
        to_table(sorted(drivers, key=_grain), schema=COST_ANOMALY_DRIVERS),
    )


def _grain(row: Mapping[str, Any]) -> tuple[date, str, str, str]:
    return row["usage_date"], row["feature_id"], row.get("driver", ""), row.get("detail", "")


def _measures(verdict: Verdict) -> dict[str, Any]:
    baseline = verdict.baseline
    is_multiple = verdict.cost_micros is not None and baseline.is_enough and baseline.sum_micros > 0
    return {
        "baseline_kind": baseline.kind,
        "status": verdict.status,
        "reason": verdict.reason,
        "allocated_cost_usd": micros_to_money(verdict.cost_micros),
        "baseline_cost_usd": micros_to_money(baseline.micros) if baseline.is_enough else None,
        "excess_cost_usd": micros_to_money(verdict.excess_micros),
        "baseline_ratio": float(verdict.cost_micros / baseline.exact_micros) if is_multiple else None,
        "baseline_day_count": len(baseline.days),
        "anomaly_day_number": verdict.anomaly_day_number,
        "is_anomaly": verdict.is_anomaly,
        "anomaly_start_date": verdict.anomaly_start_date,
    }


def _cost_statuses(daily_costs: pa.Table) -> dict[tuple[str, date], str]:
    """Return how sure the cost of each feature and day is, and that of all features together."""
    found: dict[tuple[str, date], list[str]] = {}
    for row in daily_costs.select(("feature_id", "usage_date", "cost_status")).to_pylist():
        for name in (row["feature_id"], TOTAL):
            found.setdefault((name, row["usage_date"]), []).append(row["cost_status"])
    return {key: _least_sure(statuses) for key, statuses in found.items()}


def _least_sure(statuses: Sequence[str]) -> str:
    return min(statuses, key=_STATUSES.index)
