"""What must hold of the marts of costs, and how they tie to the bill."""

from __future__ import annotations

from ai_finops.quality.gx import Check, Severity
from ai_finops.quality.kinds import Kind
from ai_finops.quality.references import OPEN_DAYS
from ai_finops.quality.rules import (
    has_read_columns,
    has_rows,
    is_between,
    is_empty,
    is_filled,
    is_one_of,
    is_unique_by_grain,
    is_zero,
    rows_of,
)

CENT_MICRO_USD = 10_000
OLDEST_ESTIMATE_AGE_DAYS = 35
"""Days before the build of which an estimate is held against the bill: a bill settles late, and months do not all close."""
COST_STATUSES = ("estimated", "billed", "final")

_ALLOCATED = """
select
    *,
    cast(allocated_cost_usd is null and unattributed_reason is null as integer) as missing_cost_count,
    cast(attribution = 'unattributed' and unattributed_reason is null as integer) as unexplained_row_count,
    cast(charge_category = 'usage' and attribution = 'not_a_usage_charge' as integer) as misplaced_row_count
from marts.fct_daily_allocated_costs
"""

_ALLOCATED_AGAINST_CELLS = """
with allocated as (
    select
        usage_date, provider_name, billing_account_id, charge_category, model_id,
        sum(allocated_cost_usd) as allocated_cost_usd
    from marts.fct_daily_allocated_costs where cost_status <> 'estimated' group by all
),
cells as (
    select
        usage_date, provider_name, billing_account_id, charge_category, model_id,
        sum(billed_cost_usd) as billed_cost_usd
    from marts.fct_daily_reconciliations where billed_cost_usd is not null group by all
)
select
    usage_date,
    billing_account_id,
    charge_category,
    model_id,
    cast(coalesce(billed_cost_usd, 0) * 1000000 as bigint) as billed_micro_usd,
    cast((coalesce(allocated_cost_usd, 0) - coalesce(billed_cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd
from allocated full join cells using (usage_date, provider_name, billing_account_id, charge_category, model_id)
order by usage_date, billing_account_id, charge_category, model_id
"""

_ALLOCATED_AGAINST_LINES = """
with dated_lines as (
    select
        *,
        cast(billing_period || '-01' as date) as usage_month,
        greatest(usage_date, cast(billing_period || '-01' as date)) as billed_date
    from intermediate.int_bill_lines_unioned
),
lines as (
    select provider_name, billing_account_id, usage_month, sum(billed_cost_usd) as billed_cost_usd
    from dated_lines
    where billed_date < $as_of_date and billing_source = coalesce(
        (
            select sources.billing_source from seeds.billing_sources as sources
            where
                sources.provider_name = dated_lines.provider_name
                and sources.billing_account_id in (dated_lines.billing_account_id, '*')
                and dated_lines.billed_date >= sources.valid_from
                and (dated_lines.billed_date < sources.valid_to or sources.valid_to is null)
            order by sources.billing_account_id = '*', sources.valid_from desc limit 1
        ),
        billing_source
    )
    group by all
),
allocated as (
    select
        provider_name, billing_account_id,
        coalesce(corrected_month, cast(date_trunc('month', usage_date) as date)) as usage_month,
        sum(allocated_cost_usd) as allocated_cost_usd
    from marts.fct_daily_allocated_costs where cost_status <> 'estimated' group by all
)
select
    usage_month,
    billing_account_id,
    cast((coalesce(allocated_cost_usd, 0) - coalesce(billed_cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd
from lines full join allocated using (provider_name, billing_account_id, usage_month)
order by usage_month, billing_account_id
"""

_UNATTRIBUTED_AGAINST_CELLS = """
with allocated as (
    select
        usage_date, provider_name, billing_account_id, model_id,
        sum(allocated_cost_usd) filter (attribution = 'unattributed') as unattributed_cost_usd
    from marts.fct_daily_allocated_costs where charge_category = 'usage' and cost_status <> 'estimated' group by all
),
cells as (
    select
        usage_date, provider_name, billing_account_id, model_id,
        sum(unattributed_cost_usd) as unattributed_cost_usd
    from marts.fct_daily_reconciliations
    where charge_category = 'usage' and billed_cost_usd is not null group by all
)
select
    usage_date, billing_account_id, model_id,
    cast(
        (coalesce(allocated.unattributed_cost_usd, 0) - coalesce(cells.unattributed_cost_usd, 0)) * 1000000 as bigint
    ) as smeared_micro_usd
from allocated full join cells using (usage_date, provider_name, billing_account_id, model_id)
order by all
"""

