"""The rows of a month as finance gets them: the marts' own columns, in the marts' own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from ai_finops.sheets import Sheet, SheetColumn

if TYPE_CHECKING:
    import duckdb

FEATURE_COSTS = "fct_monthly_feature_costs"
FOCUS_COSTS = "rpt_focus_costs"
_AT_A_TIME = 5_000
_ROWS = {
    FEATURE_COSTS: "where usage_month = $month order by provider_name, billing_account_id, charge_category != 'usage', "
    "charge_category, feature_id, corrected_month, corrected_charge_category",
    FOCUS_COSTS: "where x_BilledDate >= $month and x_BilledDate < $month + interval 1 month "
    "order by ChargePeriodStart, SubAccountId, x_RowId",
}
"""Which rows of a mart are a month's, and in which order; a line of a bill counts on a day of its own billing period."""
_KINDS = {"BIGINT": "count", "DATE": "date", "TIMESTAMP": "datetime"}
_WIDEST = 60
_WIDTHS = {"date": 12, "month": 10, "datetime": 19, "usd": 14, "number": 16, "count": 14}


@dataclass(frozen=True, slots=True)
class MonthTable:
    """The rows of one mart and month; read again each time that they are asked for, a few thousand in memory."""

    connection: duckdb.DuckDBPyConnection
    mart: str
    month: date
    columns: tuple[SheetColumn, ...]

    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the rows in their order."""
        cursor = self.connection.cursor()
        names = ", ".join(f'"{column.name}"' for column in self.columns)
        query = f"select {names} from marts.{self.mart} {_ROWS[self.mart]}"  # noqa: S608 - our own names
        cursor.execute(query, {"month": self.month})
        while batch := cursor.fetchmany(_AT_A_TIME):
            yield from batch

    def dicts(self) -> Iterator[dict[str, object]]:
        """Yield the rows by the names of their columns."""
        names = [column.name for column in self.columns]
        for row in self.rows():
            yield dict(zip(names, row, strict=True))

    def count(self) -> int:
        """Return how many rows there are."""
        counted = f"select count(*) from (from marts.{self.mart} {_ROWS[self.mart]})"  # noqa: S608 - our own names
        return self.connection.cursor().execute(counted, {"month": self.month}).fetchone()[0]

    def content_hash(self) -> str:
        """Return what changes when a row does: DuckDB's hashes of the rows, summed up, and how many there are."""
        names = ", ".join(f'"{column.name}"' for column in self.columns)
        query = (
            f"select count(*), sum(cast(hash(rows) as hugeint)) from "  # noqa: S608 - our own names
            f"(select {names} from marts.{self.mart} {_ROWS[self.mart]}) as rows"
        )
        return " ".join(map(str, self.connection.cursor().execute(query, {"month": self.month}).fetchone()))

    def sheet(self, name: str, *, first: Sequence[str] = (), frozen_columns: int = 0, pages_wide: int = 0) -> Sheet:
        """Return it as a sheet.

        Args:
            name: The sheet's.
            first: Columns to begin with, what a person looks for; the others follow.
            frozen_columns: How many of these stay in view.
            pages_wide: On how many pages it is printed side by side.
        """
        place = {each: number for number, each in enumerate(first)}
        columns = tuple(sorted(self.columns, key=lambda column: place.get(column.name, len(place))))
        ordered = MonthTable(self.connection, self.mart, self.month, columns)
        return Sheet(name, ordered._widened(), ordered.rows(), frozen_columns, has_filter=True, pages_wide=pages_wide)

    def _widened(self) -> tuple[SheetColumn, ...]:
        """Return the columns as wide as their text, within reason."""
        widest = [
            f'coalesce(max(length(cast("{each.name}" as varchar))), 0)' if each.kind == "text" else "0"
            for each in self.columns
        ]
        query = f"select {', '.join(widest)} from (from marts.{self.mart} {_ROWS[self.mart]})"  # noqa: S608 - our own names
        lengths = self.connection.cursor().execute(query, {"month": self.month}).fetchone()
        return tuple(
            replace(column, width=max(column.width, min(length + 3, _WIDEST)))
            for column, length in zip(self.columns, lengths, strict=True)
        )


def month_table(connection: duckdb.DuckDBPyConnection, mart: str, *, month: date) -> MonthTable:
    """Return the rows of a mart and month, with each column as the mart has it."""
    described = connection.execute(
        "select column_name, data_type from duckdb_columns() where table_name = $mart order by column_index",
        {"mart": mart},
    ).fetchall()
    return MonthTable(connection, mart, month, tuple(_column(name, type_) for name, type_ in described))


def _column(name: str, type_: str) -> SheetColumn:
    kind = _kind(name, type_)
    return SheetColumn(name, kind, max(_WIDTHS.get(kind, 12), len(name) + 3))


def _kind(name: str, type_: str) -> str:
    if type_.startswith("DECIMAL"):
        return "usd" if name.endswith(("_usd", "Cost", "CostUsd")) else "number"
    if name.endswith("_month"):
        return "month"
    return _KINDS.get(type_, "text")
