"""Rows of the published marts for a view: read with bound values, checked against the columns that show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.ui.view import Column, Table, Value

if TYPE_CHECKING:
    import duckdb

Record = dict[str, Value]


def records(connection: duckdb.DuckDBPyConnection, query: str, **values: object) -> list[Record]:
    """Return the rows of a query, by column; each `$name` in it is bound to the value of that name."""
    result = connection.execute(query, values)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def fill(
    table: Table,
    rows: Sequence[Mapping[str, Value]],
    *,
    kinds: Mapping[str, Sequence[str]] | None = None,
    names: Mapping[str, Mapping[str, str]] | None = None,
) -> Table:
    """Return the table with these rows: of each what its columns name, in their order.

    Args:
        table: Without rows.
        rows: By column.
        kinds: Units of columns in which each row has its own (`Table.kinds`).
        names: What people call the values of `name` columns (`Table.names`).
    Raises:
        KeyError: A row lacks a column of the table.
    """
    shown = [column.name for column in table.columns]
    own = {name: tuple(each) for name, each in (kinds or {}).items()}
    values = tuple(tuple(row[name] for name in shown) for row in rows)
    return replace(table, rows=values, kinds=own, names=dict(names or {}))


def floats(rows: Iterable[Mapping[str, Value]], name: str) -> tuple[float | None, ...]:
    """Return a column as numbers to draw; what is not known stays None, which leaves a gap."""
    return tuple(as_float(row[name]) for row in rows)


def as_float(value: Decimal | float | None) -> float | None:
    """Return a value as a number to draw; what is not known stays None."""
    return None if value is None else float(value)


def column(name: str, label: str, kind: str = "text", source: str | None = None) -> Column:
    """Return a column; shorter to write than its class, of which a view has dozens."""
    return Column(name, label, kind, source)


def feature_names(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the name of each feature that has cost something, as it was on its last day, and that of `total`."""
    named = records(
        connection,
        "select feature_id, max_by(display_name, usage_date) as display_name from fct_daily_feature_costs group by 1",
    )
    return {row["feature_id"]: row["display_name"] or row["feature_id"] for row in named} | {"total": "All features"}
