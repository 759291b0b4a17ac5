"""One week as the weekly message needs it, read from the published marts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.days import week_start
from ai_finops.errors import ReportError
from ai_finops.publish import open_published

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """A row of `rpt_weekly_digest` (meaning and units there), and the date of the marts it was read from."""

    marts_as_of_date: date
    """First day that the published marts do not hold."""
    week_start_date: date
    as_of_date: date
    covered_day_count: int
    missing_days: str | None
    not_compared_reason: str | None
    total_cost_usd: Decimal | None
    previous_covered_day_count: int | None
    previous_total_cost_usd: Decimal | None
    change_ratio: float | None
    top_feature_id: str | None
    top_feature_name: str | None
    top_feature_cost_usd: Decimal | None
    top_feature_share_ratio: float | None
    previous_top_feature_share_ratio: float | None
    previous_top_feature_call_count: int | None
    unattributed_cost_usd: Decimal
    unattributed_share_ratio: float | None
    estimated_share_ratio: float | None
    month_start_date: date
    month_to_date_cost_usd: Decimal | None
    projected_month_end_cost_usd: Decimal | None
    projection_status: str | None
    projection_error_ratio: float | None
    projection_error_horizon: str | None
    projection_missing_day_count: int | None
    risen_cost_usd: Decimal | None
    main_driver: str | None
    main_driver_feature_id: str | None
    main_driver_detail: str | None
    main_driver_cost_usd: Decimal | None
    main_driver_share_ratio: float | None
    recommended_opportunity_id: str | None
    recommended_feature_name: str | None
    recommended_task_type: str | None
    recommended_target_model_id: str | None
    recommended_saving_usd_per_month: Decimal | None
    recommended_agreement_ratio: float | None
    recommended_agreement_sample_count: int | None
    recommended_lever: str | None
    recommended_current_model_id: str | None
    recommended_ratio_name: str | None
    recommended_ratio: float | None
    recommended_break_even_ratio: float | None
    recommended_break_even_weeks: float | None
    recommended_is_measured: bool | None
    unknown_cost_call_count: int
    previous_unknown_cost_call_count: int | None
    month_unknown_cost_call_count: int
    unknown_cost_feature_count: int
    unpriced_call_count: int
    quarantined_record_count: int
    gap_call_count: int
    undecided_sprint_start_date: date | None
    undecided_sprint_end_date: date | None

    @property
    def is_last_complete_week(self) -> bool:
        """Whether this is the newest week of which the marts can hold every day."""
        return self.week_start_date == last_complete_week(self.marts_as_of_date)


def last_complete_week(as_of_date: date) -> date:
    """Return the Monday of the last week that ended before `as_of_date`, the first day not yet seen."""
    return week_start(as_of_date) - timedelta(days=7)


def load(settings: Settings, week: date) -> WeeklyDigest:
    """Read the digest of the week that holds the day `week`.

    Raises:
        PublishError: Nothing has been published yet.
        ReportError: The published marts do not hold that week (the message lists those they do), or cannot be read.
    """
    with open_published(settings) as connection:
        return read_digest(connection, week)


def read_digest(connection: DuckDBPyConnection, week: date) -> WeeklyDigest:
    """Read the digest as `load` does, from published marts that are open already."""
    import duckdb

    monday = week_start(week)
    names = [field.name for field in fields(WeeklyDigest) if field.name != "marts_as_of_date"]
    query = f"select {', '.join(names)} from rpt_weekly_digest where week_start_date = ?"  # noqa: S608 (names of our own fields)
    try:
        row = connection.execute(query, [monday]).fetchone()
        as_of = connection.execute("select as_of_date from dim_builds").fetchone()[0]
        weeks = connection.execute("select week_start_date from rpt_weekly_digest order by week_start_date").fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ReportError(f"the published marts do not hold a readable weekly digest: {reason}") from error
    if row is None:
        known = ", ".join(str(day) for (day,) in weeks) or "none"
        raise ReportError(f"the week of {monday} is not in the published marts; they hold the weeks of {known}")
    return WeeklyDigest(
        marts_as_of_date=as_of,
        **{name: _plain(name, value) for name, value in zip(names, row, strict=True)},
    )


def published_as_of(settings: Settings) -> date:
    """Return the first day that the published marts do not hold.

    Raises:
        PublishError: Nothing has been published yet.
    """
    with open_published(settings) as connection:
        return connection.execute("select as_of_date from dim_builds").fetchone()[0]


def _plain(name: str, value: object) -> object:
    """Return ratios as floats, whatever type the mart gives them."""
    return float(value) if name.endswith("_ratio") and value is not None else value
