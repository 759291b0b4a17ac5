"""Faults of every kind that a build can carry, each with what catches it before anything is published.

A fault is SQL on the candidate of `tiny_marts`; `what_catches` holds the checks of its mart against it. The table of
`docs/quality.md` is printed from the same: `python -m tests.quality.faults` writes it.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.quality.describe import write_all, write_section
from ai_finops.quality.found import Broken
from ai_finops.quality.gx import new_context
from ai_finops.quality.run import hold
from ai_finops.quality.suites import all_checks
from tests.quality.tiny_marts import change, make_build


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, and what must be said of it."""

    name: str
    mart: str
    """Whose checks are held."""
    statements: tuple[str, ...]
    caught_by: str
    """Column of the check that is broken, or what the expectation is of."""
    severity: str = "fail"
    in_dbt: str | None = None
    """Test of the dbt project that holds the same where it is made."""


def _copies(count: int) -> str:
    return (
        "insert into marts.fct_llm_calls select * replace (call_id || '-' || n as call_id) "
        f"from marts.fct_llm_calls, range({count}) as r(n)"
    ).replace("select * replace", "select fct_llm_calls.* replace")


def _on_the_last_day(mart: str, assignment: str, *, where: str = "true") -> str:
    return f"update marts.{mart} set {assignment} where usage_date = '2025-06-10' and {where}"


_CALLS_OF_A_DAY = (
    ("marts.fct_llm_calls", "usage_date"),
    ("raw.traces_spans", "cast(started_at as date)"),
    ("marts.fct_daily_feature_costs", "usage_date"),
)
"""Where a day has to go for nobody to have called on it, as far as the checks of calls look."""