_FEATURES_AGAINST_ALLOCATED = """
with features as (
    select usage_date, sum(allocated_cost_usd) as feature_cost_usd, sum(request_count) as feature_request_count
    from marts.fct_daily_feature_costs group by all
),
allocated as (
    select usage_date, sum(allocated_cost_usd) as allocated_cost_usd, sum(request_count) as request_count
    from marts.fct_daily_allocated_costs where charge_category = 'usage' group by all
)
select
    usage_date,
    cast((coalesce(feature_cost_usd, 0) - coalesce(allocated_cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd,
    coalesce(feature_request_count, 0) - coalesce(request_count, 0) as difference_request_count
from features full join allocated using (usage_date)
order by usage_date
"""

# A call that comes after its month closed makes no row on its day: the month stands, and the open month has the correction.
_FEATURE_DAYS = f"""
with traced as (
    select distinct usage_date from marts.fct_llm_calls where {OPEN_DAYS}
),
days as (
    select usage_date, count(*) as row_count from marts.fct_daily_feature_costs group by all
)
select
    usage_date,
    coalesce(row_count, 0) as row_count
from traced full join days using (usage_date)
order by usage_date
"""  # noqa: S608 - names of our own

_PRICE_DIFFERENCES_AGAINST_CELLS = """
with cells as (
    select
        usage_date, provider_name, billing_account_id, model_id, token_class, region_scope, processing,
        sum(billed_cost_usd) as billed_cost_usd
    from marts.fct_daily_reconciliations where charge_category = 'usage' group by all
)
select
    usage_date, billing_account_id, model_id, token_class,
    cast((differences.billed_cost_usd - coalesce(cells.billed_cost_usd, 0)) * 1000000 as bigint) as difference_micro_usd
from marts.fct_daily_price_differences as differences left join cells
    using (usage_date, provider_name, billing_account_id, model_id, token_class, region_scope, processing)
order by all
"""

_RECONCILED = """
select
    *,
    cast((billed_cost_usd - allocated_cost_usd - unattributed_cost_usd) * 1000000 as bigint) as untied_micro_usd
from marts.fct_daily_reconciliations
"""

# An estimate over the traced share of the bill by p per cent is over it by p / (100 + p) of itself. A day that the bill has not
# reached the end of is over by nature, and of a closed month nothing can be put right.
_ESTIMATE_ERRORS = f"""
with bounds as (
    select
        coalesce(
            (select bound from seeds.reporting_bounds where bound_name = 'largest_estimate_error_pct'),
            cast(error('seed reporting_bounds names no largest_estimate_error_pct') as double)
        ) as largest_error_pct,
        coalesce(
            (select bound from seeds.reporting_bounds where bound_name = 'smallest_estimate_error_cost_usd'),
            cast(error('seed reporting_bounds names no smallest_estimate_error_cost_usd') as double)
        ) as smallest_error_cost_usd
),
cells as (
    select
        *,
        round(cast(estimated_cost_usd as double) * error_pct / (100 + error_pct), 6) as error_cost_usd
    from marts.fct_daily_reconciliations
    anti join (select * from raw.closed_periods where is_frozen) as closed
        on
            closed.provider_name = fct_daily_reconciliations.provider_name
            and closed.billing_account_id = fct_daily_reconciliations.billing_account_id
            and closed.usage_month = date_trunc('month', fct_daily_reconciliations.usage_date)
    where is_settled and error_pct > 0 and usage_date >= $as_of_date - {OLDEST_ESTIMATE_AGE_DAYS}
)
select
    case
        when error_pct > largest_error_pct and error_cost_usd >= smallest_error_cost_usd then format(
            '{{}} {{}} of account {{}} on {{}}: estimated ${{:.2f}} for ${{:.2f}} of the bill, {{:.0f}} % over',
            model_id, token_class, billing_account_id, usage_date, cast(estimated_cost_usd as double),
            cast(estimated_cost_usd as double) - error_cost_usd, error_pct
        )
    end as estimate_over_bill
from cells cross join bounds
order by error_cost_usd desc, usage_date, billing_account_id, model_id, token_class
"""  # noqa: S608 - names of our own


