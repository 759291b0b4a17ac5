"""Whether two ways of making the marts of the same days made the same marts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

import duckdb

from ai_finops.publish import compare_builds

ISSUED = frozenset({"fct_cost_projections", "fct_savings_opportunities"})
"""Marts whose rows stay as they were issued on a morning, with what was known then."""


def unlike(
    first: Path, second: Path, *, leaving_out: Collection[str] = (), mornings_left_out: Collection[date] = ()
) -> list[str]:
    """Return a sentence for each way in which two published builds differ.

    Args:
        first: Folder of a published build.
        second: Folder of another.
        leaving_out: Marts that are not compared.
        mornings_left_out: Days as of which what was issued is not compared, since not the same was known.
    """
    differences = compare_builds(first, second)
    issued = {mart: mornings_that_differ(mart, first, second) - set(mornings_left_out) for mart in sorted(ISSUED)}
    return [
        *(str(each) for each in differences if each.mart not in {*leaving_out, *ISSUED}),
        *(f"{mart} is another as of {morning}" for mart, mornings in issued.items() for morning in sorted(mornings)),
    ]


def mornings_that_differ(mart: str, first: Path, second: Path) -> set[date]:
    """Return the days as of which a mart's rows are not the same in two published builds."""
    with duckdb.connect() as marts:
        for name, folder in (("a", first), ("b", second)):
            marts.execute(f"attach '{folder / 'marts.duckdb'}' as {name} (read_only)")
        found = marts.execute(
            f"select as_of_date from (from a.{mart} except all from b.{mart}) "
            f"union select as_of_date from (from b.{mart} except all from a.{mart})"
        ).fetchall()
    return {day for (day,) in found}
