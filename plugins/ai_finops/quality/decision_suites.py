"""What must hold of decisions, of sprints and of the rollout."""

from __future__ import annotations

from ai_finops.quality.gx import Check
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

_RESULTS = """
select
    *,
    cast(
        (status in ('measured', 'measured_together', 'incomplete_week')) <> (realised_saving_usd is not null)
        or (status = 'measured') <> (realised_to_expected_ratio is not null)
    as integer) as unexplained_saving_count,
    cast((counterfactual_cost_usd - actual_cost_usd - realised_saving_usd) * 1000000 as bigint) as difference_micro_usd,
    cast(week_start_date <= shipped_date or week_start_date <> date_trunc('week', week_start_date) as integer)
        as early_week_count
from marts.fct_decision_results
"""

_SPRINTS = """
select
    *,
    cast(is_without_decision <> (is_finished and decision_count = 0) as integer) as broken_verdict_count,
    cast(sprint_start_date <= lag(sprint_end_date) over (order by sprint_start_date) as integer) as overlapping_count
from marts.rpt_sprints
"""

_ROLLOUT = """
select
    *,
    cast(
        (status = 'done') <> (what_is_missing is null) or (status = 'not_known') <> (value is null)
    as integer) as unexplained_status_count
from marts.rpt_rollout_readiness
"""


def configure_decision_results() -> list[Check]:
    """A saving is the difference that it says it is, of a week after the decision shipped, or there is none and a reason."""
    mart = "fct_decision_results"
    return [
        Check(
            mart,
            mart,
            _RESULTS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled(
                    "decision_id", "feature_id", "lever", "status", "decider", why="What was decided, and by whom."
                ),
                is_one_of(
                    "status",
                    "measured",
                    "measured_together",
                    "incomplete_week",
                    "not_shipped",
                    "too_early",
                    "insufficient_baseline",
                    "no_volume",
                    "feature_retired",
                    "cost_not_known",
                    why="Known states of a decision.",
                ),
                is_zero("unexplained_saving_count", why="No number without a measured week, none missing of one."),
                is_between(
                    "difference_micro_usd",
                    -1,
                    1,
                    why="Saved is what was not spent; the three are rounded each by itself.",
                    kind=Kind.SUMS,
                ),
                is_zero("early_week_count", why="Weeks are Mondays, and after the day it shipped."),
                is_between("covered_day_count", 1, 7, why="Days of a week."),
            ),
        )
    ]


def configure_sprints() -> list[Check]:
    """Sprints follow each other, and the one without a decision is a finished one."""
    mart = "rpt_sprints"
    return [
        Check(
            mart,
            mart,
            _SPRINTS,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                is_zero("broken_verdict_count", why="Only what has ended can have passed without a decision."),
                is_zero("overlapping_count", why="A decision counts for one sprint."),
                is_between("decision_count", 0, None, why="A count."),
            ),
        )
    ]


def configure_rollout() -> list[Check]:
    """Each step is done, or says what is missing and who does it."""
    mart = "rpt_rollout_readiness"
    return [
        Check(
            mart,
            mart,
            _ROLLOUT,
            (
                has_read_columns(mart),
                has_rows(why="Seed rollout_steps has steps."),
                is_unique_by_grain(mart),
                *is_filled("step", "status", "owner", why="What is to be done, and by whom."),
                is_one_of("status", "done", "in_progress", "not_started", "not_known", why="Known states of a step."),
                is_zero(
                    "unexplained_status_count",
                    why="What is not done says what is missing; the unknown has no value.",
                ),
            ),
        )
    ]
