"""The kinds of thing that an audit holds a mart against, and which kind an expectation is of."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    from ai_finops.quality.gx import Check, expectations


class Kind(StrEnum):
    """What an expectation looks at."""

    SCHEMA = "schema"
    """Columns that readers name are there, and each column has the type of its contract."""
    VOLUME = "volume"
    """Rows of a day against the trailing days, days that have no row, and marts that may not be empty."""
    FRESHNESS = "freshness"
    """The newest period is the one that the build is for, and none lies ahead of it."""
    DRIFT = "drift"
    """What the newest days look like against the trailing weeks."""
    GRAIN = "grain"
    """No two rows have the same key."""
    REFERENCES = "references"
    """What a row names is there."""
    SUMS = "sums"
    """Sums that have to tie to another mart, the bill or the lake."""
    VALUES = "values"
    """Allowed values, filled columns, and columns of one row that may not contradict each other."""
    DISTRIBUTION = "distribution"
    """Costs far out of what costs have been."""


_BY_TYPE = {
    "expect_table_columns_to_match_set": Kind.SCHEMA,
    "expect_column_values_to_be_unique": Kind.GRAIN,
    "expect_compound_columns_to_be_unique": Kind.GRAIN,
    "expect_table_row_count_to_be_between": Kind.VOLUME,
}


def kind_of(check: Check, expectation: expectations.Expectation | ExpectationConfiguration) -> Kind:
    """Return the kind that the expectation, or its configuration, states, or that the name of its check, or its type, says."""
    stated = expectation.meta.get("kind")
    if stated:
        return Kind(stated)
    if "__against_" in check.name:
        return Kind.SUMS
    type_of = getattr(expectation, "expectation_type", None) or expectation.type
    return _BY_TYPE.get(type_of, Kind.VALUES)
