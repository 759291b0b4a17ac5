"""What levers read of documents, rerankers, answers and queries: from the marts of phase 1 and the queries measured after
it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_finops.errors import BuildError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_QUERIES = {
    "unused_context": """
        select context.*, named.low_agreement_ratio
        from marts.rpt_unused_context as context
        left join intermediate.int_use_validations_named as named
            on context.usage_date = named.usage_date and context.feature_id = named.feature_id
            and 'evidence=' || context.evidence = named.dimension and named.metric_name = 'unused_document_cost_ratio'
        order by context.usage_date, context.feature_id, context.evidence""",
    "rerankers": "select * from marts.rpt_weekly_rerankers order by week_start_date, feature_id",
    "excess_outputs": """
        select outputs.*, bounds.warning_bound, bounds.healthy_bound, bounds.smallest_sample_count
        from intermediate.int_excess_outputs_priced as outputs
        inner join seeds.metric_thresholds as bounds using (metric_name, dimension)
        where bounds.scope in ('any', 'feature')
        order by outputs.usage_date, outputs.feature_id, outputs.dimension""",
    "query_drifts": "select * from raw.analysis_query_drifts order by week_start_date, feature_id",
    # A query that repeats one of the day before is no further pair; of what was said in a fingerprint the text is not here.
    "training_queries": """
        select feature_id, usage_date, count(*) filter (where is_repeat is not true) as distinct_query_count,
            count(*) filter (where is_repeat is not true and evidence != 'said') as kept_query_count
        from raw.analysis_queries group by feature_id, usage_date order by usage_date, feature_id""",
    "answer_durations": """
        select feature_id, usage_date, count(*) as call_count, median(duration_ms) as median_duration_ms
        from marts.fct_llm_calls where is_generating and duration_ms is not null and not coalesce(is_error, false)
        group by feature_id, usage_date order by usage_date, feature_id""",
    "distillation_targets": "select * from seeds.distillation_targets order by feature_id",
    "lever_efforts": "select * from seeds.lever_efforts order by lever",
}


def read_evidence(warehouse: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    """Read it by name, rows in a fixed order, after queries have been measured by day and by week.

    Raises:
        BuildError: What phase 1 makes, or a seed, is not in the warehouse; names it.
    """
    import duckdb

    tables = {}
    for name, query in _QUERIES.items():
        try:
            tables[name] = warehouse.sql(query).to_arrow_table()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise BuildError(f"the levers need {name}, which phase 1 did not leave behind: {reason}") from error
    return tables
