"""A table of a view as a file: CSV and XLSX that hold no formula, and Parquet with the types that the marts have."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.sheets import NUMBER_FORMATS, Sheet, SheetColumn, write_csv, write_xlsx
from ai_finops.ui.view import Column, Table, Value

if TYPE_CHECKING:
    import pyarrow as pa

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHEET_KINDS = {"usd_small": "usd", "times": "number", "status": "text", "flag": "text"}
_MOST_SHEET_NAME = 31
"""Characters of a sheet's name (Excel's limit)."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it is sent."""

    content: bytes
    media_type: str


def write_download(table: Table, *, ending: str) -> Download:
    """Write all rows of a table.

    Args:
        table: What to write; its column names become the header.
        ending: A key of `ENDINGS`.
    """
    return ENDINGS[ending](table)


def _csv(table: Table) -> Download:
    file = io.StringIO(newline="")
    write_csv(file, _sheet(table))
    return Download(file.getvalue().encode(), "text/csv; charset=utf-8")


def _xlsx(table: Table) -> Download:
    file = io.BytesIO()
    write_xlsx(file, [_sheet(table)])
    return Download(file.getvalue(), XLSX_TYPE)


def _parquet(table: Table) -> Download:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [[row[place] for row in table.rows] for place in range(len(table.columns))]
    arrays = [_array(column, values) for column, values in zip(table.columns, columns, strict=True)]
    names = [column.name for column in table.columns]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=names), file)
    return Download(file.getvalue(), "application/vnd.apache.parquet")


ENDINGS: dict[str, Callable[[Table], Download]] = {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}
"""How a table is written, by the ending of its address."""


def _sheet(table: Table) -> Sheet:
    columns = tuple(SheetColumn(column.name, _sheet_kind(column)) for column in table.columns)
    return Sheet(table.table_id[:_MOST_SHEET_NAME], columns, table.rows)


def _sheet_kind(column: Column) -> str:
    kind = _SHEET_KINDS.get(column.kind, column.kind)
    return kind if kind in NUMBER_FORMATS else "text"


def _array(column: Column, values: Sequence[Value]) -> pa.Array:
    """Return a typed array: what the values are, and where there are none what the kind says."""
    import pyarrow as pa

    known = [value for value in values if value is not None]
    if not known:
        return pa.array(values, type=_type_of_kind(column.kind))
    if all(isinstance(value, Decimal) for value in known):
        return pa.array(values, type=pa.decimal128(38, max(_scale(value) for value in known)))
    if all(isinstance(value, datetime) for value in known):
        return pa.array(values, type=pa.timestamp("us"))
    kinds = {type(value) for value in known}
    if kinds <= {int, float, Decimal} and len(kinds) > 1:
        return pa.array([None if value is None else float(value) for value in values], type=pa.float64())
    if len(kinds) > 1:
        return pa.array([None if value is None else str(value) for value in values], type=pa.string())
    return pa.array(values)


def _type_of_kind(kind: str) -> pa.DataType:
    import pyarrow as pa

    return {
        "usd": pa.decimal128(38, 6),
        "usd_small": pa.decimal128(38, 6),
        "ratio": pa.float64(),
        "number": pa.float64(),
        "times": pa.float64(),
        "count": pa.int64(),
        "date": pa.date32(),
        "month": pa.date32(),
        "datetime": pa.timestamp("us"),
        "flag": pa.bool_(),
    }.get(kind, pa.string())


def _scale(value: Decimal) -> int:
    return max(0, -int(value.as_tuple().exponent))
