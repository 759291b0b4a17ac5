"""The tables that publishing writes itself, beside the marts of dbt: what they are in words, column by column."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A table of one build, no column of which is ever NULL."""

    description: str
    grain: tuple[str, ...]
    columns: tuple[tuple[str, str, str], ...]
    """Name, type and meaning of each column, in order."""


OWN_TABLES: dict[str, OwnTable] = {
    "dim_builds": OwnTable(
        "The build itself, one row: its id, its clock, and the versions that made it.",
        ("build_id",),
        (
            ("build_id", "string", "Build that all tables beside this one are of: number, as_of_date and a hash."),
            ("as_of_date", "date", "First UTC day that is not in the build; all that is decided by time goes by it."),
            ("built_at", "timestamp with time zone", "When the build was begun."),
            ("inputs_sha256", "string", "Hash of all that the build was made of: lake, prices, dbt project."),
            ("project_version", "string", "Version of this package."),
            ("dbt_version", "string", "Version of dbt-core."),
            ("duckdb_version", "string", "Version of DuckDB."),
        ),
    ),
    "dim_closed_periods": OwnTable(
        "Closed months of a provider and account, whose rows never change again; a month that was closed again has a row "
        "for each time.",
        ("provider_name", "billing_account_id", "usage_month", "version"),
        (
            ("provider_name", "string", "Provider whose bill was final."),
            ("billing_account_id", "string", "Account whose bill was final."),
            ("usage_month", "date", "First day of the month."),
            ("version", "bigint", "1 for the first time that the month was closed, one more for each time after it."),
            ("rule", "string", "Rule of seed closing_rules that closed it."),
            ("costs_sha256", "string", "Hash of its rows of fct_daily_allocated_costs, as they were closed."),
            ("reconciliations_sha256", "string", "Hash of its rows of fct_daily_reconciliations, as they were closed."),
            ("build_id", "string", "Build that closed it."),
            ("is_current", "boolean", "Whether this is the latest version of the month."),
            ("closed_at_date", "date", "as_of_date of the build that closed it."),
        ),
    ),
}
"""Every such table by name."""
