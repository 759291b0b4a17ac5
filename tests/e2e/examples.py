"""What docs/ shows of the sample, read so that it can be held against what was just made."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl

from ai_finops.config import REPOSITORY

DOCS = REPOSITORY / "docs"
_OF_THE_RUN = ("Build",)
"""Items of sheet Summary that are another with each run of the same sample."""


def csv_rows(path: Path) -> list[list[str]]:
    """Return the cells of a CSV, line by line."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def workbook_rows(path: Path) -> dict[str, list[tuple]]:
    """Return the values of each sheet, row by row, without what only names the run."""
    book = openpyxl.load_workbook(path, read_only=True)
    return {page.title: [row for row in page.iter_rows(values_only=True) if row[0] not in _OF_THE_RUN] for page in book}


def first_difference(shown: dict[str, list[tuple]], made: dict[str, list[tuple]]) -> str | None:
    """Return where two workbooks part, in a sentence; None where they say the same."""
    if list(shown) != list(made):
        return f"sheets: {list(shown)} is shown, {list(made)} made"
    for sheet, rows in made.items():
        for number, (old, new) in enumerate(zip(shown[sheet], rows, strict=False), start=1):
            if old != new:
                return f"{sheet}, row {number}: {old} is shown, {new} made"
        if len(shown[sheet]) != len(rows):
            return f"{sheet}: {len(shown[sheet])} rows are shown, {len(rows)} made"
    return None
