{#
    Grain: one row per usage_date, feature_id and evidence (dimension); feature_id `total` is all features together.

    Share of the input cost of answering calls that went to documents which nothing used, over calls of which the money is known.
#}
with

calls as (
    select
        feature_id,
        evidence,
        input_cost_usd,
        unused_input_cost_usd,
        usage_date
    from {{ ref('int_unused_documents_priced') }}
),

calls_with_total as (
    select * from calls
    union all
    select
        'total' as feature_id,
        evidence,
        input_cost_usd,
        unused_input_cost_usd,
        usage_date
    from calls
),

unused_documents_measured as (
    select
        feature_id,
        'evidence=' || evidence as dimension,
        'unused_document_cost_ratio' as metric_name,
        cast(sum(unused_input_cost_usd) as double) as numerator,
        cast(sum(input_cost_usd) filter (where unused_input_cost_usd is not null) as double) as denominator,
        cast(count(unused_input_cost_usd) as bigint) as sample_count,
        cast(count(*) as bigint) as considered_count,
        {{ ratio('count(*) - count(unused_input_cost_usd)', 'count(*)') }} as unknown_ratio,
        usage_date
    from calls_with_total
    group by usage_date, feature_id, evidence
)

select * from unused_documents_measured
