"""Land the AWS bill as a FOCUS export, 1.0 or 1.2, of the billing period that holds a day.

Columns: the FOCUS specification and AWS's table dictionary for it, in `focus_columns.csv`. AWS leaves some empty that the
specification wants filled ("conformance gaps"), so in the lake every column may be null.
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.extract import export_landing
from ai_finops.extract.export_columns import Columns, read_columns
from ai_finops.extract.export_delivery import Place
from ai_finops.extract.export_format import Export, any_of
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_schemas import FOCUS_CHARGES, FOCUS_INVOICE_TOTALS

SOURCE = "focus"
CLIENTS = ("s3",)
PERMISSIONS = (("s3:ListBucket", "arn:aws:s3:::{bucket}"), ("s3:GetObject", "arn:aws:s3:::{bucket}/*"))
SINCE = (
    ("1.2", ("InvoiceId", "BillingAccountType", "SubAccountType", "PricingCurrency")),
    ("1.1", ("ServiceSubcategory", "SkuMeter", "SkuPriceDetails")),
)
"""Columns that a version brought, the newest version first; one of them tells it."""


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the partitions of the billing periods that `day` touches; see `export_landing.land_periods`.

    Args:
        day: The landing day, UTC; its month is the period.
        as_of: The run's today.
        allow_empty: Whether a period that had charges may become one that has none.
    """
    place = Place(
        bucket=settings.focus_bucket,
        prefix=settings.focus_prefix,
        name=settings.focus_export,
        settings="AI_FINOPS_FOCUS",
    )
    return export_landing.land_periods(
        FOCUS, day, place=place, lake=lake, clients=clients, as_of=as_of, allow_empty=allow_empty
    )


def version_of(names: list[str]) -> str:
    """Return the FOCUS version whose columns these are: `1.0`, `1.1` or `1.2`."""
    return next((version for version, brought in SINCE if set(brought) & set(names)), "1.0")


def concerns_ai(columns: Columns, lines: pa.Table) -> pa.ChunkedArray:
    """Return for each charge whether it may concern AI; the warehouse decides which really do.

    That is what the provider itself calls AI, Bedrock under any name, support, and whatever has no service or was published by
    somebody else than AWS (the marketplace), of which a tax or a refund need not say what it is for.
    """
    service = columns.read("service_name", lines)
    publisher = columns.read("publisher_name", lines)
    code = columns.read("x_service_code", lines)
    tests = [
        pc.equal(columns.read("service_category", lines), "AI and Machine Learning"),
        pc.match_substring(service, "bedrock", ignore_case=True),
        pc.match_substring(code, "bedrock", ignore_case=True),
        pc.starts_with(code, "AWSSupport"),
        pc.starts_with(service, "AWS Support"),
        pc.equal(pc.fill_null(service, ""), ""),
        pc.invert(pc.starts_with(pc.fill_null(publisher, ""), "Amazon Web Services")),
    ]
    return any_of(tests)


FOCUS = Export(
    source=SOURCE,
    table="charges",
    schema=FOCUS_CHARGES,
    totals_schema=FOCUS_INVOICE_TOTALS,
    columns=read_columns("focus_columns"),
    period_column="billing_period_start",
    nulls=("", "NULL"),
    concerns_ai=concerns_ai,
    version_of=version_of,
    own=lambda version: {"focus_version": version},
)
