"""Hand-made billing exports, put into a bucket as AWS delivers them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.extract.export_columns import read_columns
from ai_finops.lake_schemas import EXACT, FOCUS_CHARGES, LINE_ITEMS

MILLISECONDS = pa.timestamp("ms", tz="UTC")
DATA, METADATA = "data/BILLING_PERIOD={}/", "metadata/BILLING_PERIOD={}/"
EXECUTIONS = {
    number: f"2025-06-{number + 10:02}T06:15:0{number}.123Z-{number:08x}-0000-4000-8000-000000000000"
    for number in range(1, 6)
}
"""Folders of "create new" executions, as real ones are named, by a number."""


def export_schema(lake: pa.Schema, table: str) -> pa.Schema:
    """The lake's columns as Parquet exports have them: under their own names, doubles, and times in milliseconds."""

    def kind(of: pa.DataType) -> pa.DataType:
        return MILLISECONDS if pa.types.is_timestamp(of) else pa.float64() if of == EXACT else of

    return pa.schema([(column.names[0], kind(lake.field(column.name).type)) for column in read_columns(table)])


CUR_SCHEMA = export_schema(LINE_ITEMS, "cur_columns")
FOCUS_SCHEMA = export_schema(FOCUS_CHARGES, "focus_columns")
LEGACY_NAMES = {column.name: column.names[1] for column in read_columns("cur_columns") if len(column.names) > 1}


def cur_line(cost: Any = 1.0, **changes: Any) -> dict[str, Any]:
    """A Bedrock usage line of June 2025 as CUR 2.0 has it."""
    return {
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": datetime(2025, 6, 1, tzinfo=UTC),
        "bill_payer_account_id": "012345678901",
        "line_item_usage_account_id": "111122223333",
        "line_item_usage_start_date": datetime(2025, 6, 2, tzinfo=UTC),
        "line_item_usage_end_date": datetime(2025, 6, 2, 1, tzinfo=UTC),
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": "USE1-NovaLite-input-tokens",
        "line_item_operation": "InvokeModelInference",
        "line_item_line_item_type": "Usage",
        "line_item_line_item_description": "$0.00006 per 1K tokens for USE1-NovaLite-input-tokens",
        "line_item_usage_amount": 2.0,
        "line_item_unblended_cost": cost,
        "line_item_currency_code": "USD",
        "pricing_unit": "1K tokens",
        "product": [("product_name", "Amazon Bedrock"), ("region", "us-east-1")],
        "product_servicecode": "AmazonBedrock",
        "resource_tags": [("user_feature", "search")],
    } | changes


EC2 = {
    "line_item_product_code": "AmazonEC2",
    "product_servicecode": "AmazonEC2",
    "product": [("product_name", "Amazon Elastic Compute Cloud")],
    "line_item_usage_type": "BoxUsage:m5.large",
    "pricing_unit": "Hrs",
}
"""What makes a line EC2's."""


def focus_charge(cost: Any = 1.0, **changes: Any) -> dict[str, Any]:
    """A Bedrock charge of June 2025 as FOCUS 1.2 has it."""
    return {
        "BillingAccountId": "012345678901",
        "BillingAccountType": "Payer",
        "SubAccountId": "111122223333",
        "SubAccountType": "Account",
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "ProviderName": "AWS",
        "PublisherName": "Amazon Web Services, Inc.",
        "BillingCurrency": "USD",
        "BillingPeriodStart": datetime(2025, 6, 1, tzinfo=UTC),
        "BillingPeriodEnd": datetime(2025, 7, 1, tzinfo=UTC),
        "ChargePeriodStart": datetime(2025, 6, 2, tzinfo=UTC),
        "ChargePeriodEnd": datetime(2025, 6, 2, 1, tzinfo=UTC),
        "ChargeCategory": "Usage",
        "ChargeDescription": "$0.00006 per 1K tokens",
        "BilledCost": cost,
        "EffectiveCost": cost,
        "ListCost": cost,
        "ContractedCost": cost,
        "ConsumedQuantity": 2.0,
        "ConsumedUnit": "1K tokens",
        "PricingQuantity": 2.0,
        "PricingUnit": "1K tokens",
        "PricingCurrency": "USD",
        "ServiceName": "Amazon Bedrock",
        "ServiceCategory": "AI and Machine Learning",
        "ResourceId": None,
        "Tags": [("user:feature", "search")],
        "x_ServiceCode": "AmazonBedrock",
        "x_Operation": "InvokeModelInference",
    } | changes


