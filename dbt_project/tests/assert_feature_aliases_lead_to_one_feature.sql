{#
    On every day an alias stands for one feature, and that feature for itself: else calls and lines would count twice, or under a name that
    is itself another's. Names that the marts use for something else (own_feature_id) are neither.
#}
with

feature_aliases as (
    select
        alias,
        feature_id,
        row_number() over (order by alias, valid_from, valid_to, feature_id) as alias_number,
        coalesce(valid_from, cast('0001-01-01' as date)) as valid_from,
        coalesce(valid_to, cast('9999-12-31' as date)) as valid_to
    from {{ ref('feature_aliases') }}
),

wrong_aliases as (
    select
        alias,
        'holds on no day' as what
    from feature_aliases
    where valid_from >= valid_to
    union all
    select
        alias,
        'is or stands for a reserved name' as what
    from feature_aliases
    where {{ own_feature_id('alias') }} is null or {{ own_feature_id('feature_id') }} is null
    union all
    select
        feature_aliases.alias,
        'has two rows for one day' as what
    from feature_aliases
    inner join feature_aliases as others
        on
            feature_aliases.alias = others.alias
            and feature_aliases.alias_number < others.alias_number
            and feature_aliases.valid_from < others.valid_to
            and feature_aliases.valid_to > others.valid_from
    union all
    select
        feature_aliases.alias,
        'stands for another alias' as what
    from feature_aliases
    inner join feature_aliases as others
        on
            feature_aliases.feature_id = others.alias
            and feature_aliases.valid_from < others.valid_to
            and feature_aliases.valid_to > others.valid_from
)

select * from wrong_aliases
