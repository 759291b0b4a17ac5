"""Measure what judging days and splitting what drove them takes, between the dbt phases.

    make bench BENCH=anomaly_speed                       50 features over 180 days
    make bench BENCH=anomaly_speed BENCH_GROUPS=6        six journeys and prompt versions in each row of allocated cost

Costs are made: each feature calls two pipelines on three models a day, and on one day in thirty it costs four times as much.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa

from ai_finops.analyse.anomaly_rules import AnomalyRules
from ai_finops.analyse.cost_baselines import judge_days
from ai_finops.analyse.drivers import split_weeks_of
from ai_finops.analyse.series import CostHistory
from ai_finops.analyse.spend_days import read_days
from tests.benchmarks.anomalies import shipped_rule

FEATURE_COUNT, DAY_COUNT = 50, 180
GROUP_COUNT = int(os.environ.get("BENCH_GROUPS", "1"))


def main() -> None:
    """Make the tables, work on them, and print the CPU seconds of each step."""
    made = list(_costs())
    allocated = pa.Table.from_pylist(made)
    groups = pa.Table.from_pylist([part for row in made for part in _groups(row)])
    del made
    began = time.process_time()
    history = CostHistory.from_table(allocated, largest_unknown_ratio=0.01)
    days = read_days(allocated, groups)
    read = time.process_time()
    rules = AnomalyRules({"*": shipped_rule()})
    judged = judge_days(history, daily_costs=allocated, days=days, rules=rules, largest_unknown_ratio=0.01)
    decided = time.process_time()
    split_weeks_of(days, largest_unknown_ratio=0.01)
    split = time.process_time()
    anomaly_count = sum(judged.baselines["is_anomaly"].to_pylist())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{FEATURE_COUNT} features, {DAY_COUNT} days, {allocated.num_rows:,} rows of cost, {groups.num_rows:,} of calls\n"
    )
    print("| Step | CPU s |\n|---|---|")
    print(f"| read the days | {read - began:.2f} |")
    print(f"| judge them, split {anomaly_count} anomalies | {decided - read:.2f} |")
    print(f"| split the weeks | {split - decided:.2f} |")
    print(f"\npeak of the process, with the tables made {peak_mb:,.0f} MB, load {os.getloadavg()[0]:.1f}")


def _costs() -> Iterator[dict[str, object]]:
    """Yield rows of allocated cost."""
    rng = random.Random(20250101)
    for number in range(DAY_COUNT):
        for feature in range(FEATURE_COUNT):
            surge = 4 if rng.random() < 1 / 30 else 1
            for place in range(6):
                yield {
                    "usage_date": date(2025, 1, 1) + timedelta(days=number),
                    "charge_category": "usage",
                    "feature_id": f"feature_{feature}",
                    "pipeline_id": f"pipeline_{place % 2}",
                    "service_name": "api",
                    "model_id": f"model_{place // 2}",
                    "attribution": "traced",
                    "unattributed_reason": "",
                    "cost_status": "billed",
                    "request_count": 300,
                    "input_tokens": 250_000,
                    "output_tokens": 50_000,
                    "unknown_cost_call_count": 0,
                    "unknown_cost_tokens": 0,
                    "allocated_cost_usd": Decimal(rng.randrange(2_000_000, 6_000_000) * surge).scaleb(-6),
                }


def _groups(row: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield the calls of a row, in equal parts by journey and prompt version."""
    for part in range(GROUP_COUNT):
        measures = ("request_count", "input_tokens", "output_tokens")
        parts = {name: row[name] // GROUP_COUNT for name in measures}
        usd = (row["allocated_cost_usd"] / GROUP_COUNT).quantize(Decimal("1e-12"))
        yield (
            row
            | parts
            | {"journey_name": f"journey_{part // 2}", "prompt_version": f"v{part % 2}", "allocated_cost_usd": usd}
        )


if __name__ == "__main__":
    main()
