"""The four levels that cost is attributed at, and how much each member of a level cost by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.ui.views.asking import ask

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Level:
    """One level of attribution."""

    name: str
    label: str
    mart: str
    key: str
    """The column that names a member."""
    has_features: bool
    """Whether its mart says which feature a row is of."""


LEVELS = {
    level.name: level
    for level in (
        Level("feature", "Feature", "fct_daily_feature_costs", "feature_id", has_features=True),
        Level("pipeline", "Pipeline", "rpt_daily_pipeline_costs", "pipeline_id", has_features=True),
        Level("service", "Service", "rpt_daily_service_costs", "service_name", has_features=False),
        Level("api", "API (model)", "rpt_daily_api_costs", "model_id", has_features=False),
    )
}
BY_FEATURE_MART = "fct_daily_allocated_costs"
"""What is read at a level whose own mart has no features, where features are chosen."""


@dataclass(frozen=True, slots=True)
class DayCost:
    """What one member of a level cost on one day."""

    usage_date: date
    member: str
    request_count: int
    input_tokens: int
    output_tokens: int
    unknown_cost_call_count: int
    cost_status: str
    allocated_cost_usd: Decimal | None
    """None where a part of it is not known."""


def mart_of(level: Level, *, features: Sequence[str]) -> str:
    """Return which mart a level is read from."""
    return BY_FEATURE_MART if features and not level.has_features else level.mart


def read_day_costs(
    connection: duckdb.DuckDBPyConnection, *, level: Level, first_date: date, last_date: date, features: Sequence[str]
) -> list[DayCost]:
    """Read usage cost by day and member, days in order; cost is not known where that of a row is not.

    Args:
        connection: On the published marts.
        level: What to sum by.
        first_date: The first day.
        last_date: The last day, held too.
        features: Features to keep; none for all.
    """
    mart = mart_of(level, features=features)
    query = f"""
    select
        usage_date, {level.key}, sum(request_count)::bigint, sum(input_tokens)::bigint, sum(output_tokens)::bigint,
        sum(unknown_cost_call_count)::bigint,
        case when count(distinct cost_status) = 1 then max(cost_status) else 'mixed' end,
        {_COST}
    from {mart}
    where usage_date between $first_date and $last_date {_of_usage(mart)}
        {"and list_contains($features, feature_id)" if features else ""}
    group by usage_date, {level.key}
    order by usage_date, {level.key}
    """  # noqa: S608 - names of our own
    given: Mapping[str, object] = {"first_date": first_date, "last_date": last_date}
    return [
        DayCost(*row) for row in ask(connection, query, {**given, "features": list(features)} if features else given)
    ]


def read_day_totals(
    connection: duckdb.DuckDBPyConnection, *, level: Level, first_date: date, last_date: date, features: Sequence[str]
) -> dict[date, Decimal | None]:
    """Read what usage cost on each day, of all features whichever are kept: what shares are of, and which days are known.

    Args:
        connection: On the published marts.
        level: What `read_day_costs` sums by.
        first_date: The first day.
        last_date: The last day, held too.
        features: Those that are kept; they say which mart is read, as they do for `read_day_costs`.
    Returns:
        USD by day, None where a part of it is not known; a day without any row is not there.
    """
    mart = mart_of(level, features=features)
    query = f"""
    select usage_date, {_COST} from {mart}
    where usage_date between $first_date and $last_date {_of_usage(mart)}
    group by usage_date order by usage_date
    """  # noqa: S608 - names of our own
    return dict(ask(connection, query, {"first_date": first_date, "last_date": last_date}))


_COST = "case when count(allocated_cost_usd) = count(*) then sum(allocated_cost_usd)::decimal(18, 6) end"


def _of_usage(mart: str) -> str:
    """Return what leaves tax and credits out of a mart that has them."""
    has_only_usage = mart in ("fct_daily_feature_costs", "rpt_daily_pipeline_costs", "rpt_daily_service_costs")
    return "" if has_only_usage else "and charge_category = 'usage'"
