"""Sums of calls, prices and seeds to work levers out by hand.

One day of `calls` is 100 calls with 1,000,000 input and 100,000 output tokens: on Sonnet at 3 and 15 dollars a million $4.50,
on Haiku at 0.8 and 4 dollars $1.20. Seven days: 31.50 and 8.40. A month is 365/12/7 = 4.345238 weeks: 136.875 and 36.50.
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from ai_finops.analyse import savings
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import KEYS, TOKENS
from ai_finops.analyse.price_book import PriceBook

AS_OF = date(2025, 6, 16)
FIRST = date(2025, 6, 9)
SONNET, HAIKU, NOVA = "anthropic.sonnet", "anthropic.haiku", "amazon.nova"
PRICES = {SONNET: ("3", "15"), HAIKU: ("0.8", "4"), NOVA: ("0.06", "0.24")}
SEEDS = Path(__file__).resolve().parents[3] / "dbt_project" / "seeds"

_TYPES = {"usage_date": pa.date32(), "is_generating": pa.bool_(), "is_sent_on": pa.bool_()}
_COSTS = ("estimated_cost_usd", "allocated_cost_usd", "billed_estimated_cost_usd", "billed_allocated_cost_usd")
CALL_SUMS = pa.schema(
    [(name, _TYPES.get(name, pa.string())) for name in KEYS]
    + [("call_count", pa.int64())]
    + [(name, pa.int64()) for name in TOKENS]
    + [(name, pa.decimal128(38, 12)) for name in _COSTS]
)
COMPARISONS = pa.schema(
    [(name, pa.string()) for name in ("task_type", "baseline_model_id", "candidate_model_id")]
    + [(f"{side}_{kind}_tokens", pa.int64()) for side in ("baseline", "candidate") for kind in ("input", "output")]
    + [("is_no_worse", pa.bool_()), ("made_date", pa.date32())]
)
TARGETS = pa.schema(
    [(name, pa.string()) for name in ("task_type", "target_model_id", "effort", "source")]
    + [("min_agreement_ratio", pa.float64()), ("min_samples", pa.int64())]
)


def calls(*, feature="docs", days=7, count=100, cost="4.50", billed=None, first=FIRST, **more):
    """`count` calls a day that together use a million input and 100,000 output tokens; `billed` is what a bill says."""
    cost = Decimal(cost)
    row = {
        "feature_id": feature,
        "pipeline_id": "answer",
        "task_type": "summarization",
        "operation_name": "chat",
        "provider_name": "aws.bedrock",
        "model_id": SONNET,
        "model_tier": "expensive",
        "region_scope": "regional",
        "processing": "on_demand",
        "is_generating": True,
        "is_sent_on": False,
        "call_count": count,
        "uncached_input_tokens": 1_000_000,
        "cache_read_input_tokens": 0,
        "cache_write_5m_input_tokens": 0,
        "cache_write_1h_input_tokens": 0,
        "output_tokens": 100_000,
        "estimated_cost_usd": cost,
        "allocated_cost_usd": cost if billed is None else Decimal(billed),
        "billed_estimated_cost_usd": None if billed is None else cost,
        "billed_allocated_cost_usd": None if billed is None else Decimal(billed),
    } | more
    return [row | {"usage_date": first + timedelta(days=day)} for day in range(days)]


def full_week():
    """Calls of no feature on each of the trailing seven days: nothing is found on them, and the week is whole."""
    return calls(feature=None)


def prices(table=None, *, more=()):
    """`raw.prices`: input and output of models on demand, and `more` rows (model, class, price, and changes)."""
    pairs = (PRICES if table is None else table).items()
    plain = [
        (model, token_class, price, {})
        for model, pair in pairs
        for token_class, price in zip(("uncached_input", "output"), pair, strict=True)
    ]
    rows = [
        {
            "provider_name": "aws.bedrock",
            "model_id": model,
            "token_class": token_class,
            "region_scope": "any",
            "processing": "on_demand",
            "threshold_tokens": 0,
            "valid_from": date(2025, 1, 1),
            "valid_to": None,
            "price_usd_per_mtok": Decimal(price),
            "is_inherited": False,
        }
        | changes
        for model, token_class, price, changes in [*plain, *more]
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(
        [(n, pa.string()) for n in ("provider_name", "model_id", "token_class", "region_scope", "processing")]
        + [("threshold_tokens", pa.int64()), ("valid_from", pa.date32()), ("valid_to", pa.date32())]
        + [("price_usd_per_mtok", pa.decimal128(38, 12)), ("is_inherited", pa.bool_())]
    ))  # fmt: skip


def book(table=None, *, more=()):
    return PriceBook.from_table(prices(table, more=more))


def target(model=HAIKU, *, task_type="summarization", limit=0.8, min_samples=50):
    return {
        "task_type": task_type,
        "target_model_id": model,
        "min_agreement_ratio": limit,
        "min_samples": min_samples,
        "effort": "small",
        "source": "",
    }


def shadow(no_worse, of, *, task_type="summarization", candidate=HAIKU, day=10, **tokens):
    """Comparisons, of which the first `no_worse` were right; `tokens` by side and kind, where they are said."""
    return [
        {
            "task_type": task_type,
            "baseline_model_id": SONNET,
            "candidate_model_id": candidate,
            "is_no_worse": number < no_worse,
            "made_date": date(2025, 6, day),
            **tokens,
        }
        for number in range(of)
    ]


def assumed_table(**changes):
    """Seed `lever_assumptions` with other values for every feature."""
    rows = csv.read_csv(SEEDS / "lever_assumptions.csv").to_pylist()
    return pa.Table.from_pylist(
        [row | {"value": float(changes.get(row["assumption_name"], row["value"]))} for row in rows]
    )


def assumed(**changes):
    return Assumptions.from_table(assumed_table(**changes))


def find(
    rows,
    *,
    targets=(),
    shadows=(),
    as_of_dates=(AS_OF,),
    price_table=None,
    more_prices=(),
    delay_tolerant=(),
    assumptions=None,
    **more,
):
    """All levers on sums of calls."""
    return savings.find(
        pa.Table.from_pylist(rows, schema=CALL_SUMS),
        prices=prices(price_table, more=more_prices),
        routing_targets=pa.Table.from_pylist(list(targets or [target()]), schema=TARGETS),
        comparisons=pa.Table.from_pylist(list(shadows), schema=COMPARISONS),
        features=pa.table({"feature_id": ["docs", "ownerless"], "owner": ["dana@example.com", None]}),
        task_types=pa.table(
            {
                "task_type": pa.array(list(delay_tolerant), pa.string()),
                "is_delay_tolerant": pa.array([True] * len(delay_tolerant), pa.bool_()),
            }
        ),
        lever_assumptions=assumptions or assumed_table(),
        as_of_dates=as_of_dates,
        **more,
    )


def found(rows, *, lever, **options):
    """Rows of one lever, in the order of their rank."""
    return [row for row in find(rows, **options).to_pylist() if row["lever"] == lever]


def only(rows, *, lever, **options):
    (row,) = found(rows, lever=lever, **options)
    return row
