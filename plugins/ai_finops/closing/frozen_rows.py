"""What a month was when it closed: the rows of the marts that never change afterwards, as files of the lake."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa

from ai_finops.closing.closed_ledger import Closing, FrozenTable
from ai_finops.lake_files import parquet_bytes
from ai_finops.lake_store import LakeFolder

if TYPE_CHECKING:
    import duckdb

_USD = pa.decimal128(18, 6)


def _schema(texts: str, **others: pa.DataType) -> pa.Schema:
    return pa.schema([*((name, pa.string()) for name in texts.split()), *others.items()])


FROZEN_TABLES = {
    "fct_daily_allocated_costs": _schema(
        "feature_id pipeline_id billing_account_id service_name task_type provider_name charge_category "
        "corrected_charge_category model_id model_tier attribution unattributed_reason cost_status",
        request_count=pa.int64(),
        input_tokens=pa.int64(),
        output_tokens=pa.int64(),
        unknown_cost_call_count=pa.int64(),
        unknown_cost_tokens=pa.int64(),
        estimated_cost_usd=_USD,
        allocated_cost_usd=_USD,
        usage_date=pa.date32(),
        corrected_month=pa.date32(),
    ),
    "fct_daily_reconciliations": _schema(
        "billing_account_id provider_name charge_category corrected_charge_category model_id token_class region_scope "
        "processing cell_grain coverage_basis",
        billed_tokens=pa.int64(),
        traced_tokens=pa.int64(),
        billed_search_unit_count=pa.int64(),
        traced_search_unit_count=pa.int64(),
        disagreeing_quantity=pa.int64(),
        estimated_cost_usd=_USD,
        billed_cost_usd=_USD,
        allocated_cost_usd=_USD,
        unattributed_cost_usd=_USD,
        rounding_cost_usd=pa.decimal128(38, 12),
        coverage_pct=pa.float64(),
        error_pct=pa.float64(),
        is_settled=pa.bool_(),
        usage_date=pa.date32(),
        corrected_month=pa.date32(),
    ),
}
"""The marts that stand still, with their columns (as in their dbt contracts)."""


def freeze(
    connection: duckdb.DuckDBPyConnection, closing: Closing, *, database: str, folder: LakeFolder
) -> dict[str, FrozenTable]:
    """Write the rows that a period has in the marts of a build; again with the same rows writes the same files.

    Args:
        connection: Has the build's warehouse attached.
        closing: The period.
        database: The name that the warehouse is attached by.
        folder: Where the files go, under a name that says what is in them.
    Raises:
        LakeError: The disk refuses.
    """
    return {name: _freeze_table(connection, closing, name, database=database, folder=folder) for name in FROZEN_TABLES}


def _freeze_table(
    connection: duckdb.DuckDBPyConnection, closing: Closing, name: str, *, database: str, folder: LakeFolder
) -> FrozenTable:
    schema, period = FROZEN_TABLES[name], closing.period
    columns = ", ".join(schema.names)
    rows = connection.execute(
        f"""
        select {columns} from {database}.marts.{name}
        where
            provider_name = $provider_name and billing_account_id = $billing_account_id
            and usage_date >= $first and usage_date < $end
        order by all
        """,  # noqa: S608 - our own names
        {
            "provider_name": period.provider_name,
            "billing_account_id": period.billing_account_id,
            "first": period.usage_month,
            "end": period.end,
        },
    ).to_arrow_table()
    data = parquet_bytes(rows.cast(schema))
    sha256 = hashlib.sha256(data).hexdigest()
    file = f"{period.usage_month:%Y-%m}-{name}-{sha256[:16]}.parquet"
    if not folder.has(file):
        folder.replace(file, data)
    return FrozenTable(file, sha256, rows.num_rows)
