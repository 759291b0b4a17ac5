"""The workbook in docs/ is one that the command made: it ties, and holds no formula."""

from __future__ import annotations

import csv
from decimal import Decimal

import openpyxl

from ai_finops.config import REPOSITORY
from tests.e2e import examples

EXAMPLES = REPOSITORY / "docs" / "examples"


def test_the_example_ties_and_has_no_formula():
    book = openpyxl.load_workbook(EXAMPLES / "ai_cost_2025-06.xlsx")
    assert all(cell.data_type != "f" for page in book for row in page for cell in row)
    header, *lines = book["Reconciliation"].iter_rows(values_only=True)
    assert header[-2:] == ("rule", "is_met")
    assert {line[-1] for line in lines if line[-2]} == {True}
    with (EXAMPLES / "feature_costs_2025-06.csv").open(newline="", encoding="utf-8") as file:
        billed = sum(Decimal(row["billed_cost_usd"] or 0) for row in csv.DictReader(file))
    summary = {item: value for item, value, _ in book["Summary"].iter_rows(values_only=True)}
    assert Decimal(str(summary["Billed, USD"])) == billed


def test_the_example_defines_its_columns():
    meanings = [
        row[2]
        for row in openpyxl.load_workbook(EXAMPLES / "ai_cost_2025-06.xlsx")["Definitions"].iter_rows(values_only=True)
    ]
    assert len(meanings) > 90
    assert "no definition in this build" not in meanings


def test_the_examples_are_small():
    assert sum(path.stat().st_size for path in EXAMPLES.glob("*2025-06*")) < 200_000


def test_the_end_to_end_test_would_see_one_cell_that_went_stale():
    """It holds the examples against what the demo makes; here, that it can tell them apart."""
    shown = examples.workbook_rows(EXAMPLES / "ai_cost_2025-06.xlsx")
    assert examples.first_difference(shown, shown) is None
    sheet = "Feature costs"
    row = list(shown[sheet][1])
    row[7] = 0.5
    changed = shown | {sheet: [shown[sheet][0], tuple(row), *shown[sheet][2:]]}
    assert examples.first_difference(shown, changed).startswith("Feature costs, row 2: ")
    assert examples.first_difference(shown, shown | {sheet: shown[sheet][:-1]}).endswith("made")
    assert examples.first_difference(shown, {}).startswith("sheets: ")
