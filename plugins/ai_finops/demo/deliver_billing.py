"""Put the account's bill into the billing bucket as AWS Data Exports delivers CUR 2.0: Parquet, overwritten on each delivery.

The bill is synthetic, in AWS's documented grammar (`bill_lines`, `bedrock_bill`): no public billing file with Bedrock lines is
known. Prices are list prices, less the account's discount on Nova. Data lies in
`<prefix>/<export>/data/BILLING_PERIOD=YYYY-MM/`, the manifest in
`<prefix>/<export>/metadata/BILLING_PERIOD=YYYY-MM/<export>-Manifest.json` (Data Exports user guide, "Understanding export
delivery"); its fields are those that public readers of real manifests use: `executionId`, `exportArn`, `columns` and
`dataFiles`, which are whole `s3://` addresses. Both are written anew each time, the manifest last.
"""

from __future__ import annotations

import io
import json
import uuid
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.config import Settings
from ai_finops.days import billing_period, days_between
from ai_finops.demo.account import ACCOUNT_ID, errors_named
from ai_finops.demo.bill_lines import bill_lines
from ai_finops.demo.call_rows import Call
from ai_finops.demo.cur_columns import MANIFEST_COLUMNS, SCHEMA

_FILE_ROW_COUNT = 2500
"""AWS splits a large export into several files; so does this one, at a size that the sample reaches."""


def deliver_billing(
    calls: list[Call], *, first: date, last: date, s3: Any, settings: Settings
) -> tuple[tuple[str, ...], int]:
    """Overwrite the export of each billing period with a day from `first` to `last`; it then holds all usage up to `last`.

    Returns:
        The billing periods, and the count of line items in them.
    Raises:
        SourceMissing, SourceForbidden, SourceUnavailable: The bucket is not there, refused, or did not answer.
        SampleError: A call's model has no place or no price on the bill.
    """
    periods = sorted({billing_period(day) for day in days_between(first, last)})
    line_count = 0
    for period in periods:
        delivery = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.billing_export}/{period}/{last}"))
        lines = bill_lines(calls, period=period, last=last, region=settings.aws_region, delivery=delivery)
        _put_export(lines, period=period, delivery=delivery, s3=s3, settings=settings)
        line_count += len(lines)
    return tuple(periods), line_count


def _put_export(lines: list[dict], *, period: str, delivery: str, s3: Any, settings: Settings) -> None:
    root = f"{settings.billing_prefix}/{settings.billing_export}"
    data, bucket = f"{root}/data/BILLING_PERIOD={period}", settings.billing_bucket
    table = pa.Table.from_pylist(lines, schema=SCHEMA)
    keys = []
    with errors_named(f"bucket {bucket}"):
        for number, offset in enumerate(range(0, max(1, table.num_rows), _FILE_ROW_COUNT), start=1):
            keys.append(f"{data}/{settings.billing_export}-{number:05d}.snappy.parquet")
            body = io.BytesIO()
            pq.write_table(table.slice(offset, _FILE_ROW_COUNT), body, compression="snappy")
            s3.put_object(Bucket=bucket, Key=keys[-1], Body=body.getvalue())
        manifest = {
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{ACCOUNT_ID}:export/{settings.billing_export}",
            "executionId": delivery,
            "columns": MANIFEST_COLUMNS,
            "dataFiles": [f"s3://{bucket}/{key}" for key in keys],
        }
        s3.put_object(
            Bucket=bucket,
            Key=f"{root}/metadata/BILLING_PERIOD={period}/{settings.billing_export}-Manifest.json",
            Body=json.dumps(manifest, indent=2).encode(),
            ContentType="application/json",
        )
