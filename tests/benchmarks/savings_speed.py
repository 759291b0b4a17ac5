"""Measure what finding savings takes, between the dbt phases: for a new date of issue, and for all of them.

    make bench BENCH=savings_speed                       50 features over 180 days
    make bench BENCH=savings_speed BENCH_GROUPS=20       20 groups of calls a feature and day instead of 6

Sums of calls are made: pipelines on three models of Bedrock, at the bundled prices; so are queries in bands, prompts,
and 200 shadow comparisons a route.
"""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ai_finops.analyse import savings
from ai_finops.analyse.cache_curves import curves
from ai_finops.analyse.levers.call_sums import TOKENS, days_looked_back_on
from ai_finops.pricing.catalog import export_prices

FEATURE_COUNT, DAY_COUNT = 50, 180
GROUP_COUNT = int(os.environ.get("BENCH_GROUPS", "6"))
FIRST = date(2025, 1, 1)
SONNET, HAIKU = "anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"
MODELS = ((SONNET, "expensive"), (HAIKU, "cheap"), ("amazon.nova-lite-v1:0", "cheap"))
TASKS = ("summarization", "extraction", "classification", "chat")
SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"
EMBEDDER = "minilm-l6-v2-static-256-int8"
BANDS = (0.0, 0.85, 0.90, 0.92, 0.95, 0.98)


def main() -> None:
    """Make the tables, find savings, and print the CPU seconds of a new date and of all."""
    days = [FIRST + timedelta(days=number) for number in range(DAY_COUNT)]
    dates = [day + timedelta(days=1) for day in days]
    print(f"{FEATURE_COUNT} features, {DAY_COUNT} days, {FEATURE_COUNT * DAY_COUNT * GROUP_COUNT:,} sums of calls\n")
    print("| Dates of issue | sums read | opportunities | CPU s |\n|---|---|---|---|")
    for label, due in (("the newest", dates[-1:]), ("all", dates)):
        read_count, found_count, spent = measure(days, due=due)
        print(f"| {label} ({len(due)}) | {read_count:,} | {found_count:,} | {spent:.2f} |")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak of the process, with the tables made {peak_mb:,.0f} MB, load {os.getloadavg()[0]:.1f}")


def measure(days: list[date], *, due: list[date]) -> tuple[int, int, float]:
    """Return sums of calls read, opportunities found, and the CPU seconds of finding them on the dates `due`."""
    made = {name: pa.Table.from_pylist(list(make(days))) for name, make in _MAKERS.items()}
    seeds = {name: csv.read_csv(SEEDS / f"{name}.csv") for name in _SEEDS}
    prices = export_prices()
    # As the build does, which sums no other days than these.
    looked_back_on = pa.array(days_looked_back_on(due), pa.date32())
    read = {name: table.filter(pc.field("usage_date").isin(looked_back_on)) for name, table in made.items()}
    began = time.process_time()
    found = _find(read, seeds=seeds, prices=prices, dates=due)
    return read["call_sums"].num_rows, found.num_rows, time.process_time() - began


def _find(read: dict[str, pa.Table], *, seeds: dict[str, pa.Table], prices: pa.Table, dates: list[date]) -> pa.Table:
    similarities = seeds["cache_similarities"]["similarity"].to_pylist()
    return savings.find(
        read["call_sums"],
        prices=prices,
        routing_targets=seeds["routing_targets"],
        comparisons=pa.Table.from_pylist(list(_comparisons())),
        features=pa.table({"feature_id": ["feature_0"], "owner": ["owner"]}),
        task_types=seeds["task_types"],
        lever_assumptions=seeds["lever_assumptions"],
        as_of_dates=dates,
        cache_curves=curves(read["bands"], calibrations=seeds["cache_calibrations"], similarities=similarities),
        prompt_prefixes=read["prefixes"],
    )


def _call_sums(days: list[date]) -> Iterator[dict[str, object]]:
    rng = random.Random(20250101)
    for day in days:
        for feature in range(FEATURE_COUNT):
            for place in range(GROUP_COUNT):
                model, tier = MODELS[place % len(MODELS)]
                cost = Decimal(rng.randrange(2_000_000, 6_000_000)).scaleb(-6)
                yield {
                    "usage_date": day,
                    "feature_id": f"feature_{feature}",
                    "pipeline_id": f"pipeline_{place}",
                    "task_type": TASKS[feature % len(TASKS)],
                    "operation_name": "chat",
                    "provider_name": "aws.bedrock",
                    "model_id": model,
                    "model_tier": tier,
                    "region_scope": "regional",
                    "processing": "on_demand",
                    "is_generating": True,
                    "call_count": 300,
                    **dict.fromkeys(TOKENS, 50000),
                    "estimated_cost_usd": cost,
                    "allocated_cost_usd": cost,
                    "billed_estimated_cost_usd": cost,
                    "billed_allocated_cost_usd": cost,
                }


def _bands(days: list[date]) -> Iterator[dict[str, object]]:
    for day in days:
        for feature in range(FEATURE_COUNT):
            for similarity in BANDS:
                for is_repeat in (False, True):
                    yield {
                        "usage_date": day,
                        "feature_id": f"feature_{feature}",
                        "embedder_id": EMBEDDER,
                        "reached_similarity": similarity,
                        "is_compared": True,
                        "is_repeat": is_repeat,
                        "query_count": 50,
                        "allocated_cost_usd": Decimal("0.5"),
                    }


def _prefixes(days: list[date]) -> Iterator[dict[str, object]]:
    lifetimes = {
        f"{name}_{lifetime}_{unit}": 900 if unit == "count" else 1_800_000
        for lifetime in ("5m", "1h")
        for name, unit in (("reused", "count"), ("reusable", "tokens"), ("unread", "tokens"), ("unwritten", "tokens"))
    }
    for day in days:
        for feature in range(FEATURE_COUNT):
            yield {
                "usage_date": day,
                "feature_id": f"feature_{feature}",
                "provider_name": "aws.bedrock",
                "model_id": SONNET,
                "region_scope": "regional",
                "processing": "on_demand",
                "prompt_count": 1000,
                "long_prompt_count": 1000,
                "allocated_cost_usd": Decimal(5),
                "prompt_block_tokens": 3_000_000,
                "written_tokens": 0,
                **lifetimes,
            }


def _comparisons() -> Iterator[dict[str, object]]:
    for task_type in TASKS[:3]:
        for number in range(200):
            yield {
                "task_type": task_type,
                "baseline_model_id": SONNET,
                "candidate_model_id": HAIKU,
                "is_no_worse": number > 10,
                "made_date": FIRST,
            }


_MAKERS = {"call_sums": _call_sums, "bands": _bands, "prefixes": _prefixes}
_SEEDS = (
    "routing_targets",
    "task_types",
    "lever_assumptions",
    "cache_similarities",
    "cache_calibrations",
)

if __name__ == "__main__":
    main()
