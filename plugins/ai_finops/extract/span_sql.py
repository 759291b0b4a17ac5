"""The SQL that turns spans with attribute lists into the lake's columns. One text serves OTLP JSON and protobuf.

It reads spans as `span_relation` gives them and gives the columns of `FLAT_COLUMNS`: attributes are found
(`span_attributes`), words understood, tokens put into five classes (`span_tokens`), and what cannot be is given a reason.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from ai_finops.extract import span_attributes, span_details, span_tokens, vocabulary
from ai_finops.extract.span_attributes import text
from ai_finops.extract.span_relation import ORDER
from ai_finops.lake_schemas import SPANS

ABSURD_TOKENS = span_tokens.ABSURD_TOKENS
FIRST_CREDIBLE_YEAR = 2000
"""Before it, a time in nanoseconds was most likely written in another unit."""
SHADOW_SPAN = "finops.shadow"
ROUTING_SPAN = "finops.routing"
COMPLETENESS = "has_usage::integer * 100 + usage_figure_count"
"""More is better, of two deliveries of one span."""
_ADDED_LATER = ("object_key", "landing_date")
FLAT_COLUMNS = [name for name in SPANS.names if name not in _ADDED_LATER]
QUERY_COLUMNS = (
    "said_query_fingerprint",
    "said_query_embedding",
    "said_query_embedder",
    "said_prompt_blocks",
    "said_prompt_block_tokens",
)
"""What a span says of the query behind it; it goes into a family of its own (span_queries.py)."""


def flatten_sql(spans: str, *, shapes: str, missing: Collection[str], as_of: date) -> str:
    """Return a query over spans and their shapes: shape, is_new_shape, reason, identity, their order, the lake's columns.

    Beside these, what spans say of queries (`QUERY_COLUMNS`), as it is said.

    `reason` says why a row is to be quarantined, or is null; `identity` is a hash of the span's ids. Of a row whose shape is
    not among the shapes `is_new_shape` is true, else null, and the rest of it is worthless.

    Args:
        spans: A relation as `span_relation` gives it.
        shapes: A table as `span_attributes.shapes_sql` gives it.
        missing: Places that are null in all shapes.
        as_of: Times later than a day after it count as wrong.
    """
    latest = datetime.combine(as_of + timedelta(days=1), time(), tzinfo=UTC)
    return f"""
with named as (
    select {", ".join(ORDER)}, object_line, lower(trace_id) as trace_id, lower(span_id) as span_id,
        lower(nullif(parent_span_id, '')) as parent_span_id, span_name, {_enum("span_kind", _KINDS)} as span_kind,
        {_time("start_ns")} as started_at, {_time("end_ns")} as ended_at, {_enum("status_code", _STATUSES)} as status_code,
        nullif(scope_name, '') as scope_name, nullif(scope_version, '') as scope_version,
        shapes.filled_keys as keys, values, len(values)::integer as attribute_count,
        {span_attributes.telling_columns()},
        {span_attributes.named_columns(missing)},
        {span_attributes.dialect()} as dialect, shape
    from {spans} as spans left join {shapes} as shapes using (shape)
),
understood as (
    select * replace (coalesce({_word("said_provider", vocabulary.provider_words())}, lower(said_provider)) as said_provider),
        coalesce({_word("said_processing", vocabulary.processing_words())}, lower(said_processing)) as processing,
        {_operation()} as operation_name,
        {span_tokens.counts_sql()}
    from named
),
classed as (
    select *, {span_tokens.classes_sql()},
        {span_details.document_lists_sql()}
    from understood
),
counted as (
    select *, {span_tokens.totals_sql()}
    from classed
)
select {", ".join(ORDER)}, shape, case when keys is null then true end as is_new_shape, {_reason(latest)} as reason,
    hash(trace_id, span_id) as identity,
    {", ".join(f"{_LAKE_COLUMN.get(name, name)} as {name}" for name in FLAT_COLUMNS)}, {", ".join(QUERY_COLUMNS)}
