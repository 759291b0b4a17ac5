"""Expectations that several marts share."""

from __future__ import annotations

from collections.abc import Iterable

from ai_finops.build.marts import MARTS
from ai_finops.quality.columns import READ_COLUMNS
from ai_finops.quality.gx import Severity, expectations, rule
from ai_finops.quality.kinds import Kind


def rows_of(mart: str, *, limit: int | None = None) -> str:
    """Return the query for the rows of a mart."""
    return f"select * from marts.{mart}" + ("" if limit is None else f" limit {limit}")  # noqa: S608 - names of our own


def has_read_columns(mart: str) -> expectations.Expectation:
    """Every column that a reader names is there."""
    return rule(
        expectations.ExpectTableColumnsToMatchSet,
        "Message, page and alarms read these columns.",
        column_set=list(READ_COLUMNS[mart]),
        exact_match=False,
    )


def is_unique_by_grain(mart: str) -> expectations.Expectation:
    """No two rows have the same grain."""
    why = "The grain that the mart states: a second row would be counted twice."
    grain = list(MARTS[mart].grain)
    if len(grain) == 1:
        return rule(expectations.ExpectColumnValuesToBeUnique, why, column=grain[0])
    return rule(expectations.ExpectCompoundColumnsToBeUnique, why, column_list=grain)


def is_filled(*columns: str, why: str) -> Iterable[expectations.Expectation]:
    """None of `columns` holds a null."""
    return [rule(expectations.ExpectColumnValuesToNotBeNull, why, column=column) for column in columns]


def is_empty(
    column: str, *, why: str, severity: Severity = Severity.FAIL, kind: Kind | None = None
) -> expectations.Expectation:
    """Each value is null: a column of sentences, each about something that is off."""
    return rule(expectations.ExpectColumnValuesToBeNull, why, severity=severity, kind=kind, column=column)


def is_one_of(
    column: str, *values: object, why: str, severity: Severity = Severity.FAIL, kind: Kind | None = None
) -> expectations.Expectation:
    """Each value is one of `values`, or null."""
    return rule(
        expectations.ExpectColumnValuesToBeInSet,
        why,
        severity=severity,
        kind=kind,
        column=column,
        value_set=list(values),
    )


def is_zero(
    column: str, *, why: str, severity: Severity = Severity.FAIL, kind: Kind | None = None
) -> expectations.Expectation:
    """Each value is exactly 0: counts of faults, and differences of sums in whole micro-dollars."""
    return is_one_of(column, 0, why=why, severity=severity, kind=kind)


def is_between(
    column: str,
    low: float | None,
    high: float | None,
    *,
    why: str,
    severity: Severity = Severity.FAIL,
    mostly: float = 1.0,
    kind: Kind | None = None,
) -> expectations.Expectation:
    """Each value, where there is one, lies between the bounds, both included."""
    return rule(
        expectations.ExpectColumnValuesToBeBetween,
        why,
        severity=severity,
        kind=kind,
        column=column,
        min_value=low,
        max_value=high,
        mostly=mostly,
    )


def has_rows(*, why: str, severity: Severity = Severity.FAIL) -> expectations.Expectation:
    """There is at least one row."""
    return rule(expectations.ExpectTableRowCountToBeBetween, why, severity=severity, min_value=1)
