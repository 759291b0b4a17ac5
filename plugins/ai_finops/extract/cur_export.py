"""Read one billing period of a CUR 2.0 export: the manifest, the files it names, and the columns that the lake keeps.

Layout and manifest: AWS Data Exports user guide, "Understanding export delivery"; columns: its table dictionary. With
`OVERWRITE_REPORT` a delivery replaces the files in place, so what the manifest names is checked before it is believed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.config import Settings
from ai_finops.errors import SourceBroken
from ai_finops.extract import s3_objects
from ai_finops.extract.accounts import Accounts
from ai_finops.lake_schemas import LINE_ITEMS

OWN_COLUMNS = ("billing_period", "object_key")
"""Added here; an export does not have them."""
OPTIONAL_COLUMNS = (
    "bill_invoice_id",
    "line_item_usage_account_name",
    "line_item_resource_id",
    "line_item_iam_principal",
    "line_item_legal_entity",
    "pricing_term",
    "pricing_public_on_demand_cost",
    "product_product_family",
    "resource_tags",
)
"""Only in exports that were asked for them; null in the lake when they are not there."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one delivery of one period consists of."""

    period: str
    bucket: str
    key: str
    execution_id: str | None
    """Of the delivery; another one means other files."""
    data_keys: tuple[str, ...]


def export_prefix(settings: Settings) -> str:
    """Return the prefix below which the export's `data/` and `metadata/` lie."""
    parts = (settings.billing_prefix.strip("/"), settings.billing_export)
    return "".join(f"{part}/" for part in parts if part)


def read_manifest(s3: Any, *, period: str, settings: Settings) -> Manifest | None:
    """Return the manifest of a period, or None when the period has not been delivered.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket cannot be read.
        SourceBroken: The manifest is not one.
    """
    bucket = settings.billing_bucket
    key = f"{export_prefix(settings)}metadata/BILLING_PERIOD={period}/{settings.billing_export}-Manifest.json"
    try:
        with s3_objects.read_object(s3, bucket=bucket, key=key) as file:
            content = json.load(file)
        files = tuple(_key_of(each, bucket=bucket) for each in content["dataFiles"])
    except s3_objects.ObjectGone:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceBroken(
            f"s3://{bucket}/{key} is not a manifest with dataFiles ({type(error).__name__}); the old version of {period} "
            "stays; wait for the next delivery"
        ) from error
    return Manifest(period, bucket, key, content.get("executionId"), files)


def read_lines(s3: Any, manifest: Manifest, *, accounts: Accounts, folder: Path) -> pa.Table:
    """Return all lines of the period in the lake's schema, in the order of the manifest.

    Raises:
        SourceForbidden, SourceUnavailable: A file cannot be read.
        SourceBroken: A file is missing, is not Parquet, or lacks a column; the message names the file and the column.
    """
    tables = []
    for key in manifest.data_keys:
        where = f"s3://{manifest.bucket}/{key}"
        read = next((reader for ending, reader in READERS.items() if key.endswith(ending)), None)
        if read is None:
            raise SourceBroken(f"{where} is none of {', '.join(READERS)}; export the bill as Parquet")
        try:
            with s3_objects.read_object(s3, bucket=manifest.bucket, key=key, folder=folder) as file:
                size = file.seek(0, 2)
                table = read(file, where)
        except s3_objects.ObjectGone as error:
            raise SourceBroken(
                f"{where} is named by the manifest and is not there, so the delivery is not whole; the old version of "
                f"{manifest.period} stays; wait for the next delivery"
            ) from error
        number = accounts.open(key, bytes_read=size)
        accounts.objects[number].read_count = accounts.objects[number].loaded_count = table.num_rows
        tables.append(_in_schema(table, where, period=manifest.period, key=key))
    return pa.concat_tables(tables) if tables else LINE_ITEMS.empty_table()


def _read_parquet(file: BinaryIO, where: str) -> pa.Table:
    file.seek(0)
    wanted = [name for name in LINE_ITEMS.names if name not in OWN_COLUMNS]
    try:
        parquet = pq.ParquetFile(file)
        return parquet.read(columns=[name for name in wanted if name in parquet.schema_arrow.names])
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceBroken(f"{where} is not a readable Parquet file ({error}); wait for the next delivery") from error


READERS: dict[str, Callable[[BinaryIO, str], pa.Table]] = {".parquet": _read_parquet}
"""How a data file is read, by the end of its name."""


def _in_schema(table: pa.Table, where: str, *, period: str, key: str) -> pa.Table:
    own = {"billing_period": period, "object_key": key}
    columns = []
    for field in LINE_ITEMS:
        if field.name in own:
            columns.append(pa.array([own[field.name]] * table.num_rows, field.type))
        elif field.name in table.column_names:
            columns.append(_cast(table.column(field.name), field, where))
        elif field.name in OPTIONAL_COLUMNS:
            columns.append(pa.nulls(table.num_rows, field.type))
        else:
            raise SourceBroken(
                f"{where} has no column {field.name}; the old version of {period} stays; add the column to the export's query"
            )
    return pa.table(columns, schema=LINE_ITEMS)


def _cast(column: pa.ChunkedArray, field: pa.Field, where: str) -> pa.ChunkedArray:
    try:
        if pa.types.is_timestamp(field.type) and pa.types.is_timestamp(column.type) and column.type.tz is None:
            column = column.cast(pa.timestamp(column.type.unit, tz="UTC"))  # CUR's times are UTC, written or not
        return column.cast(field.type, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceBroken(
            f"{where}: column {field.name} is {column.type} and cannot be read as {field.type} ({error}); "
            "the old version stays; correct the export's query"
        ) from error


def _key_of(data_file: str, *, bucket: str) -> str:
    """Return the key of a data file, which a manifest names with or without its bucket."""
    prefix = f"s3://{bucket}/"
    if data_file.startswith("s3://") and not data_file.startswith(prefix):
        raise SourceBroken(f"the manifest names {data_file}, which is not in the bucket {bucket}; correct the export")
    return data_file.removeprefix(prefix)
