"""What must hold of backtests, and of the errors they sum up to."""

from __future__ import annotations

from ai_finops.quality.gx import Check, Severity
from ai_finops.quality.kinds import Kind
from ai_finops.quality.rules import (
    has_read_columns,
    has_rows,
    is_between,
    is_filled,
    is_one_of,
    is_unique_by_grain,
    is_zero,
)

_METHODS = ("linear_trend", "last_week", "mean_7d", "auto_ets")
_HORIZONS = ("7d", "14d", "month_end")

_BACKTESTS = """
select
    *,
    cast(
        absolute_error_usd <> abs(projected_cost_usd - actual_cost_usd)
        or low_cost_usd > projected_cost_usd or high_cost_usd < projected_cost_usd
        or known_day_count > horizon_day_count
    as integer) as broken_error_count,
    cast(extract('isodow' from origin_date) <> 1 or last_target_date >= $as_of_date as integer) as misplaced_origin_count,
    count(*) filter (where is_method_in_use) over (partition by origin_date, feature_id, horizon) as method_in_use_count
from marts.fct_projection_backtests
"""

# One error per date, feature and horizon is that of what was in use: of as many origins as there are backtests in use.
_ERRORS = """
with used as (
    select errors.as_of_date, errors.feature_id, errors.horizon, count(backtests.origin_date) as used_count
    from marts.fct_projection_errors as errors
    left join marts.fct_projection_backtests as backtests
        on backtests.feature_id = errors.feature_id and backtests.horizon = errors.horizon
        and backtests.is_method_in_use and backtests.last_target_date < errors.as_of_date
    where errors.method = 'in_use'
    group by all
)
select
    errors.*,
    cast(
        errors.is_in_use <> (errors.method in ('in_use', errors.method_in_use))
        or (errors.status = 'measured') <> (errors.wape_ratio is not null)
    as integer) as broken_status_count,
    cast(errors.method = 'in_use' and errors.origin_count <> used.used_count as integer) as lost_origin_count
from marts.fct_projection_errors as errors
left join used using (as_of_date, feature_id, horizon)
"""


def configure_backtests() -> list[Check]:
    """Backtests are of days that have passed, one method was in use at each, and errors are theirs."""
    backtests, errors = "fct_projection_backtests", "fct_projection_errors"
    return [
        Check(
            backtests,
            backtests,
            _BACKTESTS,
            (
                has_read_columns(backtests),
                is_unique_by_grain(backtests),
                is_one_of("method", *_METHODS, why="Methods that are compared."),
                is_one_of("horizon", *_HORIZONS, why="Horizons that are compared."),
                is_zero(
                    "broken_error_count",
                    why="An error is projected less actual, and what was projected lies in its range.",
                ),
                is_zero(
                    "misplaced_origin_count",
                    why="Origins are Mondays, and nothing is scored before its days have passed.",
                ),
                is_between("method_in_use_count", 1, 1, why="One method was in use."),
            ),
        ),
        Check(
            errors,
            errors,
            _ERRORS,
            (
                has_read_columns(errors),
                has_rows(why="A projection shows its own error, or says that it cannot.", severity=Severity.WARN),
                is_unique_by_grain(errors),
                *is_filled(
                    "method_in_use", "origin_count", why="What is in use, and of how many origins its error is."
                ),
                is_one_of("status", "measured", "insufficient_history", why="Known states."),
                is_between("wape_ratio", 0, None, why="A size of errors."),
                is_between("coverage_ratio", 0, 1, why="A share."),
                is_zero("broken_status_count", why="Measured errors have a ratio, and one method is in use."),
                is_zero(
                    "lost_origin_count", why="The error in use is of every backtest that was in use.", kind=Kind.SUMS
                ),
            ),
        ),
    ]
