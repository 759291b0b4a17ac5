"""What is watched of the marts of metrics, projections, anomalies, savings and decisions; reasons as in `watched_costs.py`."""

from __future__ import annotations

from ai_finops.quality.distribution import beyond_the_dearest_day
from ai_finops.quality.gx import Severity
from ai_finops.quality.kinds import Kind
from ai_finops.quality.references import (
    DECIDING_FEATURES_AND_TOTAL,
    FEATURES,
    FEATURES_AND_TOTAL,
    FEATURES_PLANS_AND_TOTAL,
    Reference,
)
from ai_finops.quality.silence import MOST_WARNED_DAYS
from ai_finops.quality.trailing import off_the_median, off_the_previous
from ai_finops.quality.watch import Watched, distribution, drift
from ai_finops.quality.watched_costs import CALLS, COSTS, FEATURE_HAS_COSTS, NO_COST

_FEATURE_OR_TOTAL = Reference("feature_id", FEATURES_AND_TOTAL, "A feature of it has costs, or it is the total.")
_MEASURED = Reference(
    "feature_id", DECIDING_FEATURES_AND_TOTAL, "A feature of it has costs or routing decisions, or it is the total."
)
_NEWS = f">= $as_of_date - {MOST_WARNED_DAYS}"
"""Of days or weeks on which a name that is not there is a warning still: nothing else may ever put it right."""
_AFTER_THE_FIRST_ADVICE = "decision_date >= (select min(as_of_date) from marts.fct_savings_opportunities)"
_NEWEST = "as_of_date = $as_of_date"
_ISSUED = "rows of a date follow the features and methods in use, and are made anew by each build"
_SEEDED = "rows that people keep in a seed"
_IS_DRIFT = "it is itself what is said about costs that drift"
_WEEKS = "weeks of a daily mart, which is watched by day"
_WHEN_FOUND = "rows only where something was found: none is as good as many"
_PARTS = "parts of a change, large where the change is; they tie to it"
_SCORED = "errors of the past, which stand in each projection beside its figure"
_ALL_OR_NONE = {Kind.VOLUME: _SEEDED, Kind.DRIFT: _SEEDED, Kind.DISTRIBUTION: NO_COST}

