{#
    Grain: one row per candidate_id, with the group of candidates that tell of one call.

    Groups by id, joined by the links: whoever is linked to a member is a member. Where that would put two response ids into one
    call, the links are not believed and the groups by id stay.
#}
with recursive

identified as (
    select
        candidate_id,
        id_group_id,
        case when count(*) over (partition by id_group_id) > 1 then identified_by end as identified_by
    from {{ ref('int_llm_call_candidates_identified') }}
),

linked as (
    select * from {{ ref('int_llm_call_candidates_linked') }}
),

response_ids as (
    select
        candidate_id,
        response_id
    from {{ ref('int_llm_call_candidates_unioned') }}
),

edges as (
    select
        from_identified.id_group_id as from_group_id,
        to_identified.id_group_id as to_group_id
    from linked
    inner join identified as from_identified on linked.candidate_id = from_identified.candidate_id
    inner join identified as to_identified on linked.linked_candidate_id = to_identified.candidate_id
),

edges_both_ways as (
    select
        from_group_id,
        to_group_id
    from edges
    union
    select
        to_group_id as from_group_id,
        from_group_id as to_group_id
    from edges
),

reached as (
    {{ groups_reached('reached', 'edges_both_ways') }}
),

joined_groups as (
    select
        group_id,
        min(reached_group_id) as call_group_id
    from reached
    group by group_id
),

believed_groups as (
    select joined_groups.call_group_id
    from joined_groups
    inner join identified on joined_groups.group_id = identified.id_group_id
    inner join response_ids on identified.candidate_id = response_ids.candidate_id
    group by joined_groups.call_group_id
    having count(distinct response_ids.response_id) <= 1
),

links_summed_to_candidate as (
    -- A candidate may be linked as a sibling and as a parent.
    select
        candidate_id,
        min(linked_by) as linked_by,
        bool_or(is_frame) as is_frame
    from linked
    group by candidate_id
),

candidates_grouped as (
    select
        identified.candidate_id,
        coalesce(believed_groups.call_group_id, identified.id_group_id) as call_group_id,
        case
            when believed_groups.call_group_id is null then identified.identified_by
            else coalesce(links_summed_to_candidate.linked_by, identified.identified_by)
        end as matched_by,
        coalesce(believed_groups.call_group_id is not null and links_summed_to_candidate.is_frame, false) as is_frame
    from identified
    left join joined_groups on identified.id_group_id = joined_groups.group_id
    left join believed_groups on joined_groups.call_group_id = believed_groups.call_group_id
    left join links_summed_to_candidate on identified.candidate_id = links_summed_to_candidate.candidate_id
)

select * from candidates_grouped
