"""What is watched of the marts of calls, costs and landings: which day a row is of, what it names, and what may not drift.

A kind that makes no sense for a mart has its reason here, so that the matrix in `docs/quality.md` has no silent hole.
"""

from __future__ import annotations

from ai_finops.quality.clauses import Clause, Note
from ai_finops.quality.distribution import outliers, shifted_call_costs
from ai_finops.quality.found import NOTE_PREFIX
from ai_finops.quality.freshness import LANDED, gone_sources, late_sources
from ai_finops.quality.gx import Severity
from ai_finops.quality.kinds import Kind
from ai_finops.quality.quarantine import quarantined_share_off
from ai_finops.quality.references import FEATURES, FIRST_OPEN_DAY, OPEN_DAYS, Reference
from ai_finops.quality.silence import silent_sources
from ai_finops.quality.token_prices import far_below_price, token_price_off, wrong_units
from ai_finops.quality.trailing import off_the_median, renamed
from ai_finops.quality.watch import Watched, distribution, drift

CALLS = ("fct_llm_calls", "usage_date")
COSTS = ("fct_daily_feature_costs", "usage_date")
LATEST_BILL_DAY_COUNT = 3
"""Days that a bill may be late: without calls a day has no cost before it is billed."""
ALLOCATED = ("fct_daily_allocated_costs", "usage_date")
FEATURE_HAS_COSTS = Reference("feature_id", FEATURES, "A feature of it has costs.")

BY_DAY_TIED = "its costs tie to fct_daily_allocated_costs, where this is watched"
BY_MONTH = "a sum over a month, watched by day where it comes from"
WHEN_OFF = "rows only where something is off: none is as good as many"
NO_SUM = "spans and attributes that no other mart lists"
NO_COST = "it holds no money"
_TIED = {Kind.DRIFT: BY_DAY_TIED, Kind.DISTRIBUTION: BY_DAY_TIED}
_OF_MONTHS = {Kind.VOLUME: BY_MONTH, **_TIED}
_USAGE = "charge_category = 'usage'"
_CALL_RECORDS = """
select 'records of calls were landed'
where exists (
    from (
        select operation_name, started_at from raw.traces_spans
        union all
        select operation_name, started_at from raw.xray_spans_spans
        union all
        select 'chat', invoked_at from raw.bedrock_logs_invocations
    )
    where
        operation_name in ('chat', 'text_completion', 'generate_content', 'embeddings', 'rerank')
        and cast(started_at as date) < $as_of_date
)
union all
select format('{} of {} were loaded', records, source)
from (
    select source, cast(sum(loaded_count) as bigint) as records
    from marts.fct_daily_extract_outcomes where landing_date < $as_of_date group by source
) as loaded
where
    records > 0
    and case source
        when 'traces' then not exists (from raw.traces_spans)
        when 'xray_spans' then not exists (from raw.xray_spans_spans)
        when 'bedrock_logs' then not exists (from raw.bedrock_logs_invocations)
        else false
    end
"""
"""Why there have to be calls: their records lie in the lake, or were loaded into it and are gone."""


def _count_off(mart: str, *, day: str, count: str, what: str) -> str:
    return off_the_median(f"marts.{mart}", day=day, name=what, value=f"sum({count})", smallest=100, low=0)


