{#-
    How a metric stands by the bounds of seed metric_thresholds, one rule for days and weeks. The columns of seed and metric have these
    names in the relation. A value equal to a bound is `watch`; quotients are compared to 12 places, where 0.011 ÷ 0.01 is 1.1.
-#}
{% macro metric_status() -%}
    case
        when healthy_bound is null then 'no_threshold'
        when value is null or sample_count < smallest_sample_count then 'insufficient'
        when
            unknown_ratio > largest_unknown_ratio
            -- What is unknown could only make it worse.
            and not (
                is_least_value
                and {{ better_sign() }} * round(value, 12) < {{ better_sign() }} * warning_bound
            )
            then 'insufficient'
        when
            {{ better_sign() }} * round(value, 12) > {{ better_sign() }} * healthy_bound
            and (healthy_lower_bound is null or round(value, 12) > healthy_lower_bound)
            then 'healthy'
        when {{ better_sign() }} * round(value, 12) < {{ better_sign() }} * warning_bound then 'warning'
        else 'watch'
    end
{%- endmacro %}

{#- 1 where high values are good and -1 where low ones are: multiplied by it, higher is better on both kinds of metric. -#}
{% macro better_sign() -%}
    case when healthy_bound < warning_bound then -1 else 1 end
{%- endmacro %}

{#- Whether a row of the seed, as `thresholds`, is for a row of metrics. -#}
{% macro is_threshold_of(metrics) -%}
    {{ metrics }}.metric_name = thresholds.metric_name
            and {{ metrics }}.dimension = thresholds.dimension
            and thresholds.scope in ('any', case when {{ metrics }}.feature_id = 'total' then 'total' else 'feature' end)
{%- endmacro %}
