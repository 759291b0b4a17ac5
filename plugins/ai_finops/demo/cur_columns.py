"""The columns that the account's CUR 2.0 export selects, as Parquet types and as its manifest lists them.

Names and types: AWS Data Exports table dictionary, `COST_AND_USAGE_REPORT`. Times are UTC milliseconds.
"""

from __future__ import annotations

import pyarrow as pa

_TEXT = pa.string()
_NUMBER = pa.float64()
_TIME = pa.timestamp("ms", tz="UTC")
_MAP = pa.map_(pa.string(), pa.string())

SCHEMA = pa.schema(
    [
        ("identity_line_item_id", _TEXT),
        ("identity_time_interval", _TEXT),
        ("bill_bill_type", _TEXT),
        ("bill_billing_entity", _TEXT),
        ("bill_billing_period_start_date", _TIME),
        ("bill_billing_period_end_date", _TIME),
        ("bill_invoice_id", _TEXT),
        ("bill_payer_account_id", _TEXT),
        ("line_item_usage_account_id", _TEXT),
        ("line_item_usage_account_name", _TEXT),
        ("line_item_usage_start_date", _TIME),
        ("line_item_usage_end_date", _TIME),
        ("line_item_product_code", _TEXT),
        ("line_item_usage_type", _TEXT),
        ("line_item_operation", _TEXT),
        ("line_item_line_item_type", _TEXT),
        ("line_item_line_item_description", _TEXT),
        ("line_item_resource_id", _TEXT),
        ("line_item_usage_amount", _NUMBER),
        ("line_item_unblended_cost", _NUMBER),
        ("line_item_currency_code", _TEXT),
        ("line_item_legal_entity", _TEXT),
        ("pricing_currency", _TEXT),
        ("pricing_unit", _TEXT),
        ("pricing_term", _TEXT),
        ("pricing_public_on_demand_cost", _NUMBER),
        ("product", _MAP),
        ("product_servicecode", _TEXT),
        ("product_product_family", _TEXT),
        ("discount", _MAP),
        ("resource_tags", _MAP),
        ("cost_category", _MAP),
    ]
)

_MANIFEST_TYPES = {_TEXT: "string", _NUMBER: "double", _TIME: "timestamp", _MAP: "map"}
MANIFEST_COLUMNS = [{"name": field.name, "type": _MANIFEST_TYPES[field.type]} for field in SCHEMA]
