"""What could be saved, lever by lever, as it would have been found on each date of issue.

**Per month** is the trailing 7 days * 365/12/7, at list prices (`raw.prices`) of each call's day. Long-context prices are not
used. Calls without a cost or a feature are left out.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.analyse.agreement import count_agreement
from ai_finops.analyse.levers import routing
from ai_finops.analyse.levers.opportunity import WINDOW_DAYS, ranked
from ai_finops.analyse.price_book import TOKEN_CLASSES, PriceBook
from ai_finops.analyse.schemas import SAVINGS, to_table

_KEYS = ["usage_date", "feature_id", "task_type", "provider_name", "model_id", "region_scope", "processing"]
_TOKENS = [f"{name}_tokens" for name in TOKEN_CLASSES]
CALL_COLUMNS = (*_KEYS, *_TOKENS, "estimated_cost_usd", "model_tier", "is_generating")
"""What `find` reads of a call; of others than expensive, generating ones nothing."""


def find(
    calls: pa.Table,
    *,
    prices: pa.Table,
    routing_targets: pa.Table,
    comparisons: pa.Table,
    features: pa.Table,
    as_of_dates: Collection[date],
) -> pa.Table:
    """Find what each lever would save, as it would have been found on each of `as_of_dates`.

    Args:
        calls: Rows of `fct_llm_calls`, at least `CALL_COLUMNS`; calls without a cost are left out of both sides.
        prices: `raw.prices`.
        routing_targets: Seed: task_type, target_model_id, min_agreement_ratio, min_samples, effort.
        comparisons: Rows of `int_shadow_comparisons_resolved`.
        features: Seed: feature_id, owner.
        as_of_dates: Dates of issue; each sees only calls and comparisons before it.
    Returns:
        Per as_of_date by rank: open and measured, open and not, rejected; the larger saving first.
    """
    book = PriceBook.from_table(prices)
    routes = sorted(routing_targets.to_pylist(), key=lambda row: (row["task_type"], row["target_model_id"]))
    owners = dict(zip(features["feature_id"].to_pylist(), features["owner"].to_pylist(), strict=True))
    sums = _summed_by_day(calls)
    rows = []
    for as_of in sorted(set(as_of_dates)):
        agreement = count_agreement(comparisons, before=as_of)
        window = [row for row in sums if as_of - timedelta(days=WINDOW_DAYS) <= row["usage_date"] < as_of]
        found = routing.find(window, book=book, routes=routes, agreement=agreement)
        rows += ranked(found, as_of=as_of, owners=owners)
    return to_table(rows, schema=SAVINGS)


def _summed_by_day(calls: pa.Table) -> list[dict[str, Any]]:
    """Sum the tokens and cost of expensive, priced, generating calls by day and all that decides their price."""
    wanted = (
        (pc.field("model_tier") == "expensive")
        & pc.field("is_generating")
        & pc.field("estimated_cost_usd").is_valid()
        & pc.field("feature_id").is_valid()
        & (pc.field("feature_id") != "unattributed")
    )
    table = calls.filter(wanted)
    sums = table.group_by(_KEYS, use_threads=False).aggregate(
        [(name, "sum") for name in [*_TOKENS, "estimated_cost_usd"]] + [("usage_date", "count")]
    )
    # What is added up as floats has to come in one order, or a micro-dollar differs between two builds of one lake.
    return sums.sort_by([(key, "ascending") for key in _KEYS]).to_pylist()
