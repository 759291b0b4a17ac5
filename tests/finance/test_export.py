"""Provisional months are replaced whole, final ones never, and a restatement stands beside what it restates."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections import defaultdict
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from ai_finops.errors import FinanceError, PublishError
from ai_finops.finance import export, finance_folder, verify, workbook
from tests.finance.worked_month import (
    BOTH_CLOSED,
    CLOSED,
    JULY,
    JUNE,
    MAY,
    RESTATED,
    WORKED,
    A,
    B,
    Cell,
    Charge,
    Closed,
    FeatureCost,
)


def month_folder(settings, name: str = "2025-06") -> Path:
    return finance_folder(settings) / name


def current(settings, name: str = "2025-06") -> Path:
    return (month_folder(settings, name) / "current").resolve()


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sheet_rows(folder: Path, sheet: str) -> list[tuple]:
    (path,) = folder.glob("ai_cost_*.xlsx")
    return list(openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True))


def test_a_month_with_an_open_account_is_provisional_and_says_which(settings, publish):
    publish(WORKED.having(closed=(Closed(A),)))
    (line,) = export(settings=settings)
    assert line.startswith("2025-06: provisional, open: aws.bedrock, account 444455556666; $104.75 billed; written: ")
    folder = current(settings)
    assert sorted(path.name for path in folder.iterdir()) == [
        "ai_cost_2025-06.xlsx",
        "feature_costs.csv",
        "focus_costs.csv",
        "manifest.json",
    ]
    said = manifest(folder)
    assert (said["status"], said["version"], said["as_of_date"]) == ("provisional", 0, "2025-06-16")
    assert [each["billing_account_id"] for each in said["closed"]] == [A]
    assert said["open"] == [{"provider_name": "aws.bedrock", "billing_account_id": B}]
    assert said["totals"] == {
        "billed_cost_usd": "104.750001",
        "estimated_cost_usd": "3.000000",
        "allocated_cost_usd": "107.750001",
        "unknown_cost_row_count": 1,
        "unknown_cost_call_count": 4,
        "unknown_cost_tokens": 4000,
    }


def test_the_csv_adds_up_to_the_bill_of_each_account(settings, publish):
    publish(WORKED)
    export(settings=settings)
    billed, focus = defaultdict(Decimal), defaultdict(Decimal)
    for row in rows_of(current(settings) / "feature_costs.csv"):
        billed[row["billing_account_id"]] += Decimal(row["billed_cost_usd"] or 0)
    for row in rows_of(current(settings) / "focus_costs.csv"):
        focus[row["SubAccountId"]] += Decimal(row["x_BilledCostUsd"])
    assert billed == {A: Decimal("99.25"), B: Decimal("5.500001")}
    assert focus == {A: Decimal("97.25000025"), B: Decimal("5.5000006")}  # without 2.00 that correct May's bill


def test_unknown_cost_is_an_empty_cell_and_negative_cost_a_number(settings, publish):
    publish(WORKED)
    export(settings=settings)
    rows = {
        (row["billing_account_id"], row["feature_id"]): row for row in rows_of(current(settings) / "feature_costs.csv")
    }
    unknown = rows[B, "search"]
    assert (unknown["billed_cost_usd"], unknown["allocated_cost_usd"], unknown["unknown_cost_call_count"]) == (
        "",
        "",
        "4",
    )
    assert rows[B, "unattributed"]["billed_cost_usd"] == "-0.500000"
    header, *cells = sheet_rows(current(settings), "Feature costs")
    place = {name: number for number, name in enumerate(header)}
    costs = {
        (row[place["billing_account_id"]], row[place["feature_id"]]): row[place["allocated_cost_usd"]] for row in cells
    }
    assert (costs[B, "search"], costs[B, "unattributed"], costs[A, "chat"]) == (None, -0.5, 60)


def test_the_workbook_has_a_sheet_for_each_question(settings, publish):
    publish(WORKED)
    export(settings=settings)
    folder = current(settings)
    book = openpyxl.load_workbook(folder / "ai_cost_2025-06.xlsx")
    assert book.sheetnames == [
        "Summary",
        "Feature costs",
        "Reconciliation",
        "Invoices",
        "Changes",
        "Definitions",
        "FOCUS",
    ]
    assert all(cell.data_type != "f" for page in book for row in page for cell in row)
    summary = {item.strip(): (value, note) for item, value, note in sheet_rows(folder, "Summary")}
    assert summary["Status"] == ("provisional", "not every bill of the month is closed; the amounts may still change")
    # 2.00 of it are on an invoice of May, so it is not what June's invoices come to.
    assert summary["Billed, USD"] == (
        104.750001,
        "what this month's books have of bills, corrections of earlier months included; Reconciliation leads to the invoices",
    )
    assert summary["Usage that features pay"][0] == 90.500001  # 60 + 25.5 + 5.000001
    assert summary["Usage that no feature pays (unattributed)"][0] == 14
    assert (summary["Credits"][0], summary["Tax"][0], summary["Support"][0]) == (-10, 7.25, 1)
    assert summary["Corrections of earlier months"][0] == 2
    assert summary["Estimated, not billed yet, USD"][0] == 3
    assert (summary["Rows of unknown cost"][0], summary["Tokens of unknown cost"][0]) == (1, 4000)
    for name in ("feature_costs.csv", "focus_costs.csv"):
        assert summary[f"SHA-256 of {name}"][1] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    *_, of_b, issued, open_, last = sheet_rows(folder, "Reconciliation")
    assert of_b[0] == "Sum of the month, from its invoices"
    assert of_b[3:] == (5.5000006, None, 0, "exact", True)
    assert issued == (
        "Invoice i-1",
        "aws.bedrock",
        A,
        97.25000025,
        None,
        2.5e-07,
        "lost by rounding, within $0.01",
        True,
    )
    assert (open_[0], open_[-2:]) == ("Lines not invoiced yet", ("lost by rounding, within $0.01", True))
    assert last[:3] == ("Sum of the month, all accounts", None, None)
    assert last[3:5] + last[6:] == (104.7500008501, 104.750001, "within $0.01 for each of 2 invoices", True)
    header, first, second, total = sheet_rows(folder, "Invoices")
    assert header[-2:] == ("invoice_total_usd", "rounding_cost_usd")
    assert (first[0], first[-2], second[0], second[-2]) == ("i-1", 97.25000025, "not invoiced yet", 5.5000006)
    assert (total[0], total[-2]) == ("Total", 102.75000085)
    assert sheet_rows(folder, "Changes")[1][0] == "The month is provisional."
    definitions = {(row[0], row[1]): row[2:] for row in sheet_rows(folder, "Definitions")}
    assert definitions["feature_costs", "billed_cost_usd"] == (
        "USD of the bill that the row pays.",
        "USD",
        "billed amount",
        "fct_monthly_feature_costs",
    )
    assert definitions["feature_costs", "team"][0] == "no definition in this build"
    assert definitions["focus_costs", "BilledCost"][1:3] == ("BillingCurrency", "amount")
    assert book["Feature costs"]["A1"].value == "feature_id"
    assert len(sheet_rows(folder, "FOCUS")) == 9


def test_an_invoice_of_two_accounts_has_a_row_for_each_and_one_for_the_whole(settings, publish):
    publish(WORKED.having(charges=tuple(replace(each, invoice="i-1", payer="7") for each in WORKED.charges)))
    export(settings=settings)
    _, *rows = sheet_rows(current(settings), "Invoices")
    assert [(row[0], row[2], row[3], row[-2]) for row in rows] == [
        ("i-1", "7", A, 97.25000025),
        ("i-1", "7", B, 5.5000006),
        ("i-1", "7", "all 2 accounts", 102.75000085),
        ("Total", None, None, 102.75000085),
    ]


def test_text_from_outside_is_no_formula_in_any_file(settings, publish):
    formula = '=HYPERLINK("http://example.com","x")'
    publish(
        WORKED.having(
            feature_costs=(*WORKED.feature_costs, FeatureCost(B, formula, "usage", "1")),
            cells=(*WORKED.cells, Cell(B, "usage", "1", allocated="1")),
            charges=(*WORKED.charges, Charge(B, formula, "usage", "1", description="@SUM(A1)")),
        )
    )
    export(settings=settings)
    folder = current(settings)
    assert f"'{formula}" in {row["feature_id"] for row in rows_of(folder / "feature_costs.csv")}
    assert "'@SUM(A1)" in {row["ChargeDescription"] for row in rows_of(folder / "focus_costs.csv")}
    book = openpyxl.load_workbook(folder / "ai_cost_2025-06.xlsx")
    found = [cell for page in book for row in page for cell in row if cell.value == formula]
    assert {cell.data_type for cell in found} == {"s"}
    assert len(found) == 2  # feature costs and FOCUS


def test_five_runs_write_the_same_bytes_once(settings, publish):
    publish(WORKED)
    export(settings=settings)
    before, folder = content_of(month_folder(settings)), current(settings)
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    for _ in range(4):
        (line,) = export(settings=settings, month=JUNE)
        assert "; unchanged: " in line
    assert content_of(month_folder(settings)) == before
    assert times == {path: path.stat().st_mtime_ns for path in current(settings).iterdir()}


def test_two_deployments_with_the_same_rows_write_the_same_bytes(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    first = content_of(month_folder(settings) / "v1")
    for path in sorted(month_folder(settings).rglob("*"), reverse=True):
        path.unlink() if path.is_symlink() or path.is_file() else path.rmdir()
    export(settings=settings)
    assert content_of(month_folder(settings) / "v1") == first


def test_the_same_rows_in_a_later_build_are_no_news(settings, publish):
    publish(WORKED)
    export(settings=settings)
    publish(WORKED.having(build_id="000009-2025-06-17-0f0f0f0f", as_of=date(2025, 6, 17)))
    (line,) = export(settings=settings)
    assert "; unchanged: " in line
    assert manifest(current(settings))["as_of_date"] == "2025-06-16"


def test_a_definition_that_changed_is_news_too(settings, publish):
    publish(WORKED)
    export(settings=settings)
    publish(WORKED.having(extra_sql="comment on column fct_monthly_feature_costs.team is 'Who builds it.'"))
    assert "; written: " in export(settings=settings)[0]


@pytest.mark.parametrize(
    "changed",
    [
        "update fct_monthly_feature_costs set display_name = 'Chat bot' where feature_id = 'chat'",
        "update rpt_focus_costs set \"ChargeDescription\" = 'x' where \"x_RowId\" = 'row-0001'",
    ],
)
def test_one_changed_cell_is_news(settings, publish, changed):
    publish(WORKED)
    export(settings=settings)
    publish(WORKED.having(extra_sql=changed))
    assert "; written: " in export(settings=settings)[0]


def test_a_provisional_month_that_moved_is_replaced_whole(settings, publish):
    publish(WORKED)
    export(settings=settings)
    old = current(settings)
    moved = WORKED.having(
        feature_costs=(*WORKED.feature_costs, FeatureCost(B, "new", "usage", "1")),
        cells=(*WORKED.cells, Cell(B, "usage", "1", allocated="1")),
        charges=(*WORKED.charges, Charge(B, "new", "usage", "1")),
    )
    publish(moved)
    (line,) = export(settings=settings)
    assert "$105.75 billed; written: " in line
    assert current(settings) != old
    assert old.is_dir()  # for who has it open
    publish(WORKED)
    export(settings=settings)
    assert not old.exists()
    assert len(list(month_folder(settings).glob("provisional-*"))) == 2


@pytest.mark.parametrize("name", ["feature_costs.csv", "manifest.json"])
def test_a_provisional_file_that_was_changed_by_hand_is_written_again(settings, publish, name):
    publish(WORKED)
    export(settings=settings)
    path = current(settings) / name
    path.chmod(0o644)
    path.write_text("mine")
    (line,) = export(settings=settings)
    assert "; written: " in line
    assert len(rows_of(current(settings) / "feature_costs.csv")) == 10


def test_a_month_that_closed_is_frozen_as_version_1(settings, publish):
    publish(WORKED)
    export(settings=settings)
    publish(CLOSED)
    (line,) = export(settings=settings)
    folder = current(settings)
    assert line == f"2025-06: final, version 1; $104.75 billed; written: {folder}"
    assert folder == month_folder(settings) / "v1"
    said = manifest(folder)
    assert (said["status"], said["version"], said["open"]) == ("final", 1, [])
    assert [(each["billing_account_id"], each["version"]) for each in said["closed"]] == [(A, 1), (B, 1)]
    assert said["closed"][0]["costs_sha256"] == "c0ffee"
    for name, written in said["files"].items():
        data = (folder / name).read_bytes()
        assert (written["sha256"], written["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert sheet_rows(folder, "Changes")[1][0] == "The first final version: there is none before it."
    assert not any(path.stat().st_mode & 0o222 for path in folder.iterdir())


def test_only_the_accounts_that_billed_have_to_close(settings, publish):
    """Account C has calls and no bill at all; account D closed and has no costs."""
    calls = FeatureCost("777788889999", "chat", "usage", None, "4.00")
    publish(CLOSED.having(feature_costs=(*WORKED.feature_costs, calls), closed=(*BOTH_CLOSED, Closed("000011112222"))))
    (line,) = export(settings=settings)
    assert line.startswith("2025-06: final, version 1; $104.75 billed")
    assert [each["billing_account_id"] for each in manifest(current(settings))["closed"]] == [A, B]


@pytest.mark.parametrize(("closed", "version"), [((Closed(A),), "provisional"), (BOTH_CLOSED, "v1")])
def test_an_account_with_a_correction_alone_has_to_close_too(settings, publish, closed, version):
    """B has no bill of June, and 0.75 that corrects May: it is no other month's once B has closed June with it."""
    tables = ("feature_costs", "cells", "charges")
    rows = {name: tuple(row for row in getattr(WORKED, name) if row.account == A) for name in tables}
    rows["feature_costs"] += (FeatureCost(B, "not_allocated", "correction", "0.75", corrected_month=MAY),)
    rows["cells"] += (Cell(B, "correction", "0.75", corrected_month=MAY),)
    publish(CLOSED.having(**rows, closed=closed))
    export(settings=settings)
    folder = current(settings).resolve()
    assert folder.name.split("-")[0] == version
    assert manifest(folder)["totals"]["billed_cost_usd"] == "100.000000"  # 99.25 of it is A's


