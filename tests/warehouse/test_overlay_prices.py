"""A price that only the overlay knows, through to the cost of a call: an imported model, and Bedrock's batch."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from ai_finops.pricing.overlay import COLUMNS
from tests.warehouse.tiny_lake import SONNET, SONNET_ID, make_raw, raw_prices, run_dbt, span

IMPORTED = "arn:aws:bedrock:us-east-1:111122223333:imported-model/ours"
OTHER = "arn:aws:bedrock:us-east-1:111122223333:imported-model/theirs"
PROVISIONED = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/p1"
OVERLAY = (
    f"aws.bedrock,{IMPORTED},uncached_input,any,on_demand,0,2,1M tokens,2025-06-02,,finance,2025-06-01",
    f"aws.bedrock,{IMPORTED},output,any,on_demand,0,4,1M tokens,2025-06-02,,finance,2025-06-01",
    f"aws.bedrock,{SONNET_ID},uncached_input,any,batch,0,1.5,1M tokens,,,contract,2025-06-01",
    f"aws.bedrock,{SONNET_ID},output,any,batch,0,7.5,1M tokens,,,contract,2025-06-01",
)


def call(span_id: str, model: str, *, day: str = "2025-06-02", **changes):
    usage = {"uncached_input_tokens": 1_000_000, "output_tokens": 100_000}
    return span(span_id, f"{day} 10:00", model, **usage, **changes)


SPANS = [
    call("imported", IMPORTED),
    call("imported_before", IMPORTED, day="2025-06-01"),
    call("other_imported", OTHER),
    call("provisioned", PROVISIONED),
    call("batch", SONNET, processing="batch"),
    call("flex", SONNET, processing="flex"),
]


@pytest.fixture(scope="module")
def costs(tmp_path_factory) -> dict[str, tuple]:
    """Build the calls with an overlay of our own; return model, catalog, estimate and reason by span."""
    folder = tmp_path_factory.mktemp("overlay")
    path, overlay = folder / "warehouse.duckdb", folder / "price_overlay.csv"
    overlay.write_text("\n".join([",".join(COLUMNS), *OVERLAY]) + "\n")
    make_raw(path, spans=SPANS)
    with duckdb.connect(str(path)) as connection:
        connection.register("incoming", raw_prices(overlay))
        connection.execute("create or replace table raw.prices as select * from incoming")
    arguments = ("--select=+fct_llm_calls", "--exclude-resource-type=unit_test", "--exclude-resource-type=test")
    built = run_dbt(path, "build", *arguments, as_of_date="2025-06-03")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "select span_id, model_id, price_catalog, estimated_cost_usd, cost_reason, usage_date from marts.fct_llm_calls"
        ).fetchall()
    return {span_id: tuple(row) for span_id, *row in rows}


DAY = date(2025, 6, 2)


@pytest.mark.parametrize(
    ("span_id", "expected"),
    [
        # A million tokens in at $2, a tenth of one out at $4.
        ("imported", (IMPORTED, "overlay", Decimal("2.4"), None, DAY)),
        # The model is known, and its price begins a day later.
        ("imported_before", (IMPORTED, None, None, "no_price", date(2025, 6, 1))),
        ("other_imported", (OTHER, None, None, "unknown_model", DAY)),
        # By the hour on the bill: no price per token is right for it.
        ("provisioned", (PROVISIONED, None, None, "unknown_model", DAY)),
        # $1.50 in, and a tenth of $7.50 out.
        ("batch", (SONNET_ID, "overlay", Decimal("2.25"), None, DAY)),
        ("flex", (SONNET_ID, None, None, "no_price", DAY)),
    ],
)
def test_the_overlay_s_price_is_what_a_call_costs(costs, span_id, expected):
    assert costs[span_id] == expected
