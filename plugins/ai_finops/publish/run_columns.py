"""The columns that may differ between two builds of one lake, in one place; everything else must be the same."""

from __future__ import annotations

RUN_COLUMNS: dict[str, tuple[str, ...]] = {
    "dim_builds": ("build_id", "built_at", "dbt_version", "duckdb_version"),
    "dim_closed_periods": ("build_id",),
    "fct_daily_extract_outcomes": ("extracted_at",),
    "fct_daily_run_summaries": ("ended_at", "run_seconds"),
}
"""Column names by mart: which run made a row and when, never what it says."""
