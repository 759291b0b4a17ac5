"""The SQL that turns spans with attribute lists into the lake's columns. One text serves OTLP JSON and protobuf.

It reads a relation with the columns of `ATTRIBUTE_LISTS` and gives the columns of `FLAT`. Attributes are found by
`list_position` in the list of keys, which is several times faster than a map or a filter per span.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from ai_finops.extract import vocabulary
from ai_finops.lake_schemas import SPANS

ATTRIBUTE_LISTS = {
    "object_number": "integer",
    "object_line": "bigint",
    "trace_id": "varchar",
    "span_id": "varchar",
    "parent_span_id": "varchar",
    "span_name": "varchar",
    "span_kind": "varchar",
    "start_ns": "varchar",
    "end_ns": "varchar",
    "status_code": "varchar",
    "scope_name": "varchar",
    "scope_version": "varchar",
    "resource_keys": "varchar[]",
    "resource_values": "varchar[]",
    "keys": "varchar[]",
    "values": "varchar[]",
}
ABSURD_TOKENS = 100_000_000
"""More than any model takes in one call, by far."""
FIRST_CREDIBLE_YEAR = 2000
"""Before it, a time in nanoseconds was most likely written in another unit."""
SHADOW_SPAN = "finops.shadow"
MAX_DOCUMENTS = 1000
"""Documents of one rerank that are kept."""
COMPLETENESS = "has_usage::integer * 100 + " + " + ".join(
    f"({name} is not null)::integer" for name in SPANS.names if name.endswith("_tokens")
)
"""More is better, of two deliveries of one span."""
_ADDED_LATER = ("object_key", "landing_date")
FLAT_COLUMNS = [name for name in SPANS.names if name not in _ADDED_LATER]
_TOKEN_COLUMNS = [name for name in vocabulary.columns() if name.startswith("said_") and name.endswith("_tokens")]


def flatten_sql(relation: str, *, as_of: date) -> str:
    """Return a query over `relation`: object_number, keys, reason, and the lake's columns.

    `reason` says why a row is to be quarantined, or is null. Times later than a day after `as_of` count as wrong.
    """
    latest = datetime.combine(as_of + timedelta(days=1), time(), tzinfo=UTC)
    return f"""
with named as (
    select object_number, object_line, lower(trace_id) as trace_id, lower(span_id) as span_id,
        lower(nullif(parent_span_id, '')) as parent_span_id, span_name, {_enum("span_kind", _KINDS)} as span_kind,
        {_time("start_ns")} as started_at, {_time("end_ns")} as ended_at, {_enum("status_code", _STATUSES)} as status_code,
        nullif(scope_name, '') as scope_name, nullif(scope_version, '') as scope_version, keys, values,
        {_named_columns()}
    from {relation}
),
understood as (
    select * replace (coalesce({_word("said_provider", vocabulary.provider_words())}, lower(said_provider)) as said_provider),
        {_dialect()} as dialect,
        {_operation()} as operation_name,
        {", ".join(f"{_count(name)} as {name[5:]}" for name in _TOKEN_COLUMNS)}
    from named
),
classed as (
    select *, {_convention()} as convention,
        coalesce(cache_read_tokens, 0) as cache_read_input_tokens,
        coalesce(cache_write_1h_tokens, 0) as cache_write_1h_input_tokens,
        coalesce(cache_write_tokens, coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0))
            - coalesce(cache_write_1h_tokens, 0) as cache_write_5m_input_tokens,
        cache_read_input_tokens + cache_write_5m_input_tokens + cache_write_1h_input_tokens as cached_tokens,
        case when operation_name = 'embeddings' and input_tokens is not null then coalesce(output_tokens, 0)
            else output_tokens end as output_tokens_counted,
        case when operation_name = 'rerank' then {_documents()} end as documents
    from understood
),
counted as (
    select *,
        case
            when convention = 'excludes_cached' then input_tokens
            when convention = 'by_total' and total_tokens = input_tokens + output_tokens + cached_tokens then input_tokens
            -- A parent that sums up its children names no provider, so nobody can say what its sum includes.
            when operation_name in ('invoke_agent', 'invoke_workflow') and input_tokens < cached_tokens then null
            else input_tokens - cached_tokens
        end as uncached_input_tokens,
        {_count("said_search_units")} as search_unit_count,
        coalesce({", ".join(f"{name[5:]}" for name in _USAGE)}) is not null as is_used
    from classed
)
select object_number, keys, {_reason(latest)} as reason,
    {", ".join(f"{_LAKE_COLUMN.get(name, name)} as {name}" for name in FLAT_COLUMNS)}
