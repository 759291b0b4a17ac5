"""Tables as CSV and XLSX that no spreadsheet can take for anything but values.

A cell of text that begins with `=`, `+`, `-`, `@`, a tab or a return is a formula to a spreadsheet that opens a CSV, and
feature names come from outside. In CSV such text gets an apostrophe in front (what OWASP advises:
https://owasp.org/www-community/attacks/CSV_Injection); in XLSX every text is written as a string, which is never
evaluated, and stays as it is. Numbers are typed in both, so a negative amount is a number and no text.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain, count
from pathlib import Path
from typing import IO

# A formula may begin at the start of a cell, and after a semicolon, a tab or a line's end within it, where a spreadsheet of
# another locale cuts one cell in two. Blanks and what nobody sees may stand before it. Full-width signs count as signs too.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[\s\x00-\x1f\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_STARTS_FORMULA = ("\t", "\r", "\n")
_NOT_IN_UTF8 = re.compile(r"[\ud800-\udfff]")
# What XML 1.0 cannot hold; such a character in a name would make the whole workbook unreadable.
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\]")
MOST_ROWS = 1_048_576
"""Of a sheet in XLSX, the header among them; a table with more goes on in a second sheet."""
MOST_CHARACTERS = 32_767
"""Of a cell in XLSX, in UTF-16 units; longer text is cut there, and says so."""
_CUT = "… [cut here: a cell holds 32,767 characters; the CSV has all of it]"

NUMBER_FORMATS = {
    "usd": "#,##0.00####",
    "ratio": "0.0%",
    "count": "#,##0",
    "number": "#,##0.00####",
    "date": "yyyy-mm-dd",
    "month": "yyyy-mm",
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "text": "@",
    "note": "@",
}
"""Spreadsheet formats by kind of column. A `note` is text that is wrapped to the column's width."""


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
class Cell:
    """A value of another kind than its column has."""

    value: object
    kind: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with its name; rows have a value for each column, None where nothing is known."""

    name: str
    columns: tuple[SheetColumn, ...]
    rows: Iterable[Sequence[object]]
    frozen_columns: int = 0
    """How many columns on the left stay in view, and are repeated on each printed page."""
    has_filter: bool = False
    """Whether the header offers to filter by its columns."""
    pages_wide: int = 1
    """How many pages it is printed on side by side, shrunk to fit; 0 for as many as it takes."""


@lru_cache(maxsize=10_000)  # columns of a bill say the same over and over
def safe_text(value: str) -> str:
    """Return a text for a cell of CSV: an apostrophe stands wherever a spreadsheet would see the beginning of a formula."""
    safe = _FORMULA.sub(r"\1'", value)
    return f"'{safe}" if safe.startswith(_STARTS_FORMULA) else safe


def write_csv(file: IO[str], sheet: Sheet) -> None:
    """Write a sheet as CSV (RFC 4180, header first), times in UTC as ISO 8601, decimals in full, unknown as nothing.

    Args:
        file: Open for text with `newline=""` and encoding UTF-8.
    """
    writer = csv.writer(file)
    writer.writerow([_csv_cell(column.name) for column in sheet.columns])
    for row in sheet.rows:
        writer.writerow([_csv_cell(value) for value in row])


def write_xlsx(file: Path | IO[bytes], sheets: Sequence[Sheet], *, is_large: bool = False) -> None:
    """Write sheets as a workbook with typed cells: amounts are numbers, days are dates, and text is never a formula.

    Decimals are written as the nearest double, which is what a spreadsheet computes with; the exact ones are in CSV. A
    table of more rows than a sheet holds goes on in `<name> (2)`. The same sheets make the same bytes.

    Args:
        file: A path, or open for bytes.
        sheets: At least one.
        is_large: Keep a row in memory and not the workbook, for a file that is somewhat larger.
    """
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    options |= {"constant_memory": True} if is_large else {"in_memory": True}
    with xlsxwriter.Workbook(file if not isinstance(file, Path) else str(file), options) as workbook:
        # A date in the file's properties would make two workbooks of the same rows differ.
        workbook.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
        formats = {}
        for kind, number_format in (NUMBER_FORMATS | {_FLAG: '"TRUE";"TRUE";"FALSE"'}).items():
            side = {"align": "left", "indent": 1} if kind in ("text", "note") else {"align": "right"}
            side |= {"valign": "top", "text_wrap": kind == "note"}
            formats[kind] = workbook.add_format({"num_format": number_format} | side)
            formats[_HEADER + kind] = workbook.add_format({"bold": True, "bottom": 1} | side)
        for sheet in sheets:
            _write_table(workbook, sheet, formats=formats)


_HEADER = "header of "
_FLAG = "flag"
"""Formats beside those of the kinds: of headers, and of true and false."""


def _write_table(workbook: object, sheet: Sheet, *, formats: dict[str, object]) -> None:
    rows = iter(sheet.rows)
    first: Sequence[object] | None = None
    for number in count(1):
        page = workbook.add_worksheet(_sheet_name(sheet.name, number))
        _lay_out(page, sheet, formats=formats)
        waiting = rows if first is None else chain([first], rows)
        last, first = _write_rows(page, sheet, waiting, formats=formats)
        if sheet.has_filter and sheet.columns:
            page.autofilter(0, 0, last, len(sheet.columns) - 1)
        if first is None:
            return


def _lay_out(page: object, sheet: Sheet, *, formats: dict[str, object]) -> None:
    page.freeze_panes(1, sheet.frozen_columns)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(sheet.pages_wide, 0)
    page.repeat_rows(0)
    if sheet.frozen_columns:
        page.repeat_columns(0, sheet.frozen_columns - 1)
    page.set_footer("&L&F · &A&RPage &P of &N")
    for place, column in enumerate(sheet.columns):
        page.set_column(place, place, column.width, formats[column.kind])
        page.write_string(0, place, _xml_text(column.name), formats[_HEADER + column.kind])


def _write_rows(
    page: object, sheet: Sheet, rows: Iterator[Sequence[object]], *, formats: dict[str, object]
) -> tuple[int, Sequence[object] | None]:
    """Write rows until the sheet is full; return its last line, and the row that did not fit."""
    line = 0
    for row in rows:
        if line + 1 >= MOST_ROWS:
            return line, row
        line += 1
        if (height := _line_count(sheet.columns, row)) > 1:
            page.set_row(line, _LINE_POINTS * height)
        for place, (column, value) in enumerate(zip(sheet.columns, row, strict=True)):
            kind, value = (value.kind, value.value) if isinstance(value, Cell) else (column.kind, value)
            _write_cell(page, line, place, value, formats[_FLAG if isinstance(value, bool) else kind])
    return line, None


_LINE_POINTS = 15
"""Height of a line of text; not every program works out the height of wrapped text when it opens a file."""


def _line_count(columns: Sequence[SheetColumn], row: Sequence[object]) -> int:
    notes = ((column, value) for column, value in zip(columns, row, strict=True) if column.kind == "note" and value)
    return max((math.ceil(len(str(value)) / (1.1 * column.width)) for column, value in notes), default=1)


def _sheet_name(name: str, number: int) -> str:
    """Return a name that a workbook takes: at most 31 characters, none of `[]:*?/\\`."""
    suffix = f" ({number})" if number > 1 else ""
    safe = _NOT_IN_SHEET_NAMES.sub("_", _xml_text(name)).strip("'") or "Sheet"
    return safe[: 31 - len(suffix)] + suffix


def _write_cell(page: object, line: int, place: int, value: object, cell_format: object) -> None:
    match value:
        case None:
            return
        case bool():
            page.write_boolean(line, place, value, cell_format)
        case int() | float() | Decimal() if math.isfinite(value):
            page.write_number(line, place, value, cell_format)
        case datetime() if value.year >= _FIRST_YEAR:
            page.write_datetime(line, place, _utc(value).replace(tzinfo=None), cell_format)
        case date() if value.year >= _FIRST_YEAR:
            page.write_datetime(line, place, value, cell_format)
        case _:
            page.write_string(line, place, _cut(_xml_text(_text(value))), cell_format)


_FIRST_YEAR = 1900
"""The first that a spreadsheet has days of."""


def _csv_cell(value: object) -> object:
    if type(value) is str:
        return _utf8(safe_text(value))
    match value:
        case Cell():
            return _csv_cell(value.value)
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float() if math.isfinite(value):
            return value
        case Decimal() if value.is_finite():
            return format(value, "f")
        case _:
            return _utf8(safe_text(_text(value)))


def _text(value: object) -> str:
    match value:
        case datetime():
            return _utc(value).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case float() | Decimal():  # no number that a sheet could hold
            return str(Decimal(value))
        case _:
            return str(value)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _utf8(text: str) -> str:
    return text if text.isascii() else _NOT_IN_UTF8.sub("\N{REPLACEMENT CHARACTER}", text)


def _xml_text(value: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)


def _cut(text: str) -> str:
    if 2 * len(text) <= MOST_CHARACTERS:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MOST_CHARACTERS:
        return text
    kept = 2 * (MOST_CHARACTERS - len(_CUT))
    return units[:kept].decode("utf-16-le", errors="ignore") + _CUT
