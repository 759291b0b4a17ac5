"""CUR: AWS's Cost and Usage Report, as Data Exports' `COST_AND_USAGE_REPORT` (CUR 2.0) or as a legacy report.

Columns: Data Exports user guide, table dictionary, and `cur_columns.csv`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.extract.export_columns import Columns, read_columns
from ai_finops.extract.export_format import Export, any_of
from ai_finops.lake_schemas import INVOICE_TOTALS, LINE_ITEMS


def concerns_ai(columns: Columns, lines: pa.Table) -> pa.ChunkedArray:
    """Return for each line whether it may concern AI; the warehouse decides which really do.

    Of AWS itself that is what Bedrock sells under any product code, support, and what has no product code. Lines of the
    marketplace all land: a model's usage says "Bedrock" in its product's name, its tax, credits and refunds need not.
    """
    code = columns.read("line_item_product_code", lines)
    tests = [
        pc.match_substring(code, "bedrock", ignore_case=True),
        pc.starts_with(code, "AWSSupport"),
        pc.equal(pc.fill_null(code, ""), ""),
        pc.match_substring(columns.read("product_servicecode", lines), "bedrock", ignore_case=True),
        pc.equal(columns.read("bill_billing_entity", lines), "AWS Marketplace"),
    ]
    return any_of(tests)


CUR = Export(
    source="billing",
    table="line_items",
    schema=LINE_ITEMS,
    totals_schema=INVOICE_TOTALS,
    columns=read_columns("cur_columns"),
    period_column="bill_billing_period_start_date",
    nulls=("",),
    concerns_ai=concerns_ai,
)
