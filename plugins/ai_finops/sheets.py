"""Tables as CSV and XLSX that no spreadsheet can take for anything but values.

A cell of text that begins with `=`, `+`, `-`, `@`, a tab or a return is a formula to a spreadsheet that opens a CSV, and
feature names come from outside. In CSV such text gets an apostrophe in front (what OWASP advises:
https://owasp.org/www-community/attacks/CSV_Injection); in XLSX every text is written as a string, which is never
evaluated, and stays as it is. Numbers are typed in both, so a negative amount is a number and no text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# What XML 1.0 cannot hold; such a character in a name would make the whole workbook unreadable.
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

NUMBER_FORMATS = {
    "usd": "#,##0.00####",
    "ratio": "0.0%",
    "count": "#,##0",
    "number": "#,##0.00####",
    "date": "yyyy-mm-dd",
    "month": "yyyy-mm",
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "text": "@",
}
"""Spreadsheet formats by kind of column."""


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """One column of a sheet."""

    name: str
    """Its header, and its name in CSV."""
    kind: str = "text"
    """A key of `NUMBER_FORMATS`."""
    width: int = 16
    """In characters."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its name; rows have a value for each column, None where nothing is known."""

    name: str
    columns: tuple[SheetColumn, ...]
    rows: Iterable[Sequence[object]]


def safe_text(value: str) -> str:
    """Return a text for a cell of CSV: one that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{value}" if value.startswith(_STARTS_FORMULA) else value


def write_csv(file: IO[str], sheet: Sheet) -> None:
    """Write a sheet as CSV (RFC 4180, header first), times in UTC as ISO 8601, unknown as nothing.

    Args:
        file: Open for text with `newline=""` and encoding UTF-8.
    """
    writer = csv.writer(file)
    writer.writerow([safe_text(column.name) for column in sheet.columns])
    for row in sheet.rows:
        writer.writerow([_csv_cell(value) for value in row])


def write_xlsx(file: Path | IO[bytes], sheets: Sequence[Sheet]) -> None:
    """Write sheets as a workbook with typed cells: amounts are numbers, days are dates, and text is never a formula.

    Decimals are written as the nearest double, which is what a spreadsheet computes with; the exact ones are in CSV.
    The same sheets make the same bytes.
    """
    import xlsxwriter

    options = {
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
        "in_memory": True,
        "nan_inf_to_errors": True,
    }
    with xlsxwriter.Workbook(file if not isinstance(file, Path) else str(file), options) as workbook:
        # A date in the file's properties would make two workbooks of the same rows differ.
        workbook.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
        bold = workbook.add_format({"bold": True, "bottom": 1})
        formats = {kind: workbook.add_format({"num_format": text}) for kind, text in NUMBER_FORMATS.items()}
        for sheet in sheets:
            page = workbook.add_worksheet(sheet.name)
            page.freeze_panes(1, 0)
            for place, column in enumerate(sheet.columns):
                page.set_column(place, place, column.width, formats[column.kind])
                page.write_string(0, place, _xml_text(column.name), bold)
            for line, row in enumerate(sheet.rows, start=1):
                for place, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
                    _write_cell(page, line, place, value, formats[column.kind])


def _write_cell(page: object, line: int, place: int, value: object, cell_format: object) -> None:
    match value:
        case None:
            return
        case bool():
            page.write_boolean(line, place, value, cell_format)
        case int() | float() | Decimal():
            page.write_number(line, place, value, cell_format)
        case datetime():
            page.write_datetime(line, place, _utc(value).replace(tzinfo=None), cell_format)
        case date():
            page.write_datetime(line, place, value, cell_format)
        case _:
            page.write_string(line, place, _xml_text(str(value)), cell_format)


def _csv_cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case Decimal():
            return format(value, "f")
        case datetime():
            return _utc(value).isoformat()
        case date():
            return value.isoformat()
        case _:
            return safe_text(str(value))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _xml_text(value: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)