from counted
"""  # noqa: S608 - made of names in this package, a date and CSV files beside it


_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")
_FIRST_TOKEN_MS, _FIRST_TOKEN_S = (span_details.amount_sql(f"said_first_token_{unit}") for unit in ("ms", "s"))
_LAKE_COLUMN = {
    "provider_name": "said_provider",
    # As it was said; the loader puts a pseudonym in its place before anything is written.
    "user_id": "user_id",
    **span_tokens.LAKE_COLUMNS,
    "reported_cost_usd": "try_cast(said_cost_usd as double)",
    "retry_count": span_details.count_sql("said_retries"),
    "time_to_first_token_ms": f"coalesce({_FIRST_TOKEN_MS}, {_FIRST_TOKEN_S} * 1000)",
    "details_json": span_details.details_sql(),
}


def _enum(column: str, names: tuple[str, ...]) -> str:
    """A number, or its name as proto3 JSON may write it; nothing said is 0."""
    cases = " ".join(f"when {column} like '%\\_{name}' escape '\\' then {number}" for number, name in enumerate(names))
    return f"coalesce(try_cast({column} as integer), case {cases} end, 0)"


def _time(column: str) -> str:
    return f"make_timestamp(nullif(try_cast({column} as bigint), 0) // 1000)::timestamptz"


def _word(column: str, words: dict[str, str]) -> str:
    """What a word means, or null; `*` means any word that no row above it names."""
    named = list(words)[: list(words).index("*")] if "*" in words else list(words)
    meanings, listed = (", ".join(map(text, texts)) for texts in ([words[word] for word in named], named))
    # One search in a list: a case per word would lower the text again for each of them.
    choices = [f"([{meanings}])[list_position([{listed}], lower({column}))]"] if named else []
    choices += [f"case when {column} is not null then {text(words['*'])} end"] if "*" in words else []
    return f"case when {column} is not null then coalesce({', '.join(choices)}) end"


_OPERATION_SAID = (
    "coalesce(said_vercel_operation, said_langsmith_kind, said_operation, said_kind, said_request_type, said_step)"
)


def _operation() -> str:
    """The operation by the dialect's word for it; without one, a span with a model and its tokens is a call."""
    words = ", ".join(_word(column, meanings) for column, meanings in vocabulary.operation_words().items())
    return f"""case
            when span_name = {text(SHADOW_SPAN)} then 'shadow'
            when span_name = {text(ROUTING_SPAN)} then 'routing'
            -- A log beside a call repeats its request; it is a part of the call only where it brings the usage.
            when said_span_type = 'log' and coalesce(said_input_tokens, said_output_tokens) is null then 'other'
            when embedding_model is not null and lower(said_kind) = 'llm' then 'embeddings'
            else coalesce({words}, case
                when {_OPERATION_SAID} is not null then 'other'
                when coalesce(request_model, response_model) is not null
                    and coalesce(said_input_tokens, said_output_tokens) is not null then 'chat'
                when dialect = 'bare' and said_input_tokens is not null and said_output_tokens is not null then 'chat'
                when said_agent_name is not null then 'invoke_agent'
                else 'other'
            end)
        end"""


def _reason(latest: datetime) -> str:
    return f"""case
        when trace_id is null or not regexp_full_match(trace_id, '[0-9a-f]{{32}}') then 'trace id is not 32 hex digits'
        when span_id is null or not regexp_full_match(span_id, '[0-9a-f]{{16}}') then 'span id is not 16 hex digits'
        when started_at is null or ended_at is null then 'start or end time is missing'
        when ended_at < started_at then 'ends before it starts'
        when started_at > timestamptz '{latest.isoformat()}' then 'starts in the future'
        when year(started_at) < {FIRST_CREDIBLE_YEAR} then 'starts before the year {FIRST_CREDIBLE_YEAR}'
        {span_tokens.reasons_sql()}
    end"""