FAULTS = (
    Fault(
        "a day of calls dropped",
        "fct_llm_calls",
        ("delete from marts.fct_llm_calls where usage_date = '2025-06-06'",),
        "lost_trace_count",
        in_dbt="assert_calls_in_equal_calls_out",
    ),
    Fault(
        "a day of costs dropped",
        "fct_daily_allocated_costs",
        ("delete from marts.fct_daily_allocated_costs where usage_date = '2025-06-06'",),
        "lost_periods",
        in_dbt="assert_calls_pay_their_costs",
    ),
    Fault(
        "the newest day dropped",
        "rpt_daily_api_costs",
        ("delete from marts.rpt_daily_api_costs where usage_date = '2025-06-10'",),
        "behind",
        in_dbt="assert_levels_equal_allocated_costs",
    ),
    Fault(
        "rows doubled",
        "fct_daily_allocated_costs",
        (
            "insert into marts.fct_daily_allocated_costs from marts.fct_daily_allocated_costs where usage_date = '2025-06-06'",
        ),
        "usage_date, charge_category",
        in_dbt="is_unique_by",
    ),
    Fault(
        "a call again under another id",
        "fct_llm_calls",
        (
            (
                "insert into marts.fct_llm_calls select * replace ('copy' as call_id) "
                "from marts.fct_llm_calls where call_id = 't051-s1'"
            ),
        ),
        "span_without_call_count",
        in_dbt="assert_calls_in_equal_calls_out",
    ),
    Fault(
        "ten times the rows of a day",
        "fct_llm_calls",
        (_copies(10) + " where usage_date = '2025-06-10'",),
        "row_count_off",
        "warn",
    ),
    Fault(
        "a feature renamed",
        "fct_llm_calls",
        (_copies(10), _on_the_last_day("fct_llm_calls", "feature_id = 'assistant'", where="feature_id = 'chat'")),
        "feature_renamed",
        "warn",
    ),
    Fault(
        "a feature renamed in calls and not in costs",
        "fct_llm_calls",
        (_on_the_last_day("fct_llm_calls", "feature_id = 'assistant'", where="feature_id = 'chat'"),),
        "unknown_1",
    ),
    Fault(
        "a feed gone empty",
        "fct_daily_extract_outcomes",
        (
            (
                "update marts.fct_daily_extract_outcomes set status = 'empty', read_count = 0, loaded_count = 0, "
                "ignored_count = 0, quarantined_count = 0 where source = 'billing' and landing_date >= '2025-06-09'"
            ),
        ),
        "silent",
        "warn",
    ),
    Fault(
        "a source that has gone stale",
        "fct_daily_extract_outcomes",
        (
            "delete from marts.fct_daily_extract_outcomes where source = 'billing' and landing_date > '2025-06-07'",
            "delete from raw.extract_outcomes where source = 'billing' and landing_date > '2025-06-07'",
        ),
        "late",
        "warn",
    ),
    Fault(
        "a landing that nobody accounts for",
        "fct_daily_extract_outcomes",
        ("delete from marts.fct_daily_extract_outcomes where source = 'billing' and landing_date = '2025-06-05'",),
        "unknown_1",
    ),
    Fault(
        "most of a landing in quarantine",
        "fct_daily_extract_outcomes",
        (
            (
                "update marts.fct_daily_extract_outcomes set read_count = 100, quarantined_count = 96 "
                "where source = 'traces' and landing_date = '2025-06-10'"
            ),
        ),
        "quarantined_share_off",
        "warn",
    ),
    Fault(
        "records delivered a tenth of before",
        "fct_daily_extract_outcomes",
        (
            "update marts.fct_daily_extract_outcomes set loaded_count = 300, read_count = 302 where source = 'traces'",
            (
                "update marts.fct_daily_extract_outcomes set loaded_count = 30, read_count = 32 "
                "where source = 'traces' and landing_date = '2025-06-10'"
            ),
        ),
        "loaded_count_off",
        "warn",
    ),
    Fault(
        "a run that nobody sums up",
        "fct_daily_run_summaries",
        (
            (
                "delete from marts.fct_daily_run_summaries where run_date = '2025-06-05' "
                "and station_name = 'land_billing'"
            ),
        ),
        "lost_landing_count",
    ),
    Fault(
        "calls of unknown price that cost nothing",
        "fct_daily_run_summaries",
        (
            (
                "update marts.fct_daily_run_summaries set unpriced_call_count = 3 "
                "where run_date = '2025-06-10' and station_name = 'land_traces'"
            ),
        ),
        "guessed_cost_count",
    ),
    Fault(
        "a landing that asks ten times as much",
        "fct_daily_run_summaries",
        (
            (
                "update marts.fct_daily_run_summaries set api_cost_usd = 2 "
                "where run_date = '2025-06-10' and station_name = 'land_traces'"
            ),
        ),
        "api_cost_off",
        "warn",
    ),
    Fault(
        "a bill in cents",
        "fct_daily_price_differences",
        (
            (
                "update marts.fct_daily_price_differences set billed_usd_per_unit = 100 * price_usd_per_unit, "
                "billed_cost_usd = 275, difference_cost_usd = 272.25"
            ),
        ),
        "wrong_unit",
    ),
    Fault(
        "a bill at a hundredth",
        "fct_daily_price_differences",
        (
            "delete from marts.fct_daily_price_differences where usage_date < '2025-06-10'",
            (
                "update marts.fct_daily_price_differences set billed_usd_per_unit = price_usd_per_unit / 100, "
                "billed_cost_usd = 0.0275, difference_cost_usd = -2.7225"
            ),
        ),
        "far_below_price",
        "warn",
    ),
    Fault(
        "a currency not converted",
        "fct_daily_allocated_costs",
        (
            "update marts.fct_daily_allocated_costs set input_tokens = 200000",
            _on_the_last_day("fct_daily_allocated_costs", "allocated_cost_usd = allocated_cost_usd * 150"),
        ),
        "token_price_off",
    ),
    Fault(
        "a day in another timezone",
        "fct_llm_calls",
        ("update marts.fct_llm_calls set usage_date = usage_date - 1 where call_id = 't051-s1'",),
        "shifted_call_count",
    ),
    Fault(
        "prices NULL",
        "fct_llm_calls",
        ("update marts.fct_llm_calls set estimated_cost_usd = null where call_id = 't051-s1'",),
        "unexplained_cost_count",
        in_dbt="assert_no_tokens_with_zero_cost",
    ),
    Fault(
        "a model that the price table does not know",
        "fct_llm_calls",
        ("delete from raw.prices where model_id = 'm'",),
        "unknown_2",
    ),
    Fault(
        "calls without a price that nobody lists",
        "fct_daily_unpriced_usage",
        (
            "update marts.fct_llm_calls set estimated_cost_usd = null, cost_reason = 'no_price' where call_id = 't051-s1'",
        ),
        "difference_call_count",
    ),
    Fault(
        "a column lost",
        "fct_daily_feature_costs",
        ("alter table marts.fct_daily_feature_costs drop column owner",),
        "expect_table_columns_to_match_set",
        in_dbt="contract",
    ),
    Fault(
        "a type changed",
        "fct_daily_feature_costs",
        ("alter table marts.fct_daily_feature_costs alter column allocated_cost_usd set data type double",),
        "other_types",
        in_dbt="contract",
    ),
    Fault(
        "a mart lost",
        "fct_cost_projections",
        ("drop table marts.fct_cost_projections",),
        "the query of the check runs",
    ),
    Fault(
        "a mart empty",
        "fct_daily_metrics",
        ("delete from marts.fct_daily_metrics",),
        "empty",
    ),
    Fault(
        "a workday without calls",
        "fct_llm_calls",
        tuple(f"delete from {table} where {day} = '2025-06-09'" for table, day in _CALLS_OF_A_DAY),
        "holes",
        "warn",
    ),
    Fault(
        "calls that stopped",
        "fct_llm_calls",
        tuple(f"delete from {table} where {day} >= '2025-06-09'" for table, day in _CALLS_OF_A_DAY),
        "ended",
        "warn",
    ),
    Fault(
        "calls that all got lost",
        "fct_llm_calls",
        ("delete from marts.fct_llm_calls",),
        "empty",
    ),
    Fault(
        "spans that the lake lost",
        "fct_llm_calls",
        ("delete from raw.traces_spans", "delete from marts.fct_llm_calls"),
        "empty",
    ),
    Fault(
        "negative tokens",
        "fct_llm_calls",
        ("update marts.fct_llm_calls set output_tokens = -50 where call_id = 't051-s1'",),
        "negative_token_count",
    ),
    Fault(
        "input and output tokens swapped",
        "fct_llm_calls",
        (_on_the_last_day("fct_llm_calls", "input_tokens = output_tokens, output_tokens = input_tokens"),),
        "broken_token_count",
    ),
    Fault(
        "prompts ten times as long",
        "fct_llm_calls",
        (_on_the_last_day("fct_llm_calls", "input_tokens = 10000, uncached_input_tokens = 9900"),),
        "input_tokens_off",
        "warn",
    ),
    Fault(
        "output ten times as long",
        "fct_llm_calls",
        (_on_the_last_day("fct_llm_calls", "output_tokens = 500"),),
        "output_share_off",
        "warn",
    ),
    Fault(
        "cost × 1000 of a day, in one mart",
        "fct_daily_feature_costs",
        (_on_the_last_day("fct_daily_feature_costs", "allocated_cost_usd = allocated_cost_usd * 1000"),),
        "difference_micro_usd",
        in_dbt="assert_feature_costs_equal_allocated_costs",
    ),
    Fault(
        "cost × 1000 of a day, everywhere",
        "fct_daily_allocated_costs",
        tuple(
            _on_the_last_day(mart, f"{column} = {column} * 1000")
            for mart, column in (
                ("fct_daily_allocated_costs", "allocated_cost_usd"),
                ("fct_daily_feature_costs", "allocated_cost_usd"),
                ("fct_daily_reconciliations", "billed_cost_usd"),
            )
        ),
        "cost_off",
        "warn",
    ),
    Fault(
        "one call of $500",
        "fct_llm_calls",
        ("update marts.fct_llm_calls set estimated_cost_usd = 500 where call_id = 't101-s1'",),
        "dearest_call_off",
        "warn",
    ),
    Fault(
        "calls of a feature ten times as dear",
        "fct_llm_calls",
        (_copies(150), _on_the_last_day("fct_llm_calls", "estimated_cost_usd = estimated_cost_usd * 10")),
        "call_costs_shifted",
        "warn",
    ),
    Fault(
        "what no trace tells of, smeared over a feature",
        "fct_daily_allocated_costs",
        (
            (
                "update marts.fct_daily_allocated_costs set allocated_cost_usd = 0 "
                "where usage_date = '2025-06-05' and attribution = 'unattributed'"
            ),
            (
                "update marts.fct_daily_allocated_costs set allocated_cost_usd = 2.25 "
                "where usage_date = '2025-06-05' and feature_id = 'chat'"
            ),
        ),
        "smeared_micro_usd",
        in_dbt="assert_call_costs_equal_traced_shares",
    ),
    Fault(
        "an invoice two cents larger",
        "fct_daily_allocated_costs",
        (
            (
                "insert into intermediate.int_bill_lines_unioned "
                "select '2025-06-05', '2025-06', 'aws.bedrock', '111122223333', 'aws_cur', 0.02"
            ),
        ),
        "difference_micro_usd",
        in_dbt="assert_invoices_are_met",
    ),
    Fault(
        "estimates where the bill should be",
        "fct_daily_allocated_costs",
        ("update marts.fct_daily_reconciliations set billed_cost_usd = null where usage_date = '2025-06-10'",),
        "difference_micro_usd",
        in_dbt="assert_billed_equals_allocated_plus_unattributed",
    ),
    Fault(
        "a share above one",
        "rpt_feature_value",
        ("update marts.rpt_feature_value set user_share_ratio = 1.01 where feature_id = 'chat'",),
        "user_share_ratio",
    ),
    Fault(
        "coverage above the whole",
        "fct_daily_reconciliations",
        ("update marts.fct_daily_reconciliations set coverage_pct = 100.1 where usage_date = '2025-06-05'",),
        "coverage_pct",
    ),
    Fault(
        "a date in the future",
        "fct_daily_cost_baselines",
        ("update marts.fct_daily_cost_baselines set usage_date = '2025-06-11' where usage_date = '2025-06-10'",),
        "ahead",
    ),
    Fault(
        "a closed month restated in silence",
        "fct_monthly_feature_costs",
        (
            "insert into raw.closed_periods values ('p', 'a', '2025-05-01', '2025-06-09', 'by hand', 1, true)",
            "insert into raw.closed_fct_daily_allocated_costs values ('2025-05-07', 'chat', 'p', 'a', null, 10)",
            (
                "insert into marts.fct_monthly_feature_costs by name select 'p' as provider_name, 'a' as billing_account_id, "
                "date '2025-05-01' as usage_month, 'chat' as feature_id, 10.000001 as allocated_cost_usd, true as is_closed"
            ),
        ),
        "moved_micro_usd",
        in_dbt="assert_closed_months_and_corrections_meet_the_bill",
    ),
    Fault(
        "a restatement of a month that is open",
        "fct_monthly_cost_restatements",
        (
            (
                "insert into marts.fct_monthly_cost_restatements by name select date '2025-06-01' as usage_month, "
                "'aws.bedrock' as provider_name, '111122223333' as billing_account_id"
            ),
        ),
        "unknown_1",
    ),
    Fault(
        "projections below nothing",
        "fct_cost_projections",
        ("update marts.fct_cost_projections set low_cost_usd = -0.5 where target_period = 'day'",),
        "low_to_come_cost_usd",
    ),
    Fault(
        "projections of another date",
        "fct_cost_projections",
        ("update marts.fct_cost_projections set as_of_date = '2025-06-10'",),
        "not_of_the_build",
    ),
    Fault(
        "a projected day that no day was like",
        "fct_cost_projections",
        ("update marts.fct_cost_projections set feature_id = 'chat', projected_cost_usd = 41, high_cost_usd = 42",),
        "projected_day_off",
        "warn",
    ),
    Fault(
        "spent of a budget halved",
        "rpt_budgets",
        ("update marts.rpt_budgets set actual_cost_usd = actual_cost_usd / 2",),
        "difference_micro_usd",
    ),
    Fault(
        "drivers that do not add up",
        "fct_cost_drivers",
        ("update marts.fct_cost_drivers set contribution_cost_usd = -2.499999 where feature_id = 'search'",),
        "unexplained_micro_usd",
        in_dbt="assert_drivers_sum_to_the_change",
    ),
    Fault(
        "a driver without an anomaly",
        "fct_cost_anomaly_drivers",
        ("insert into marts.fct_cost_anomaly_drivers values ('2025-06-09', 'chat', 'volume', 'd', 0)",),
        "unknown_1",
    ),
    Fault(
        "a metric that stopped being known",
        "fct_daily_metrics",
        (
            "update marts.fct_daily_metrics set considered_count = 20",
            _on_the_last_day("fct_daily_metrics", "value = null, status = 'insufficient'"),
        ),
        "known_count_off",
        "warn",
    ),
    Fault(
        "advice that is no opportunity",
        "rpt_weekly_digest",
        ("update marts.rpt_weekly_digest set recommended_opportunity_id = 'o9' where week_start_date = '2025-06-09'",),
        "unknown_2",
    ),
    Fault(
        "a saving above what is spent",
        "fct_savings_opportunities",
        ("update marts.fct_savings_opportunities set saving_usd_per_month = 60.01, high_saving_usd_per_month = 70",),
        "impossible_saving_count",
    ),
)