WATCHED_COSTS: dict[str, Watched] = {
    "fct_llm_calls": Watched(
        "usage_date",
        late_day_count=0,
        made_of=_CALL_RECORDS,
        clauses=(
            drift(
                "input_tokens_off",
                off_the_median(
                    "marts.fct_llm_calls",
                    day="usage_date",
                    name="input tokens a call",
                    value="sum(input_tokens) / count(*)",
                    by="model_id",
                    where="input_tokens is not null",
                    smallest=100,
                ),
                "Tokens that a call of a model takes.",
            ),
            drift(
                "output_share_off",
                off_the_median(
                    "marts.fct_llm_calls",
                    day="usage_date",
                    name="output tokens an input token",
                    value="sum(output_tokens) / nullif(cast(sum(input_tokens) as double), 0)",
                    by="model_id",
                    where="is_generating",
                    smallest=0.05,
                ),
                "Output against input: the two swapped, or a prompt that has changed.",
            ),
            drift(
                "feature_renamed",
                renamed("marts.fct_llm_calls", day="usage_date", name_column="feature_id", name="feature"),
                "A feature that is renamed loses its history; seed feature_aliases keeps it.",
            ),
            drift(
                "model_renamed",
                renamed("marts.fct_llm_calls", day="usage_date", name_column="model_id", name="model"),
                "Calls moved to another model, or to another spelling of one, which belongs in seed model_aliases.",
            ),
            distribution(
                "dearest_call_off",
                outliers("marts.fct_llm_calls", day="usage_date", cost="estimated_cost_usd", smallest_cost_usd=1),
                "The dearest call of a day against the dearest of the days before.",
            ),
            distribution(
                "call_costs_shifted",
                shifted_call_costs(),
                "What the calls of a feature cost, as a population stability index.",
            ),
        ),
        references=(
            Reference("feature_id", FEATURES, "A feature that calls has costs.", where=OPEN_DAYS),
            Reference(
                "model_id",
                "select model_id from raw.prices",
                "A model whose calls have a cost is in the price table.",
                where="estimated_cost_usd is not null",
            ),
        ),
    ),
    "fct_daily_allocated_costs": Watched(
        "usage_date",
        follows=CALLS,
        is_whole=True,
        clauses=(
            drift(
                "cost_off",
                off_the_median(
                    "marts.fct_daily_allocated_costs",
                    day="usage_date",
                    name="USD",
                    value="sum(allocated_cost_usd)",
                    where=_USAGE,
                    smallest=10,
                ),
                "What a day cost.",
            ),
            drift(
                "unattributed_off",
                off_the_median(
                    "marts.fct_daily_allocated_costs",
                    day="usage_date",
                    name="of the cost unattributed",
                    value="coalesce(sum(allocated_cost_usd) filter (attribution = 'unattributed'), 0) "
                    "/ nullif(cast(sum(allocated_cost_usd) as double), 0)",
                    where=_USAGE,
                    smallest=0.3,
                    low=0,
                    high=2,
                ),
                "Lost traces show as cost that nobody owns.",
            ),
            drift(
                "token_price_off",
                token_price_off(),
                "A token of a model is not 50 times as dear from one day to the next: cents, or another currency.",
                severity=Severity.FAIL,
            ),
            distribution(
                "dearest_row_off",
                outliers(
                    "marts.fct_daily_allocated_costs",
                    day="usage_date",
                    cost="allocated_cost_usd",
                    by="model_id",
                    where=_USAGE,
                    smallest_cost_usd=10,
                ),
                "The dearest row of a model against its dearest of the days before.",
            ),
        ),
        references=(Reference("feature_id", FEATURES, "A feature that pays for usage has a row there.", where=_USAGE),),
    ),
    "fct_daily_feature_costs": Watched(
        "usage_date",
        late_day_count=LATEST_BILL_DAY_COUNT,
        follows=ALLOCATED,
        may_lag=True,
        clauses=(
            drift(
                "request_cost_off",
                off_the_median(
                    "(select * from marts.fct_daily_feature_costs where request_count >= 20)",
                    day="usage_date",
                    name="USD a request",
                    value="sum(allocated_cost_usd) / cast(sum(request_count) as double)",
                    by="feature_id",
                    smallest=0.001,
                ),
                "What a request of a feature costs.",
            ),
            distribution(
                "feature_cost_off",
                outliers(
                    "marts.fct_daily_feature_costs",
                    day="usage_date",
                    cost="allocated_cost_usd",
                    by="feature_id",
                    smallest_cost_usd=10,
                ),
                "What a feature cost in a day against its dearest of the days before.",
            ),
        ),
        references=(
            Reference(
                "feature_id",
                "select feature_id from marts.fct_daily_allocated_costs",
                "A feature with costs is one that costs were allocated to.",
            ),
        ),
    ),
    "fct_daily_reconciliations": Watched(
        "usage_date",
        clauses=(
            drift(
                "attributed_share_off",
                off_the_median(
                    "(select * from marts.fct_daily_reconciliations where is_settled)",
                    day="usage_date",
                    name="of the bill untraced",
                    value="sum(unattributed_cost_usd) / nullif(cast(sum(billed_cost_usd) as double), 0)",
                    where=_USAGE,
                    smallest=0.3,
                    low=0,
                    high=2,
                ),
                "How much of a settled day no trace tells of.",
            ),
            distribution(
                "dearest_cell_off",
                outliers(
                    "marts.fct_daily_reconciliations",
                    day="usage_date",
                    cost="billed_cost_usd",
                    by="model_id || ' ' || token_class",
                    where=_USAGE,
                    smallest_cost_usd=10,
                ),
                "A cell of the bill against the dearest like it of the days before.",
            ),
        ),
        references=(
            Reference(
                "billing_account_id",
                "select billing_account_id from marts.fct_daily_allocated_costs",
                "An account that is billed is one that pays.",
                where="billed_cost_usd <> 0",
            ),
        ),
    ),
    "fct_monthly_feature_costs": Watched(
        "usage_month",
        "month",
        follows=ALLOCATED,
        is_whole=True,
        references=(
            Reference(
                "feature_id",
                "select feature_id from marts.fct_daily_allocated_costs",
                "A feature with costs is one that costs were allocated to.",
            ),
        ),
        reasons={Kind.DRIFT: BY_DAY_TIED, Kind.DISTRIBUTION: BY_DAY_TIED},
    ),
    "fct_monthly_cost_restatements": Watched(
        "usage_month",
        "month",
        references=(
            Reference(
                "provider_name || ' ' || billing_account_id || ' ' || usage_month",
                "select provider_name || ' ' || billing_account_id || ' ' || usage_month from raw.closed_periods",
                "Only what was closed can be restated.",
            ),
        ),
        reasons={
            Kind.VOLUME: WHEN_OFF,
            Kind.DRIFT: WHEN_OFF,
            Kind.DISTRIBUTION: WHEN_OFF,
            Kind.VALUES: "differences of two sums, of either sign; its columns are the contract's",
        },
    ),
    "rpt_daily_api_costs": Watched(
        "usage_date",
        follows=ALLOCATED,
        is_whole=True,
        references=(
            Reference("model_id", "select model_id from marts.fct_daily_allocated_costs", "A model of it has costs."),
        ),
        reasons=_TIED,
    ),
    "fct_daily_price_differences": Watched(
        "usage_date",
        has_volume=False,
        clauses=(
            distribution(
                "wrong_unit",
                wrong_units(),
                "No premium is as large as 50 times: cents, another currency, or a price per token for one per million.",
                severity=Severity.FAIL,
            ),
            distribution(
                "far_below_price",
                far_below_price(),
                "Less than a fiftieth of the price: a free tier or a credit, or a unit that was misread.",
            ),
        ),
        references=(
            Reference(
                "model_id", "select model_id from marts.fct_daily_reconciliations", "A cell of it is one of the bill."
            ),
        ),
        reasons={
            Kind.VOLUME: WHEN_OFF,
            Kind.DRIFT: "a price changes in steps, and each row says from what to what",
        },
    ),
    "rpt_daily_service_costs": Watched(
        "usage_date",
        follows=COSTS,
        is_whole=True,
        references=(
            Reference(
                "service_name", "select service_name from marts.fct_daily_allocated_costs", "A service of it has costs."
            ),
        ),
        reasons=_TIED,
    ),
    "rpt_daily_pipeline_costs": Watched(
        "usage_date",
        follows=COSTS,
        is_whole=True,
        references=(
            FEATURE_HAS_COSTS,
            Reference(
                "pipeline_id", "select pipeline_id from marts.fct_daily_allocated_costs", "A pipeline of it has costs."
            ),
        ),
        reasons=_TIED,
    ),
    "rpt_feature_value": Watched(
        "usage_month",
        "month",
        follows=COSTS,
        is_whole=True,
        references=(FEATURE_HAS_COSTS,),
        reasons=_TIED,
    ),
    "rpt_journey_costs": Watched(
        "start_month",
        "month",
        references=(
            Reference(
                "entry_feature_id",
                "select feature_id from marts.fct_llm_calls",
                "A journey begins with a call of a feature.",
            ),
        ),
        reasons={
            Kind.VOLUME: "journeys count in the month in which they began; that each call is in one is a sum",
            Kind.DRIFT: BY_MONTH,
            Kind.DISTRIBUTION: BY_MONTH,
        },
    ),
    "rpt_instrumentation_coverage": Watched(
        "usage_month",
        "month",
        references=(
            Reference(
                "service_name", "select service_name from marts.fct_daily_allocated_costs", "A service of it has costs."
            ),
        ),
        reasons=_OF_MONTHS,
    ),
    "rpt_focus_costs": Watched(
        "ChargePeriodStart",
        references=(
            Reference(
                "x_FeatureId",
                "select feature_id from marts.fct_daily_allocated_costs union all select 'not_allocated'",
                "A feature of a charge is one that costs were allocated to.",
                where=f"ChargePeriodStart >= {FIRST_OPEN_DAY}",
            ),
        ),
        reasons=_TIED,
    ),
    "fct_daily_unpriced_usage": Watched(
        "usage_date",
        has_volume=False,
        clauses=(
            drift(
                "call_count_off",
                _count_off("fct_daily_unpriced_usage", day="usage_date", count="call_count", what="calls unpriced"),
                "Calls without a price: a model that the price table does not know.",
            ),
        ),
        references=(
            Reference(
                "request_model",
                "select request_model from marts.fct_llm_calls where cost_reason is not null",
                "A model of it was called.",
            ),
        ),
        reasons={Kind.VOLUME: WHEN_OFF, Kind.DISTRIBUTION: NO_COST},
    ),
    "fct_daily_instrumentation_gaps": Watched(
        "usage_date",
        has_volume=False,
        clauses=(
            drift(
                "call_count_off",
                _count_off(
                    "fct_daily_instrumentation_gaps", day="usage_date", count="call_count", what="calls without usage"
                ),
                "Calls whose usage nobody said: a library that was changed.",
            ),
        ),
        reasons={
            Kind.VOLUME: WHEN_OFF,
            Kind.REFERENCES: "it names libraries and models as spans spell them, also of spans that are no call",
            Kind.SUMS: NO_SUM,
            Kind.DISTRIBUTION: NO_COST,
        },
    ),
    "fct_daily_routing_decisions": Watched(
        "usage_date",
        clauses=(
            drift(
                "decision_count_off",
                off_the_median(
                    "marts.fct_daily_routing_decisions",
                    day="usage_date",
                    name="decisions",
                    value="sum(decision_count)",
                    by="policy_id",
                    smallest=100,
                ),
                "Decisions of a policy.",
            ),
        ),
        reasons={
            Kind.REFERENCES: "a decision stands also where its call failed or was not traced",
            Kind.DISTRIBUTION: "its costs are those of calls, which are watched",
        },
    ),
    "fct_daily_unmapped_attributes": Watched(
        "landing_date",
        has_volume=False,
        clauses=(
            drift(
                "span_count_off",
                _count_off(
                    "fct_daily_unmapped_attributes",
                    day="landing_date",
                    count="span_count",
                    what="spans with names unknown",
                ),
                "Names that nobody mapped: a library that was changed.",
            ),
        ),
        reasons={
            Kind.VOLUME: WHEN_OFF,
            Kind.REFERENCES: "names as spans spell them; that they are mapped nowhere is the point",
            Kind.SUMS: NO_SUM,
            Kind.DISTRIBUTION: NO_COST,
        },
    ),
    "fct_daily_extract_outcomes": Watched(
        "landing_date",
        clauses=(
            drift(
                "quarantined_share_off",
                quarantined_share_off(),
                "Records that could not be read: what a source writes has changed.",
            ),
            drift(
                "loaded_count_off",
                off_the_median(
                    "(select * from marts.fct_daily_extract_outcomes where status = 'loaded')",
                    day="landing_date",
                    name="records",
                    value="sum(loaded_count)",
                    by="source",
                    smallest=100,
                ),
                "Records that a source delivered.",
            ),
        ),
        dated=LANDED,
        news=(
            Clause(
                "late",
                Kind.FRESHNESS,
                late_sources(),
                "What stays away is told before its silence is taken for peace.",
                Severity.WARN,
            ),
            Clause(
                "silent",
                Kind.VOLUME,
                silent_sources(),
                "A source that always delivered on such days and now answers with nothing has broken unseen.",
                Severity.WARN,
            ),
        ),
        notes=(
            Note(f"{NOTE_PREFIX}switched_off", gone_sources()),
            Note(f"{NOTE_PREFIX}silent_for_long", silent_sources(is_news=False)),
        ),
        references=(
            Reference(
                "source || ' ' || landing_date",
                "select source || ' ' || landing_date from marts.fct_daily_extract_outcomes",
                "A landing of the lake is accounted for.",
                where="landing_date < $as_of_date",
                source="raw.extract_outcomes",
            ),
        ),
        reasons={Kind.DISTRIBUTION: NO_COST},
    ),
    "fct_daily_run_summaries": Watched(
        "run_date",
        follows=("fct_daily_extract_outcomes", "landing_date"),
        is_whole=True,
        has_volume=False,
        clauses=(
            drift(
                "api_cost_off",
                off_the_median(
                    "(select * from marts.fct_daily_run_summaries where api_cost_usd > 0)",
                    day="run_date",
                    name="micro-dollars of API calls",
                    value="cast(sum(api_cost_usd) * 1000000 as bigint)",
                    by="station_name",
                    smallest=100_000,
                ),
                "Dollars of API calls of a station.",
            ),
        ),
        reasons={Kind.DISTRIBUTION: "cents a day, by station; what is off is seen as drift"},
    ),
}