from counted
"""  # noqa: S608 - made of names in this package, a date and CSV files beside it


_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUSES = ("UNSET", "OK", "ERROR")
_USAGE = [name for name in _TOKEN_COLUMNS if name not in ("said_total_tokens", "said_reasoning_tokens")]
_CACHED = ("cache_read_input_tokens", "cache_write_5m_input_tokens", "cache_write_1h_input_tokens")
_LAKE_COLUMN = {
    "provider_name": "said_provider",
    # Ids of users are kept as they are given; this is the one place where they would be replaced by a pseudonym.
    "user_id": "user_id",
    **{name: f"case when is_used then {name} end" for name in _CACHED},
    "output_tokens": "output_tokens_counted",
    "reasoning_output_tokens": "reasoning_tokens",
    # What pricing needs: a span that says only a part of it is a gap, not a small number. A rerank is billed by the request,
    # so one that returned documents has said enough.
    "has_usage": """coalesce(case
        when operation_name = 'rerank' then search_unit_count is not null or len(documents.output_documents) > 0
        else uncached_input_tokens is not null and output_tokens_counted is not null
    end, false)""",
    "reported_cost_usd": "try_cast(said_cost_usd as double)",
    "details_json": """case
        when len(documents.input_documents) > 0 or len(documents.output_documents) > 0 then to_json(documents)
        when operation_name = 'shadow' then to_json({
            'task_type': task_type,
            'baseline_model': shadow_baseline_model,
            'candidate_model': shadow_candidate_model,
            'baseline_correct': try_cast(shadow_baseline_correct as boolean),
            'candidate_correct': try_cast(shadow_candidate_correct as boolean)
        })
    end::varchar""",
}


def _named_columns() -> str:
    """One expression a column: the first alias with a text that is not empty."""
    lines = []
    for column, aliases in vocabulary.columns().items():
        choices = ", ".join(_attribute(alias.attribute, place=alias.place) for alias in aliases)
        lines.append(f"coalesce({choices}) as {column}")
    return ",\n        ".join(lines)


def _attribute(name: str, *, place: str = "span") -> str:
    prefix = "resource_" if place == "resource" else ""
    return f"nullif({prefix}values[list_position({prefix}keys, {_text(name)})], '')"


def _enum(column: str, names: tuple[str, ...]) -> str:
    """A number, or its name as proto3 JSON may write it; nothing said is 0."""
    cases = " ".join(f"when {column} like '%\\_{name}' escape '\\' then {number}" for number, name in enumerate(names))
    return f"coalesce(try_cast({column} as integer), case {cases} end, 0)"


def _time(column: str) -> str:
    return f"make_timestamp(nullif(try_cast({column} as bigint), 0) // 1000)::timestamptz"


def _count(column: str) -> str:
    """A count, or null; what is wrong anyway is cut to one beyond the limits, so that no sum can overflow."""
    number = f"try_cast({column} as hugeint)"
    cut = f"when {number} < 0 then -1 when {number} > {ABSURD_TOKENS} then {ABSURD_TOKENS + 1}"
    return f"(case {cut} else {number} end)::bigint"


def _word(column: str, words: dict[str, str]) -> str:
    cases = " ".join(f"when {_text(word)} then {_text(meaning)}" for word, meaning in words.items())
    return f"case lower({column}) {cases} end"


def _dialect() -> str:
    tests = {
        "attribute": lambda value: f"list_contains(keys, {_text(value)})",
        "scope": lambda value: f"scope_name = {_text(value)}",
        "scope_prefix": lambda value: f"starts_with(scope_name, {_text(value)})",
    }
    cases = " ".join(
        f"when {tests[test](value)} then {_text(name)}" for test, value, name in vocabulary.dialect_tests()
    )
    return f"case {cases} else 'other' end"


def _operation() -> str:
    words = ", ".join(_word(column, meanings) for column, meanings in vocabulary.operation_words().items())
    return f"""case
            when span_name = {_text(SHADOW_SPAN)} then 'shadow'
            when embedding_model is not null and lower(said_kind) = 'llm' then 'embeddings'
            else coalesce({words}, 'other')
        end"""


def _convention() -> str:
    cases = []
    for dialect, provider, convention in vocabulary.input_conventions():
        tests = [f"dialect = {_text(dialect)}"] * (dialect != "*") + [f"said_provider = {_text(provider)}"] * (
            provider != "*"
        )
        cases.append(f"when {' and '.join(tests) or 'true'} then {_text(convention)}")
    return f"case {' '.join(cases)} end"


def _documents() -> str:
    """The documents of a rerank before and after, ids and scores only, in the order of their index."""
    sides = (f"'{side}_documents': {_document_list(f'reranker.{side}_documents.')}" for side in ("input", "output"))
    return "{" + ", ".join(sides) + "}"


def _document_list(prefix: str) -> str:
    def part(name: str) -> str:
        return f"values[list_position(keys, {_text(prefix)} || n || '.document.{name}')]"

    indexes = f"""list_transform(list_filter(keys, lambda k: starts_with(k, {_text(prefix)})),
            lambda k: try_cast(split_part(k, '.', 3) as bigint))"""
    return f"""list_transform(range(least(coalesce(list_max({indexes}), -1), {MAX_DOCUMENTS - 1}) + 1),
            lambda n: {{'id': {part("id")}, 'score': try_cast({part("score")} as double)}})"""


def _reason(latest: datetime) -> str:
    counts = [*(name[5:] for name in _TOKEN_COLUMNS), "search_unit_count"]
    not_numbers = " or ".join(f"({said} is not null and {said[5:]} is null)" for said in _TOKEN_COLUMNS)
    return f"""case
        when trace_id is null or not regexp_full_match(trace_id, '[0-9a-f]{{32}}') then 'trace id is not 32 hex digits'
        when span_id is null or not regexp_full_match(span_id, '[0-9a-f]{{16}}') then 'span id is not 16 hex digits'
        when started_at is null or ended_at is null then 'start or end time is missing'
        when ended_at < started_at then 'ends before it starts'
        when started_at > timestamptz '{latest.isoformat()}' then 'starts in the future'
        when year(started_at) < {FIRST_CREDIBLE_YEAR} then 'starts before the year {FIRST_CREDIBLE_YEAR}'
        when {not_numbers} then 'a token count is not a number'
        when least({", ".join(counts)}) < 0 then 'a token count is negative'
        when greatest({", ".join(counts)}) > {ABSURD_TOKENS} then 'a token count is above {ABSURD_TOKENS}'
        when cache_write_5m_input_tokens < 0 then 'more 1-hour cache writes than cache writes'
        when uncached_input_tokens < 0 then 'more cached input tokens than input tokens'
    end"""


def _text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"
