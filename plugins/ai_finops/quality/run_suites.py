"""What must hold of the summaries of runs: every landing is one, and a cost that nobody knows says so."""

from __future__ import annotations

from ai_finops.build.stations import STATIONS
from ai_finops.config import KNOWN_SOURCES
from ai_finops.quality.gx import Check
from ai_finops.quality.kinds import Kind
from ai_finops.quality.rules import has_read_columns, has_rows, is_between, is_one_of, is_unique_by_grain, is_zero

_SUMMARIES = """
select
    *,
    cast((api_cost_usd is null) <> (api_cost_reason is not null) as integer) as unexplained_cost_count,
    cast(unpriced_call_count > 0 and api_cost_usd is not null as integer) as guessed_cost_count
from marts.fct_daily_run_summaries
"""

_AGAINST_OUTCOMES = """
select
    coalesce(summaries.run_date, outcomes.landing_date) as run_date,
    coalesce(summaries.station_name, 'land_' || outcomes.source) as station_name,
    coalesce(summaries.row_count, 0) - coalesce(outcomes.loaded_count, 0) as difference_row_count,
    cast(summaries.station_name is null or outcomes.source is null as integer) as lost_landing_count
from (select * from marts.fct_daily_run_summaries where station_name like 'land!_%' escape '!') as summaries
full join marts.fct_daily_extract_outcomes as outcomes
    on summaries.run_date = outcomes.landing_date and summaries.station_name = 'land_' || outcomes.source
order by all
"""


def configure_run_summaries() -> list[Check]:
    """Each landing is summed up once, with a cost or the reason for none."""
    mart = "fct_daily_run_summaries"
    stations = (*(f"land_{source}" for source in KNOWN_SOURCES), *STATIONS)
    return [
        Check(
            mart,
            mart,
            _SUMMARIES,
            (
                has_read_columns(mart),
                has_rows(why="A build is made of landings, and a landing is a run."),
                is_unique_by_grain(mart),
                is_one_of("station_name", *stations, why="Known stations."),
                is_zero("unexplained_cost_count", why="Unknown stays unknown: no cost needs a reason, never 0."),
                is_zero("guessed_cost_count", why="What one call of unknown price costs is no part of a sum."),
                is_between("api_cost_usd", 0, None, why="Nobody pays for being asked."),
                is_between("run_seconds", 0, None, why="Time passes."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_outcomes",
            _AGAINST_OUTCOMES,
            (
                is_zero("lost_landing_count", why="Each landing is a run, and no other.", kind=Kind.REFERENCES),
                is_zero("difference_row_count", why="Rows of a run are the records that it loaded.", kind=Kind.SUMS),
            ),
        ),
    ]
