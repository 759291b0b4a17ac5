"""What a mart names must be there: queries for the names that are not."""

from __future__ import annotations

from dataclasses import dataclass

from ai_finops.quality.gx import Severity

FIRST_OPEN_DAY = """(
    select coalesce(max(usage_month) + interval 1 month, date '1970-01-01') from raw.closed_periods where is_frozen
)"""
OPEN_DAYS = f"usage_date >= {FIRST_OPEN_DAY}"
FEATURES = f"""
select feature_id from marts.fct_daily_feature_costs
union all
select distinct feature_id from marts.fct_llm_calls where usage_date < {FIRST_OPEN_DAY}
"""  # noqa: S608 - names of our own
"""Features with costs. A closed month keeps the names that it was closed with, so that its calls may have others by now."""
FEATURES_AND_TOTAL = f"{FEATURES} union all select 'total'"
DECIDING_FEATURES_AND_TOTAL = f"{FEATURES_AND_TOTAL} union all select feature_id from marts.fct_daily_routing_decisions"  # noqa: S608
"""With those that routed: a decision says its feature itself, and stands also where its call failed or was not traced."""
FEATURES_PLANS_AND_TOTAL = f"{FEATURES_AND_TOTAL} union all select feature_id from marts.rpt_planned_features"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Reference:
    """A column, or an expression of one, whose values have to be among those of a query."""

    column: str
    target: str
    """A query of one column."""
    why: str
    where: str = "true"
    severity: Severity = Severity.FAIL
    source: str | None = None
    """Table that is looked at, where it is not the mart itself."""


_ORPHANS = """
select string_agg(what, ', ' order by what) from (
    (select distinct cast({column} as varchar) as what from {source} where ({where}) and {column} is not null)
    except
    select cast(found as varchar) from ({target}) as t(found)
)
"""


def orphans(mart: str, reference: Reference) -> str:
    """Return the query for the values that are nowhere, in their order."""
    return _ORPHANS.format(
        column=reference.column,
        source=reference.source or f"marts.{mart}",
        where=reference.where,
        target=reference.target,
    )
