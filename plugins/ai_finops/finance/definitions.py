"""What each column means: the comment that its build was published with, and its unit and kind, which its name says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

NO_DEFINITION = "no definition in this build"
_UNITS = (
    # By the end of a name, first match wins: unit, kind.
    (r"_usd$|CostUsd$", "USD", "amount"),
    (r"^PricingCurrency.*UnitPrice$", "PricingCurrency per PricingUnit", "price"),
    (r"UnitPrice$", "BillingCurrency per PricingUnit", "price"),
    (r"^PricingCurrency.*Cost$", "PricingCurrency", "amount"),
    (r"Cost$", "BillingCurrency", "amount"),
    (r"^(Consumed|Pricing|CommitmentDiscount)Quantity$", "see the Unit column beside it", "quantity"),
    (r"_tokens$|^x_Tokens$", "tokens", "quantity"),
    (r"_count$", "count", "quantity"),
    (r"^version$", "count", "version"),
    (r"^(is|has)_", "true or false", "flag"),
    (r"_month$", "first day of the month", "time"),
    (r"_date$|Date$", "day, UTC", "time"),
    (r"(Period|_at)(Start|End)?$|Period(Start|End)$", "timestamp, UTC", "time"),
    (r"_id$|Id$", "text", "key"),
)
_AMOUNTS = {"billed": "billed", "estimated": "estimated", "allocated": "allocated", "x_Billed": "billed"}


@dataclass(frozen=True, slots=True)
class Definition:
    """What one column of a file means."""

    file: str
    column: str
    meaning: str
    unit: str
    kind: str
    mart: str


def read_definitions(connection: duckdb.DuckDBPyConnection, *, marts: dict[str, str]) -> list[Definition]:
    """Return what the columns of the files mean, in the order of the columns.

    Args:
        connection: On published marts.
        marts: The mart that each file holds.
    """
    return [
        Definition(file, column, (comment or NO_DEFINITION).strip(), *unit_and_kind(column, type_), mart)
        for file, mart in marts.items()
        for column, type_, comment in connection.execute(
            "select column_name, data_type, comment from duckdb_columns() where table_name = $mart order by column_index",
            {"mart": mart},
        ).fetchall()
    ]


def unit_and_kind(column: str, type_: str) -> tuple[str, str]:
    """Return the unit of a column, and what kind of value it holds.

    Args:
        column: Its name, in the project's form or that of FOCUS.
        type_: DuckDB's.
    """
    for pattern, unit, kind in _UNITS:
        if re.search(pattern, column):
            return unit, _amount(column, kind)
    return ("text", "text") if type_ == "VARCHAR" else ("number", "quantity")


def _amount(column: str, kind: str) -> str:
    if kind != "amount":
        return kind
    said = next((word for start, word in _AMOUNTS.items() if column.startswith(start)), "")
    return f"{said} amount".strip()