WATCHED_REVIEWS: dict[str, Watched] = {
    "fct_daily_metrics": Watched(
        "usage_date",
        follows=CALLS,
        may_lag=True,
        made_of="select 'calls generate' where exists (from marts.fct_llm_calls where is_generating)",
        clauses=(
            drift(
                "known_count_off",
                off_the_median(
                    "(select * from marts.fct_daily_metrics where considered_count >= 20)",
                    day="usage_date",
                    name="of the values known",
                    value="count(value) / cast(count(*) as double)",
                    by="metric_name",
                    smallest=0,
                    high=1e9,
                ),
                "A metric that had values and has none: what it is made of is no longer recorded.",
            ),
        ),
        references=(_MEASURED,),
        reasons={
            Kind.SUMS: "its numerators are made of spans by dbt, which holds them in unit tests; its weeks tie to it",
            Kind.DISTRIBUTION: "ratios, judged by thresholds of their own in seed metric_thresholds",
        },
    ),
    "fct_daily_cache_opportunities": Watched(
        "usage_date",
        clauses=(
            drift(
                "query_count_off",
                off_the_median(
                    "marts.fct_daily_cache_opportunities",
                    day="usage_date",
                    name="queries",
                    value="max(query_count)",
                    by="feature_id || ' ' || embedder_id",
                    smallest=100,
                ),
                "Queries that could be compared.",
            ),
        ),
        references=(
            Reference(
                "feature_id",
                FEATURES_AND_TOTAL,
                "A feature with queries has costs.",
                where=f"usage_date {_NEWS}",
                severity=Severity.WARN,
            ),
        ),
        reasons={
            Kind.SUMS: "held against the curve of the analysis in dbt (assert_cache_savings_meet_the_curve)",
            Kind.DISTRIBUTION: "its money is a part of the feature's cost, which is watched",
        },
    ),
    "fct_weekly_metrics": Watched(
        "week_start_date",
        "week",
        references=(_MEASURED,),
        follows=("fct_daily_metrics", "usage_date"),
        made_of="select 'days have metrics' where exists (from marts.fct_daily_metrics)",
        reasons={Kind.DRIFT: _WEEKS, Kind.DISTRIBUTION: "ratios, judged by thresholds of their own"},
    ),
    "rpt_weekly_rerankers": Watched(
        "week_start_date",
        "week",
        references=(_FEATURE_OR_TOTAL,),
        reasons={
            Kind.VOLUME: "rows only where rerankers run",
            Kind.DRIFT: "its change of rank is metric reranker_change_ratio, which is watched",
            Kind.DISTRIBUTION: "its money is that of rerank calls, which are watched",
        },
    ),
    "rpt_unused_context": Watched(
        "usage_date",
        clauses=(
            drift(
                "call_count_off",
                off_the_median(
                    "marts.rpt_unused_context",
                    day="usage_date",
                    name="calls with documents",
                    value="sum(call_count)",
                    by="feature_id || ' ' || evidence",
                    smallest=100,
                ),
                "Calls whose documents were recorded.",
            ),
        ),
        references=(
            Reference(
                "feature_id",
                FEATURES_AND_TOTAL,
                "A feature with documents has costs.",
                where=f"usage_date {_NEWS}",
                severity=Severity.WARN,
            ),
        ),
        reasons={Kind.DISTRIBUTION: "its money is that of calls, which are watched"},
    ),
    "fct_cost_projections": Watched(
        "as_of_date",
        is_issued=True,
        clauses=(
            drift(
                "month_end_off",
                off_the_previous(
                    "marts.fct_cost_projections",
                    day="as_of_date",
                    value="sum(projected_cost_usd)",
                    where="feature_id = 'total' and scenario = 'as_is' and target_period = 'month' and month_number = 1 "
                    "and projected_cost_usd is not null",
                    smallest=10,
                    low=0.5,
                    high=2,
                ),
                "What next month will cost, against what was said before.",
            ),
            distribution(
                "projected_day_off",
                beyond_the_dearest_day(),
                "A projected day against the feature's dearest day.",
            ),
        ),
        references=(
            Reference(
                "feature_id",
                FEATURES_PLANS_AND_TOTAL,
                "What is projected has costs, or is planned.",
                where=_NEWEST,
            ),
        ),
    ),
    "rpt_planned_features": Watched(
        "as_of_date",
        is_issued=True,
        reasons={
            **_ALL_OR_NONE,
            Kind.FRESHNESS: "no plan, no row",
            Kind.REFERENCES: "a plan may name what does not exist yet; its plan_status says so",
            Kind.SUMS: "what plans add is in a scenario of fct_cost_projections, which is held to lie above what runs today",
            Kind.DISTRIBUTION: "it is the product of a plan's factors",
        },
    ),
    "rpt_budgets": Watched(
        "as_of_date",
        is_issued=True,
        reasons={
            **_ALL_OR_NONE,
            Kind.FRESHNESS: "no budget, no row",
            Kind.REFERENCES: "that budgets are of known features is a test of the seed in dbt",
            Kind.DISTRIBUTION: "budgets are what people agreed on",
        },
    ),
    "fct_projection_backtests": Watched(
        "origin_date",
        "week",
        references=(
            Reference(
                "feature_id",
                FEATURES_AND_TOTAL,
                "What was projected has costs.",
                where=f"origin_date {_NEWS}",
                severity=Severity.WARN,
            ),
        ),
        reasons={
            Kind.VOLUME: _ISSUED,
            Kind.DRIFT: _SCORED,
            Kind.SUMS: "its actual costs are of days whose cost is known; fct_projection_errors ties to its rows",
            Kind.DISTRIBUTION: _SCORED,
        },
    ),
    "fct_projection_errors": Watched(
        "as_of_date",
        is_issued=True,
        references=(Reference("feature_id", FEATURES_AND_TOTAL, "What is projected has costs.", where=_NEWEST),),
        reasons={
            Kind.FRESHNESS: "dates of issue are Mondays and the build's",
            Kind.DRIFT: _SCORED,
            Kind.DISTRIBUTION: _SCORED,
        },
    ),
    "fct_cost_drivers": Watched(
        "week_start_date",
        "week",
        references=(FEATURE_HAS_COSTS,),
        reasons={Kind.VOLUME: _PARTS, Kind.DRIFT: _IS_DRIFT, Kind.DISTRIBUTION: _PARTS},
    ),
    "fct_daily_cost_baselines": Watched(
        "usage_date",
        follows=COSTS,
        may_lag=True,
        references=(_FEATURE_OR_TOTAL,),
        reasons={Kind.DRIFT: _IS_DRIFT, Kind.DISTRIBUTION: _IS_DRIFT},
    ),
    "fct_cost_anomalies": Watched(
        "usage_date",
        has_volume=False,
        references=(_FEATURE_OR_TOTAL,),
        reasons={
            Kind.VOLUME: _WHEN_FOUND,
            Kind.DRIFT: _IS_DRIFT,
            Kind.DISTRIBUTION: _IS_DRIFT,
            Kind.SUMS: "its drivers tie to it",
        },
    ),
    "fct_cost_anomaly_drivers": Watched(
        "usage_date",
        has_volume=False,
        references=(
            Reference(
                "usage_date || ' ' || feature_id",
                "select usage_date || ' ' || feature_id from marts.fct_cost_anomalies",
                "A driver is one of an anomaly.",
            ),
        ),
        reasons={Kind.VOLUME: _WHEN_FOUND, Kind.DRIFT: _PARTS, Kind.DISTRIBUTION: _PARTS},
    ),
    "fct_savings_opportunities": Watched(
        "as_of_date",
        is_issued=True,
        clauses=(
            drift(
                "open_saving_off",
                off_the_previous(
                    "marts.fct_savings_opportunities",
                    day="as_of_date",
                    value="coalesce(sum(saving_usd_per_month) filter (status = 'open'), 0)",
                    smallest=100,
                    low=0.2,
                    high=5,
                ),
                "What could be saved, against what was said before.",
            ),
        ),
        references=(
            Reference("feature_id", FEATURES_AND_TOTAL, "What can be saved is spent.", where=_NEWEST),
            Reference(
                "target_model_id",
                "select model_id from raw.prices",
                "What it would cost has a price; a target without one is rejected, and its cost is not known.",
                where=f"{_NEWEST} and target_cost_usd_per_month is not null",
            ),
        ),
        reasons={
            Kind.VOLUME: _WHEN_FOUND,
            Kind.FRESHNESS: _WHEN_FOUND,
            Kind.SUMS: "dollars of a month, scaled up from the weeks before; no mart has such a month",
            Kind.DISTRIBUTION: "a saving lies in its range and below the cost that it is a part of",
        },
    ),
    "rpt_caching_vs_distillation": Watched(
        "as_of_date",
        is_issued=True,
        references=(_FEATURE_OR_TOTAL,),
        reasons={
            Kind.VOLUME: _ISSUED,
            Kind.FRESHNESS: "rows only of features with queries",
            Kind.DRIFT: "advice of the build; drift of queries is in it as a column",
            Kind.DISTRIBUTION: "savings of fct_savings_opportunities, compared",
        },
    ),
    "rpt_weekly_digest": Watched(
        "week_start_date",
        "week",
        follows=COSTS,
        is_whole=True,
        references=(
            Reference("top_feature_id", FEATURES, "The feature that it names has costs."),
            Reference(
                "recommended_opportunity_id",
                "select opportunity_id from marts.fct_savings_opportunities",
                "What it recommends is an opportunity.",
            ),
        ),
        reasons={Kind.DRIFT: "the change of the week is what it says", Kind.DISTRIBUTION: _WEEKS},
    ),
    "fct_decision_results": Watched(
        "week_start_date",
        "week",
        references=(
            Reference(
                "opportunity_id",
                "select opportunity_id from marts.fct_savings_opportunities",
                "A decision is on an opportunity that was found; one of before the first advice may be on any.",
                where=f"decision_date {_NEWS} and {_AFTER_THE_FIRST_ADVICE}",
                severity=Severity.WARN,
            ),
        ),
        reasons={
            Kind.VOLUME: _SEEDED,
            Kind.DRIFT: "what became of a decision by week is what it says",
            Kind.DISTRIBUTION: "costs of calls, which are watched",
        },
    ),
    "dim_days": Watched(
        "usage_date",
        follows=COSTS,
        has_volume=False,
        reasons={Kind.DRIFT: "one row a day", Kind.REFERENCES: "it names nothing", Kind.DISTRIBUTION: NO_COST},
    ),
    "rpt_sprints": Watched(
        reasons={
            **_ALL_OR_NONE,
            Kind.FRESHNESS: "a calendar",
            Kind.REFERENCES: "it names nothing",
            Kind.SUMS: "it counts rows of seed optimization_decisions, and no money",
        },
    ),
    "rpt_rollout_readiness": Watched(
        "as_of_date",
        is_issued=True,
        references=(
            Reference(
                "measure_name", "select measure_name from seeds.rollout_steps", "A measure of it is in the seed."
            ),
        ),
        reasons={
            Kind.DRIFT: _SEEDED,
            Kind.SUMS: "each value is a count or a share of its own, of the last weeks",
            Kind.DISTRIBUTION: NO_COST,
        },
    ),
}
