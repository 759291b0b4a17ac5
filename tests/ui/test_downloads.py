"""Tables as files: types where there are values, and where there are none."""

from __future__ import annotations

import io
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.ui.downloads import write_download
from ai_finops.ui.view import Column, Table
from tests.ui.conftest import HOSTILE


def table(kind, *values, table_id="some-table"):
    return Table(table_id, "Title", "mart", (Column("it", "It", kind),), tuple((value,) for value in values))


def parquet(given):
    return pq.read_table(io.BytesIO(write_download(given, ending="parquet").content))["it"]


@pytest.mark.parametrize(
    ("kind", "values", "arrow_type"),
    [
        ("usd", (Decimal("1.50"), Decimal("0.000001"), None), pa.decimal128(38, 6)),
        ("usd", (None,), pa.decimal128(38, 6)),
        ("usd", (), pa.decimal128(38, 6)),
        ("usd", (Decimal("1.5"), 2), pa.float64()),
        ("count", (1, None), pa.int64()),
        ("count", (None,), pa.int64()),
        ("ratio", (0.5, 1), pa.float64()),
        ("ratio", (None,), pa.float64()),
        ("date", (date(2025, 6, 2), None), pa.date32()),
        ("month", (None,), pa.date32()),
        ("datetime", (datetime(2025, 6, 2, 8),), pa.timestamp("us")),
        ("flag", (True, None), pa.bool_()),
        ("flag", (None,), pa.bool_()),
        ("text", (1, "a", None), pa.string()),
        ("status", (None,), pa.string()),
    ],
)
def test_parquet_has_the_type_of_its_values_or_of_its_kind(kind, values, arrow_type):
    column = parquet(table(kind, *values))
    assert column.type == arrow_type
    assert len(column) == len(values)


def test_parquet_keeps_every_digit_and_unknown():
    assert parquet(table("usd", Decimal("12345678901234.123456"), None)).to_pylist() == [
        Decimal("12345678901234.123456"),
        None,
    ]


def test_no_text_becomes_a_formula():
    csv = write_download(table("text", *HOSTILE, "-1", "+1", "@a", "\ta"), ending="csv").content.decode()
    assert not any(line.lstrip('"').startswith(("=", "-", "+", "@", "\t")) for line in csv.splitlines())
    sheet = openpyxl.load_workbook(
        io.BytesIO(write_download(table("text", *HOSTILE, "-1"), ending="xlsx").content)
    ).active
    assert {row[0].data_type for row in sheet.iter_rows()} == {"s"}


@pytest.mark.parametrize("kind", ["usd_small", "status", "flag", "month", "datetime", "odd"])
def test_every_kind_can_be_a_sheet_whatever_its_name_is(kind):
    content = write_download(table(kind, None, table_id="t" * 60), ending="xlsx").content
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["t" * 31]