def what_catches(fault: Fault, *, home: Path) -> list[Broken]:
    """Return what the checks of the fault's mart find in a candidate that has it."""
    settings = Settings.from_env({"AI_FINOPS_HOME": str(home)})
    build = make_build(settings)
    change(build, *fault.statements)
    checks = [check for check in all_checks() if check.mart == fault.mart]
    return [found for held in hold(checks, build=build, context=new_context(home / "site")) for found in held.broken]


def catcher(fault: Fault, found: list[Broken]) -> Broken | None:
    """Return the expectation that was to catch the fault, with the severity that was declared; None where it is not there."""
    named = re.compile(rf"\b{re.escape(fault.caught_by)}\b")
    return next((one for one in found if named.search(one.expectation) and one.severity == fault.severity), None)


def table(caught: list[tuple[Fault, Broken]]) -> str:
    """Return the rows of Markdown: fault, mart, what caught it, where else it is held, and whether it stops the build."""
    rows = [
        f"| {fault.name} | `{fault.mart}` | `{one.check}`: `{fault.caught_by}` ({one.kind}) "
        f"| {f'`{fault.in_dbt}`' if fault.in_dbt else ''} | {one.severity} |"
        for fault, one in caught
    ]
    return "\n".join(
        ["| Fault | Mart | Caught by (Great Expectations) | Also in dbt | |", "|---|---|---|---|---|", *rows]
    )


def seed_all() -> list[tuple[Fault, Broken | None]]:
    """Seed each fault in a candidate of its own; return it with what caught it."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            (fault, catcher(fault, what_catches(fault, home=Path(folder, str(number)))))
            for number, fault in enumerate(FAULTS)
        ]


if __name__ == "__main__":
    write_section("faults", table([(fault, one) for fault, one in seed_all() if one]))
    write_all()