def test_a_month_without_any_bill_is_provisional(settings, publish):
    publish(WORKED.having(feature_costs=(FeatureCost(A, "chat", "usage", None, "4.00"),), cells=(), charges=()))
    (line,) = export(settings=settings)
    assert line.startswith("2025-06: provisional, open: all; $0.00 billed")


def test_a_frozen_month_stays_what_it_was_whatever_is_published(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    before = content_of(month_folder(settings))
    renamed = tuple(
        FeatureCost(A, "renamed", "usage", each.billed) if each.feature == "chat" and each.account == A else each
        for each in CLOSED.feature_costs
    )
    publish(CLOSED.having(feature_costs=renamed, build_id="000005", as_of=date(2025, 7, 9)))
    (line,) = export(settings=settings)
    assert "; unchanged: " in line
    assert content_of(month_folder(settings)) == before


def test_a_restatement_is_version_2_with_its_differences(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    first = content_of(month_folder(settings) / "v1")
    publish(RESTATED)
    (line,) = export(settings=settings)
    assert line == f"2025-06: final, version 2; $105.75 billed; written: {month_folder(settings) / 'v2'}"
    assert content_of(month_folder(settings) / "v1") == first
    assert current(settings) == month_folder(settings) / "v2"
    assert sheet_rows(current(settings), "Changes")[1:] == [
        ("chat", "usage", "aws.bedrock", A, 60, 58, -2),
        ("not_allocated", "tax", "aws.bedrock", A, 7.25, 8.25, 1),
        ("search", "usage", "aws.bedrock", A, 25.5, 27.5, 2),
        ("Total", None, None, None, None, None, 1),
    ]
    assert manifest(current(settings))["changed_cost_usd"] == "1.000000"
    assert [(each["billing_account_id"], each["version"]) for each in manifest(current(settings))["closed"]] == [
        (A, 2),
        (B, 1),
    ]
    assert "; unchanged: " in export(settings=settings)[0]


def test_an_account_that_bills_late_makes_the_next_version_once_it_closes(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    late = CLOSED.having(
        feature_costs=(*CLOSED.feature_costs, FeatureCost("9", "chat", "usage", "1.00")),
        cells=(*CLOSED.cells, Cell("9", "usage", "1.00", allocated="1.00")),
        charges=(*CLOSED.charges, Charge("9", "chat", "usage", "1.00")),
    )
    publish(late)
    (line,) = export(settings=settings)
    assert "final, version 1; $104.75 billed; unchanged" in line
    assert "has it open for aws.bedrock, account 9: that comes as the next version once it is closed" in line
    publish(late.having(closed=(*BOTH_CLOSED, Closed("9"))))
    assert "final, version 2; $105.75 billed; written" in export(settings=settings)[0]
    assert sheet_rows(current(settings), "Changes")[1] == ("chat", "usage", "aws.bedrock", "9", None, 1, 1)


def test_a_month_that_is_open_again_keeps_its_final_files(settings, publish):
    """As when the folder of closed periods was lost."""
    publish(CLOSED)
    export(settings=settings)
    before = content_of(month_folder(settings))
    publish(WORKED)
    (line,) = export(settings=settings)
    assert "final, version 1" in line
    assert "open for aws.bedrock, account 111122223333; aws.bedrock, account 444455556666" in line
    assert content_of(month_folder(settings)) == before


def test_a_final_month_says_what_would_read_otherwise_now(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    rows = "insert into fct_monthly_cost_restatements values (date '2025-06-01', 1.5), (date '2025-06-01', -0.25)"
    publish(CLOSED.having(extra_sql=rows))
    assert export(settings=settings)[0].endswith(
        "(the lake reads 2 of its rows otherwise by now, +1.250000 USD in all, in later months' books: "
        "fct_monthly_cost_restatements)"
    )


def test_a_final_file_that_was_changed_is_reported_and_not_written_over(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    path = month_folder(settings) / "v1" / "feature_costs.csv"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("60.00", "66.00"))
    publish(RESTATED)
    for asked in (None, JUNE):
        with pytest.raises(FinanceError, match=r"v1/feature_costs\.csv was changed; restore them"):
            export(settings=settings, month=asked)
    with pytest.raises(FinanceError, match=r"v1/feature_costs\.csv was changed; restore"):
        verify(JUNE, settings=settings)
    assert "66.00" in path.read_text()
    assert not (month_folder(settings) / "v2").exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "focus_costs.csv").unlink(), r"focus_costs\.csv is missing"),
        (lambda folder: (folder / "notes.txt").write_text("x"), r"notes\.txt was put there by somebody else"),
        (
            lambda folder: (
                (folder / "manifest.json").chmod(0o644),
                (folder / "manifest.json").write_text(
                    (folder / "manifest.json").read_text().replace("107.75", "107.00")
                ),
            ),
            r"manifest\.json was changed",
        ),
        (
            lambda folder: ((folder / "manifest.json").chmod(0o644), (folder / "manifest.json").write_text("{")),
            r"manifest\.json cannot be read",
        ),
    ],
)
def test_verify_names_what_is_wrong_with_a_final_version(settings, publish, spoil, said):
    publish(CLOSED)
    export(settings=settings)
    (line,) = verify(JUNE, settings=settings)
    assert line.startswith(
        "2025-06: v1, as of 2025-07-07, build 000002-2025-07-07-0b0b0b0b: 3 files are what was written"
    )
    spoil(month_folder(settings) / "v1")
    with pytest.raises(FinanceError, match=said):
        verify(JUNE, settings=settings)


