"""What docs/ shows of the sample, read so that it can be held against what was just made."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
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


def outputs_shown(page: str) -> dict[str, list[list[str]]]:
    """Return the queries of a page that show what they answer: cells, by lines, of the block that follows right after."""
    blocks = re.findall(r"^```sql\n([^`]*);\n```\n\n```\n([^`]*)^```$", page, flags=re.MULTILINE)
    return {query: [re.split(r" {2,}", line) for line in output.splitlines()] for query, output in blocks}


def first_other_row(shown: Sequence[Sequence[str]], made: Iterable[Sequence[object]]) -> str | None:
    """Return the first row that is another than the one shown, in a sentence; None where all are the same.

    Texts may be cut off with `…`; a float counts to the places that are shown.
    """
    rows = list(made)
    if len(shown) != len(rows):
        return f"{len(shown)} rows are shown, {len(rows)} made"
    for old, new in zip(shown, rows, strict=True):
        if len(old) != len(new) or not all(map(_is_said, old, new)):
            return f"{old} is shown, {new} made"
    return None


def _is_said(shown: str, made: object) -> bool:
    if made is None:
        return shown == "NULL"
    if isinstance(made, float):
        return shown == f"{made:.{len(shown.partition('.')[2])}f}"
    if shown.endswith("…"):
        return str(made).startswith(shown[:-1])
    return shown == str(made)