def parquet_bytes(rows: list[dict] | pa.Table, *, schema: pa.Schema = CUR_SCHEMA) -> bytes:
    """Rows as an export's Parquet file."""
    body = io.BytesIO()
    pq.write_table(
        rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, schema), body, compression="snappy"
    )
    return body.getvalue()


def csv_bytes(rows: list[dict], *, names: list[str]) -> bytes:
    """Rows as an export's CSV: maps as JSON, times as ISO, nothing where there is no value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _csv_value(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def _csv_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    if isinstance(value, list):
        return json.dumps(dict(value), separators=(",", ":"))
    return value


def legacy_row(line: dict[str, Any]) -> dict[str, Any]:
    """A CUR 2.0 line under the names of a legacy CSV report, which has a column for each key of a map."""
    row = {LEGACY_NAMES[name]: value for name, value in line.items() if name in LEGACY_NAMES}
    for key, value in line.get("product", ()):
        row["product/" + {"product_name": "ProductName"}.get(key, key)] = value
    for key, value in line.get("resource_tags", ()):
        row["resourceTags/" + key.replace("_", ":", 1)] = value
    return row


def zipped(content: bytes, *, name: str = "report-1.csv") -> bytes:
    """A zip file with one member."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return body.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@dataclass
class Exporter:
    """Delivers an export into a bucket."""

    s3: Any
    bucket: str
    root: str
    """`<prefix>/<export>/`"""
    name: str
    folder: str = "BILLING_PERIOD={}"
    put_keys: list[str] = field(default_factory=list)

    def put(self, key: str, body: bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self.put_keys.append(key)
        return key

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def data_key(self, file: str, *, period: str = "2025-06", execution: int | None = None) -> str:
        folder = f"{EXECUTIONS[execution]}/" if execution else ""
        return f"{self.root}data/{self.folder.format(period)}/{folder}{self.name}-{file}"

    def manifest_key(self, *, period: str = "2025-06", execution: int | None = None) -> str:
        folder = f"{EXECUTIONS[execution]}/" if execution else ""
        return f"{self.root}metadata/{self.folder.format(period)}/{folder}{self.name}-Manifest.json"

    def overwrite(self, period: str = "2025-06", *, execution_id: str = "e-1", **files: bytes) -> list[str]:
        """Replace the period's files in place, the manifest last; `f00001_csv_gz` becomes `00001.csv.gz`."""
        keys = [self.put(self.data_key(_file(name), period=period), body) for name, body in files.items()]
        self.manifest(keys, period=period, execution_id=execution_id)
        return keys

    def create_new(self, execution: int, *, period: str = "2025-06", **files: bytes) -> list[str]:
        """Deliver the files into a folder of their own, then both manifests."""
        keys = [
            self.put(self.data_key(_file(name), period=period, execution=execution), body)
            for name, body in files.items()
        ]
        for at in (execution, None):
            self.manifest(
                keys, period=period, execution_id=f"e-{execution}", key=self.manifest_key(period=period, execution=at)
            )
        return keys

    def manifest(
        self, keys: list[str], *, period: str = "2025-06", execution_id: str = "e-1", key: str | None = None
    ) -> None:
        plain = {
            "executionId": execution_id,
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:012345678901:export/{self.name}",
            "columns": [],
            "dataFiles": [f"s3://{self.bucket}/{each}" for each in keys],
            "additionalOutputFiles": [],
        }
        self.put(key or self.manifest_key(period=period), json.dumps(plain).encode())

    def legacy(
        self,
        *,
        assembly: str = "20250615T060000Z",
        folder: str | None = None,
        bucket: str | None = None,
        **files: bytes,
    ) -> list[str]:
        """Deliver a legacy report of June 2025 with versions: all in the assembly's folder, the manifest again above it."""
        dates = folder or f"{self.root}20250601-20250701/"
        keys = [self.put(f"{dates}{assembly}/{self.name}-{_file(name)}", body) for name, body in files.items()]
        plain = {
            "assemblyId": assembly,
            "account": "012345678901",
            "columns": [],
            "charset": "UTF-8",
            "compression": "GZIP",
            "contentType": "text/csv",
            "reportId": "f" * 64,
            "reportName": self.name,
            "billingPeriod": {"start": "20250601T000000.000Z", "end": "20250701T000000.000Z"},
            "bucket": bucket or self.bucket,
            "reportKeys": keys,
            "additionalArtifactKeys": [],
        }
        for at in (f"{dates}{assembly}/", dates):
            self.put(f"{at}{self.name}-Manifest.json", json.dumps(plain).encode())
        return keys


def _file(name: str) -> str:
    number, _, ending = name.removeprefix("f").partition("_")
    return f"{number}.{ending.replace('_', '.')}"