LITTER = ("~$ai_cost_2025-06.xlsx", ".~lock.ai_cost_2025-06.xlsx#", ".DS_Store", "Thumbs.db", "desktop.ini")


def test_what_programs_leave_beside_a_file_is_no_change(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    folder = month_folder(settings) / "v1"
    for name in (*LITTER, "._feature_costs.csv"):
        (folder / name).write_bytes(b"x")
    assert "3 files are what was written" in verify(JUNE, settings=settings)[0]
    assert "; unchanged: " in export(settings=settings)[0]
    publish(RESTATED)
    assert "final, version 2" in export(settings=settings)[0]


@pytest.mark.parametrize("name", [*(f"x{name}" for name in LITTER), "~ai_cost_2025-06.xlsx", ".~lock.x", ".hidden"])
def test_what_only_looks_like_it_is_reported(settings, publish, name):
    publish(CLOSED)
    export(settings=settings)
    (month_folder(settings) / "v1" / name).write_bytes(b"x")
    with pytest.raises(FinanceError, match=rf"v1/{re.escape(name)} was put there by somebody else"):
        verify(JUNE, settings=settings)


def test_neither_a_folder_nor_a_link_is_what_programs_leave(settings, publish):
    publish(CLOSED)
    export(settings=settings)
    folder = month_folder(settings) / "v1"
    (folder / ".DS_Store").mkdir()
    (folder / "Thumbs.db").symlink_to("feature_costs.csv")
    with pytest.raises(FinanceError, match=r"\.DS_Store was put there .*Thumbs\.db was put there"):
        verify(JUNE, settings=settings)


@pytest.mark.parametrize(("lost", "last"), [("v1", 1), ("v1", 2), ("v2", 2)])
def test_a_final_version_that_was_removed_is_reported_and_not_written_anew(settings, publish, lost, last):
    for marts in (CLOSED, RESTATED)[:last]:
        publish(marts)
        export(settings=settings)
    folder = month_folder(settings) / lost
    shutil.rmtree(folder)
    for look in (lambda: verify(JUNE, settings=settings), lambda: export(settings=settings)):
        with pytest.raises(FinanceError, match=rf"{lost} is missing.*; restore it from a backup or from S3"):
            look()
    assert not folder.exists()


def test_a_provisional_file_that_was_changed_is_told_how_to_come_by_again(settings, publish):
    publish(WORKED)
    export(settings=settings)
    path = current(settings) / "feature_costs.csv"
    path.chmod(0o644)
    path.write_text("mine")
    with pytest.raises(
        FinanceError,
        match=r"feature_costs\.csv was changed; it is provisional: ai-finops finance --month 2025-06 writes it anew",
    ):
        verify(JUNE, settings=settings)


def test_verify_looks_at_every_version_and_at_a_provisional_set_where_there_is_none(settings, publish):
    none = r"there are no files of 2025-06 in .* \(there are: none\)"
    with pytest.raises(FinanceError, match=rf"{none}: nothing is published in .* yet; run ai-finops run"):
        verify(JUNE, settings=settings)
    publish(WORKED)
    with pytest.raises(FinanceError, match=rf"{none}: not written yet; ai-finops finance --month 2025-06 does it"):
        verify(JUNE, settings=settings)
    export(settings=settings)
    assert verify(JUNE, settings=settings)[0].startswith("2025-06: provisional, as of 2025-06-16")
    publish(CLOSED)
    export(settings=settings)
    publish(RESTATED)
    export(settings=settings)
    assert [line.split(",")[0] for line in verify(JUNE, settings=settings)] == ["2025-06: v1", "2025-06: v2"]
    with pytest.raises(
        FinanceError,
        match=r"no files of 2025-05 .* \(there are: 2025-06\): the published marts have no costs of 2025-05 \(there",
    ):
        verify(MAY, settings=settings)


def test_one_month_that_does_not_tie_keeps_no_other_from_being_written(settings, publish):
    publish(WORKED.having(feature_costs=(*WORKED.feature_costs, FeatureCost(A, "chat", "usage", "1", month=MAY))))
    seen: list[str] = []
    with pytest.raises(FinanceError, match=r"2025-05 does not tie to the bill: 'Usage that features pay'"):
        export(settings=settings, on_line=seen.append)
    assert [line[:7] for line in seen] == ["2025-06"]
    assert not (month_folder(settings, "2025-05") / "current").exists()
    assert current(settings).is_dir()


@pytest.mark.parametrize(
    ("month", "said"),
    [
        (MAY, r"no costs of 2025-05 \(there are: 2025-06\)"),
        (JULY, r"no costs of 2025-07: it has not begun on 2025-06-16, the clock of the published build"),
        (JUNE.replace(day=1, month=12), r"2025-12: it has not begun"),
    ],
)
def test_a_month_that_is_not_there_is_told_with_those_that_are(settings, publish, month, said):
    publish(WORKED)
    with pytest.raises(FinanceError, match=said):
        export(settings=settings, month=month)


def test_nothing_published_and_nothing_spent_are_told(settings, publish):
    with pytest.raises(PublishError, match="nothing is published"):
        export(settings=settings)
    publish(WORKED.having(feature_costs=(), cells=(), charges=()))
    assert export(settings=settings) == []
    with pytest.raises(FinanceError, match=r"no costs of 2025-06 \(there are: none\)"):
        export(settings=settings, month=JUNE)


def test_marts_of_another_release_are_told(settings, publish):
    publish(WORKED.having(extra_sql="drop table fct_daily_reconciliations"))
    with pytest.raises(FinanceError, match=r"could not write finance's files: .*fct_daily_reconciliations"):
        export(settings=settings)


def test_what_a_killed_process_left_is_cleared(settings, publish):
    publish(WORKED)
    left_over = month_folder(settings) / ".writing-1"
    left_over.mkdir(parents=True)
    (left_over / "feature_costs.csv").write_text("half")
    (month_folder(settings) / ".current-1").symlink_to("nowhere")
    export(settings=settings)
    assert sorted(path.name for path in month_folder(settings).iterdir()) == ["current", current(settings).name]


def test_a_version_whose_link_was_not_moved_yet_is_made_current(settings, publish):
    publish(WORKED)
    export(settings=settings)
    provisional = current(settings)
    publish(CLOSED)
    export(settings=settings)
    link = month_folder(settings) / "current"
    link.unlink()
    link.symlink_to(provisional.name)
    export(settings=settings)
    assert current(settings) == month_folder(settings) / "v1"


@pytest.mark.parametrize(("most", "is_apart"), [(8, False), (7, True)])
def test_many_focus_rows_get_a_workbook_of_their_own(settings, publish, monkeypatch, most, is_apart):
    monkeypatch.setattr(workbook, "MOST_FOCUS_ROWS", most)
    publish(WORKED)
    export(settings=settings)
    folder = current(settings)
    assert (folder / "focus_costs_2025-06.xlsx").exists() == is_apart
    book = openpyxl.load_workbook(folder / "ai_cost_2025-06.xlsx")
    assert ("FOCUS" in book.sheetnames) != is_apart
    if is_apart:
        apart = openpyxl.load_workbook(folder / "focus_costs_2025-06.xlsx")["FOCUS"]
        assert apart.max_row == 9
        assert "focus_costs_2025-06.xlsx" in manifest(folder)["files"]
