"""The SQL of what is particular to one kind of span: documents of a retrieval or rerank, a tool, a comparison, a route.

Ids, scores and order are kept, texts never. Lists come flattened into keys with an index (OpenInference), as a structured
attribute, or as its JSON text.
"""

from __future__ import annotations

from ai_finops.extract.span_attributes import text

MAX_DOCUMENTS = 1000
"""Documents of one list that are kept."""
_IDS = ("id", "document_id", "index")
_SCORES = ("score", "relevance_score", "relevanceScore")


def document_lists_sql() -> str:
    """Return expressions, over spans with their attribute lists, for what the details are made of."""
    lists = {
        "documents": ("retrieval", "retrieval.documents.", "said_documents"),
        "input_documents": ("rerank", "reranker.input_documents.", "said_input_documents"),
        "output_documents": ("rerank", "reranker.output_documents.", "said_output_documents"),
    }
    return ",\n        ".join(
        f"case when operation_name = '{operation}' then {_either(prefix, said)} end as {name}"
        for name, (operation, prefix, said) in lists.items()
    )


def details_sql() -> str:
    """Return the JSON text of a span's details, or null when it has none.

    An answer's has only what it says (merged into nothing, what is null goes): no list is another thing than an empty one.
    """
    return f"""case
        when operation_name = 'rerank' and (len(input_documents) > 0 or len(output_documents) > 0
            or coalesce(said_document_count, said_top_k) is not null) then to_json({{
            'input_documents': coalesce(input_documents, []),
            'output_documents': coalesce(output_documents, []),
            'input_document_count': try_cast(said_document_count as bigint),
            'top_k': {_TOP_K}
        }})
        when operation_name = 'retrieval' then to_json({{
            'documents': coalesce(documents, []), 'top_k': {_TOP_K}, 'data_source_id': said_data_source
        }})
        when operation_name = 'execute_tool' then to_json({{
            'tool_name': said_tool_name, 'tool_call_id': said_tool_call_id
        }})
        when operation_name = 'invoke_agent' then to_json({{
            'agent_name': said_agent_name, 'agent_id': said_agent_id
        }})
        when operation_name = 'shadow' then to_json({{
            'task_type': task_type,
            'baseline_model': shadow_baseline_model,
            'candidate_model': shadow_candidate_model,
            'baseline_correct': try_cast(shadow_baseline_correct as boolean),
            'candidate_correct': try_cast(shadow_candidate_correct as boolean),
            'baseline_input_tokens': try_cast(shadow_baseline_input_tokens as bigint),
            'baseline_output_tokens': try_cast(shadow_baseline_output_tokens as bigint),
            'candidate_input_tokens': try_cast(shadow_candidate_input_tokens as bigint),
            'candidate_output_tokens': try_cast(shadow_candidate_output_tokens as bigint),
            'method': shadow_method,
            'score': try_cast(shadow_score as double)
        }})
        when operation_name = 'routing' then to_json({{
            'policy': routing_policy,
            'policy_version': routing_policy_version,
            'strategy': routing_strategy,
            'reason': routing_reason,
            'tier': routing_tier,
            'model': routing_model,
            'first_model': routing_first_model,
            'is_escalated': try_cast(routing_is_escalated as boolean),
            'is_fallback': try_cast(routing_is_fallback as boolean),
            'confidence': {_number("routing_confidence")},
            'attempt_count': {count_sql("routing_attempt_count")},
            'estimated_cost_usd': {amount_sql("routing_estimated_cost_usd")},
            'capable_cost_usd': {amount_sql("routing_capable_cost_usd")}
        }})
        when coalesce(said_cited_documents, said_document_uses) is not null then json_merge_patch('{{}}', to_json({{
            'cited_document_ids': list_transform({_items("said_cited_documents")}, lambda x: {_first(_IDS)}),
            'document_uses': list_transform({_items("said_document_uses")}, lambda x: {_USE}),
            'document_use_method': said_document_use_method
        }}))
    end::varchar"""


def count_sql(column: str) -> str:
    """Return the whole number that a text says; null where it says none, or one that no count is."""
    return f"case when try_cast({column} as bigint) >= 0 then try_cast({column} as bigint) end"


def amount_sql(column: str) -> str:
    """Return the number that a text says; null where it says none, a negative one, or one without an end."""
    return f"case when {_number(column)} >= 0 then {_number(column)} end"


def _number(column: str) -> str:
    return f"case when isfinite(try_cast({column} as double)) then try_cast({column} as double) end"


_TOP_K = "try_cast(said_top_k as bigint)"


def _either(prefix: str, said: str) -> str:
    """A list of {id, score}: flattened into keys with an index, else said in one attribute."""
    document = f"{{'id': {_first(_IDS)}, 'score': try_cast({_first(_SCORES)} as double)}}"
    structured = f"list_transform({_items(said)}, lambda x: {document})"
    return f"case when {said} is not null then {structured} else {_flattened(prefix)} end"


def _flattened(prefix: str) -> str:
    """Documents in the order of their index; one that is left out has neither id nor score."""
    place = prefix.count(".") + 1

    def part(name: str) -> str:
        return f"values[list_position(keys, {text(prefix)} || n || '.document.{name}')]"

    indexes = f"""list_transform(list_filter(keys, lambda k: starts_with(k, {text(prefix)})),
            lambda k: try_cast(split_part(k, '.', {place}) as bigint))"""
    return f"""list_transform(range(least(coalesce(list_max({indexes}), -1), {MAX_DOCUMENTS - 1}) + 1),
            lambda n: {{'id': {part("id")}, 'score': try_cast({part("score")} as double)}})"""


def _items(column: str) -> str:
    """The first items of a list as JSON: OTLP's own form of a list, or its JSON text."""
    otlp = f"""list_transform(json_extract({column}, '$.values[*]'), lambda v: case
                when starts_with(v->>'$.stringValue', '{{') then try(json(v->>'$.stringValue'))
                when v->>'$.stringValue' is not null then v->'$.stringValue' else v end)"""
    plain = f"json_extract({column}, '$[*]')"
    return f"""(case when not json_valid({column}) then null
            when starts_with({column}, '{{') then {otlp} else {plain} end)[:{MAX_DOCUMENTS}]"""


def _first(names: tuple[str, ...]) -> str:
    """The first of the fields that an item has, as text: of a JSON object, of an OTLP map, or the item itself for an id."""
    fields = [f"x->>'$.{name}'" for name in names]
    pairs = [
        f"list_filter(json_extract(x, '$.kvlistValue.values[*]'), lambda e: e->>'$.key' = '{name}')[1]->'$.value'"
        for name in names
    ]
    kinds = ("stringValue", "intValue", "doubleValue")
    in_maps = [f"({pair})->>'$.{kind}'" for pair in pairs for kind in kinds]
    itself = ["case when json_type(x) in ('VARCHAR', 'UBIGINT', 'BIGINT') then x->>'$' end"] if "id" in names else []
    return f"coalesce({', '.join([*fields, *in_maps, *itself])})"


_SCORE = f"try_cast({_first(('use_score',))} as double)"
_TOKENS = f"try_cast({_first(('token_count',))} as bigint)"
_USE = (
    f"{{'id': {_first(_IDS)}, 'use_score': case when {_SCORE} between 0 and 1 then {_SCORE} end, "
    f"'token_count': case when {_TOKENS} >= 0 then {_TOKENS} end}}"
)