def configure_allocated_costs() -> list[Check]:
    """Allocation, row by row and against the reconciliation."""
    mart = "fct_daily_allocated_costs"
    return [
        Check(
            mart,
            mart,
            _ALLOCATED,
            (
                has_read_columns(mart),
                has_rows(why="There was a bill or a call, so somebody pays."),
                is_unique_by_grain(mart),
                *is_filled(
                    "usage_date", "feature_id", "charge_category", "cost_status", why="Who pays what, and when."
                ),
                is_one_of(
                    "charge_category",
                    "usage",
                    "credit",
                    "refund",
                    "tax",
                    "support",
                    "other",
                    "correction",
                    why="Known charges.",
                ),
                is_one_of(
                    "attribution",
                    "traced",
                    "tag",
                    "principal",
                    "unattributed",
                    "not_a_usage_charge",
                    "correction",
                    why="Known ways to a feature.",
                ),
                is_one_of("cost_status", *COST_STATUSES, why="Known states of a cost."),
                is_zero("missing_cost_count", why="A cost that is not known says why."),
                is_zero("unexplained_row_count", why="What nobody owns says why."),
                is_zero("misplaced_row_count", why="Usage is allocated, never filed as another charge."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_bill",
            _ALLOCATED_AGAINST_CELLS,
            (
                is_zero(
                    "difference_micro_usd",
                    why="Allocated plus unattributed is what was billed, by day, account, charge and model, to the last digit.",
                ),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_unattributed",
            _UNATTRIBUTED_AGAINST_CELLS,
            (
                is_zero(
                    "smeared_micro_usd",
                    why="What no trace tells of stays unattributed: none of it is spread over the features.",
                ),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_lines",
            _ALLOCATED_AGAINST_LINES,
            (
                is_between(
                    "difference_micro_usd",
                    -CENT_MICRO_USD,
                    CENT_MICRO_USD,
                    why="An account's charges for a month's usage are those of the bill's lines, within a cent of rounding.",
                ),
            ),
        ),
    ]


def configure_feature_costs() -> list[Check]:
    """Cost per feature and day."""
    mart = "fct_daily_feature_costs"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                has_rows(why="The mart that everybody reads."),
                is_unique_by_grain(mart),
                *is_filled("usage_date", "feature_id", "cost_status", "request_count", why="The grain, and calls."),
                is_one_of("cost_status", *COST_STATUSES, why="Known states of a cost."),
                is_between("request_count", 0, None, why="A count."),
            ),
        ),
        Check(
            mart,
            f"{mart}__days",
            _FEATURE_DAYS,
            (is_between("row_count", 1, None, why="A day with calls has costs.", kind=Kind.VOLUME),),
        ),
        Check(
            mart,
            f"{mart}__against_allocated",
            _FEATURES_AGAINST_ALLOCATED,
            (
                is_zero("difference_micro_usd", why="The same usage cost, by feature."),
                is_zero("difference_request_count", why="The same calls, by feature."),
            ),
        ),
    ]


def configure_price_differences() -> list[Check]:
    """What the bill charges beside what the price table says; a build is right with or without differences."""
    mart = "fct_daily_price_differences"
    return [
        Check(
            mart,
            mart,
            rows_of(mart),
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                is_one_of("reason", "other_price", "no_price", why="Why a cell is listed."),
                is_between("billed_quantity", 1, None, why="A rate needs a quantity."),
            ),
        ),
        Check(
            mart,
            f"{mart}__against_cells",
            _PRICE_DIFFERENCES_AGAINST_CELLS,
            (is_zero("difference_micro_usd", why="What was billed at another price is what its cell was billed."),),
        ),
    ]


def configure_reconciliations() -> list[Check]:
    """Each cell of the bill ties exactly."""
    mart = "fct_daily_reconciliations"
    return [
        Check(
            mart,
            mart,
            _RECONCILED,
            (
                has_read_columns(mart),
                is_unique_by_grain(mart),
                *is_filled("usage_date", "cell_grain", "is_settled", why="The cell, and whether the bill has settled."),
                is_zero(
                    "untied_micro_usd",
                    why="Allocated plus unattributed is what was billed, in each cell.",
                    kind=Kind.SUMS,
                ),
                is_between("coverage_pct", 0, 100, why="Traced of billed, at most all of it."),
                is_one_of("coverage_basis", "tokens", "search_units", "cost", why="What coverage was measured in."),
            ),
        ),
        Check(
            mart,
            f"{mart}__estimate_errors",
            _ESTIMATE_ERRORS,
            (
                is_empty(
                    "estimate_over_bill",
                    why="Estimates far above the bill: a price that the overlay does not know, or calls counted twice.",
                    severity=Severity.WARN,
                    kind=Kind.DISTRIBUTION,
                ),
            ),
        ),
    ]
