"""The SQL that turns lines of a Bedrock invocation log into the lake's columns.

`records_sql` reads a file of tagged lines with a typed schema in one go; DuckDB refuses it whole when one line does not fit.
`flatten_sql` names what is in the records. Bodies are looked into for counts, ids and times, and do not come out of it.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from ai_finops.extract import bedrock_log_fields
from ai_finops.extract.span_sql import ABSURD_TOKENS, FIRST_CREDIBLE_YEAR
from ai_finops.lake_schemas import INVOCATIONS

SCHEMA_TYPE = "ModelInvocationLog"
LONGEST_NAME = 2048
"""Of an id, a name or an ARN; AWS's own limit of an ARN."""
LONGEST_CALL_MS = 86_400_000
_METRICS = '$[*]."amazon-bedrock-invocationMetrics"'
STREAMING = ("ConverseStream", "InvokeModelWithResponseStream", "InvokeModelWithBidirectionalStream")
_COLUMNS = {
    "_object": "integer",
    "_line": "bigint",
    "_offset": "bigint",
    "schemaType": "varchar",
    "schemaVersion": "varchar",
    "timestamp": "varchar",
    "accountId": "varchar",
    "region": "varchar",
    "inferenceRegion": "varchar",
    "requestId": "varchar",
    "operation": "varchar",
    "modelId": "varchar",
    "identity": "struct(arn varchar)",
    "requestMetadata": "map(varchar, varchar)",
    "status": "varchar",
    "errorCode": "varchar",
    "performanceConfig": "struct(latency varchar)",
    "serviceTier": "varchar",
    "input": "struct(inputTokenCount varchar, cacheReadInputTokenCount varchar, cacheWriteInputTokenCount varchar, "
    "inputBodyJson json)",
    "output": "struct(outputTokenCount varchar, outputBodyJson json)",
}
_ADDED_LATER = ("resolved_model_id", "region_scope", "inference_profile_arn", "object_key", "landing_date")
FLAT_COLUMNS = [name for name in INVOCATIONS.names if name not in _ADDED_LATER]
_NAMES = ("schema_version", "account_id", "region_id", "inference_region_id", "request_id", "operation", "model_id")
_NAMES += ("identity_arn", "status", "error_code")
COMPLETENESS = "usage_figure_count"
"""More is better, of two deliveries of one call."""


def records_sql(path: Path) -> str:
    """Return a relation with a row per tagged line of a file."""
    columns = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in _COLUMNS.items())
    return (
        f"read_json({_text(str(path))}, format='newline_delimited', records=true, compression='uncompressed', "
        f"columns={{{columns}}})"
    )


def empty_records_sql() -> str:
    """Return the same relation without rows."""
    return "(select " + ", ".join(f'null::{kind} as "{name}"' for name, kind in _COLUMNS.items()) + " limit 0)"


def contents_sql(relation: str) -> str:
    """Return a query over records for what was said: object_number, object_line, content_kind and the body as JSON text."""
    bodies = {"prompt": "input.inputBodyJson", "answer": "output.outputBodyJson"}
    kinds = ", ".join(f"{{'kind': {_text(kind)}, 'content': {body}::varchar}}" for kind, body in bodies.items())
    return f"""
        select _object as object_number, _line as object_line, body.kind as content_kind, body.content as content
        from (select _object, _line, unnest([{kinds}]) as body from {relation})
        where body.content is not null and body.content not in ('null', '{{}}', '[]', '""')"""  # noqa: S608 - as below


PERSON_OF_IDENTITY = """regexp_extract(
    identity_arn, '^arn:[^:]*:(?:iam|sts)::[^:]*:(?:user/(?:.*/)?|assumed-role/[^/]+/)([^/]+)$', 1
)"""
"""The part of a caller's ARN that may name a person: an IAM user, or a role's session, which single sign-on names after one."""


def hidden_sql(calls: str, forgotten: str, *, keeps_users: bool) -> str:
    """Return a query over calls that puts pseudonyms in the place of users, and says with `is_forgotten` whose are forgotten.

    Of the request's metadata, what names the user is left out: column `user_id` has it.

    Args:
        calls: A relation with the lake's columns; tables `pseudonyms` (said, pseudonym) and `forgotten_ids` (id) are beside it.
        forgotten: What stands for a forgotten user.
        keeps_users: Whether who made a call is kept at all.
    """
    keys = ", ".join(map(_text, bedrock_log_fields.metadata_keys()["user_id"]))
    of_users = f"list_transform([{keys}], lambda k: trim(request_metadata[k]))"
    other = f"""list_filter(map_entries(request_metadata), lambda e: not list_contains([{keys}], e.key)
            and not coalesce(list_contains({of_users}, trim(e.value)), false))"""
    gone = "is_forgotten" if keeps_users else "true"
    return f"""
        select * exclude (person, pseudonym, person_pseudonym) replace (
            pseudonym as user_id,
            case when person_pseudonym is null and person != '' then left(identity_arn, -length(person) - 1)
                when person != '' then left(identity_arn, -length(person)) || person_pseudonym
                else identity_arn end as identity_arn,
            case when not {gone} then journey_id end as journey_id,
            case when not {gone} then request_metadata end as request_metadata
        )
        from (
            select calls.* replace (map_from_entries({other}) as request_metadata), calls.person,
                of_user.pseudonym as pseudonym, of_person.pseudonym as person_pseudonym,
                coalesce(of_user.pseudonym = {_text(forgotten)}, false)
                    or coalesce(of_person.pseudonym = {_text(forgotten)}, false)
                    or calls.request_id in (select id from forgotten_ids)
                    or coalesce(calls.response_id in (select id from forgotten_ids), false) as is_forgotten
            from (select *, {PERSON_OF_IDENTITY} as person from {calls}) as calls
            left join pseudonyms as of_user on calls.user_id = of_user.said
            left join pseudonyms as of_person on calls.person = of_person.said
        )"""  # noqa: S608 - our own names, and keys of a CSV file beside this one


def flatten_sql(relation: str, *, as_of: date) -> str:
    """Return a query over records: object_number, object_offset, reason, and the lake's columns that a record says.

    `reason` says why a row is to be quarantined, or is null. Times later than a day after `as_of` count as wrong.
    """
    latest = datetime.combine(as_of + timedelta(days=1), time(), tzinfo=UTC)
    return f"""
with bodies as (
    select *,
        {_values("output", "output.outputBodyJson")} as output_values,
        {_values("input", "input.inputBodyJson")} as input_values,
        case when starts_with(ltrim(output.outputBodyJson::varchar), '[') then output.outputBodyJson end as parts
    from {relation}
),
opened as (
    select *, {_values("stream_start", "json_extract(parts, '$[*].message')[1]")} as stream_start_values,
        {_values("stream_end", f"json_extract(parts, '{_METRICS}')[-1]")} as stream_end_values
    from bodies
),
named as (
    select _object as object_number, _line as object_line, _offset as object_offset, schemaType as schema_type,
        {_stripped("schemaVersion")} as schema_version, try_cast("timestamp" as timestamptz) as invoked_at,
        {_stripped("accountId")} as account_id, {_stripped("region")} as region_id,
        {_stripped("inferenceRegion")} as inference_region_id, {_stripped("requestId")} as request_id,
        {_stripped("operation")} as operation, {_stripped("modelId")} as model_id, {_stripped("identity.arn")} as identity_arn,
        {_stripped("status")} as status, {_stripped("errorCode")} as error_code, requestMetadata as request_metadata,
        {_metadata_columns()},
        {_said_columns()},
        case when contains(input.inputBodyJson::varchar, '"documents"')
            then json_array_length(input.inputBodyJson, '$.documents') end::bigint as input_document_count
    from opened
),
counted as (
    select *,
        try_cast(said_cache_details as struct(ttl varchar, "inputTokens" varchar)[]) as cache_details,
        coalesce(operation in ({", ".join(map(_text, STREAMING))}), false) as is_streaming,
        regexp_extract(lower(said_service_tier), '(priority|default|flex|reserved)', 1) as tier_word,
        {", ".join(f"{_count(name)} as {name[5:]}" for name in _TOKENS)},
        {_count("said_latency_ms", most=LONGEST_CALL_MS)} as latency_ms
    from named
),
classed as (
    select * exclude (cache_write_1h_tokens),
        coalesce({_of_ttl("1h")}, cache_write_1h_tokens) as written_1h_tokens,
        coalesce(cache_write_tokens, coalesce({_of_ttl("5m")}, cache_write_5m_tokens, 0) + coalesce(written_1h_tokens, 0))
            - coalesce(written_1h_tokens, 0) as written_5m_tokens,
        coalesce({", ".join(name[5:] for name in _TOKENS if name != "said_reasoning_tokens")}, written_1h_tokens)
            is not null as is_used
    from counted
)
select object_number, object_offset, {_reason(latest)} as reason,
    {", ".join(f"{_LAKE_COLUMN.get(name, name)} as {name}" for name in FLAT_COLUMNS)}
from classed
"""  # noqa: S608 - made of names in this package, a date and CSV files beside it


_TOKENS = sorted({each.column for each in bedrock_log_fields.fields() if each.column.endswith("_tokens")})
_LAKE_COLUMN = {
    "uncached_input_tokens": "input_tokens",
    "cache_read_input_tokens": "case when is_used then coalesce(cache_read_tokens, 0) end",
    "cache_write_5m_input_tokens": "case when is_used then written_5m_tokens end",
    "cache_write_1h_input_tokens": "case when is_used then coalesce(written_1h_tokens, 0) end",
    "reasoning_output_tokens": "reasoning_tokens",
    "usage_figure_count": "("
    + " + ".join(f"({name} is not null)::integer" for name in (*_TOKENS, "said_cache_details"))
    + ")::integer",
    "service_tier": "nullif(tier_word, '')",
    "performance": "case when lower(said_performance) in ('standard', 'optimized') then lower(said_performance) end",
    # What is taken out of a body must look like a name: a body is the caller's, and may say anything anywhere.
    **{
        name: f"case when regexp_full_match({said}, '[A-Za-z0-9._:/+@-]{{1,256}}') then {said} end"
        for name, said in (
            ("response_id", "said_response_id"),
            ("response_model", "said_response_model"),
            ("invoked_model_id", "said_invoked_model"),
        )
    },
}


def _values(part: str, body: str) -> str:
    """All paths of a part at once: it is parsed once, and parsing is what takes time and memory."""
    paths = ", ".join(_text(each.path) for each in bedrock_log_fields.fields() if each.part == part)
    return f"json_extract_string({body}, [{paths}])"


def _said_columns() -> str:
    """One expression a column: the first place with a text that is not empty."""
    places: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    for each in bedrock_log_fields.fields():
        seen[each.part] += 1
        place = each.path if each.part == "record" else f"{each.part}_values[{seen[each.part]}]"
        places.setdefault(each.column, []).append(f"nullif({place}, '')")
    return ",\n        ".join(f"coalesce({', '.join(choices)}) as {column}" for column, choices in places.items())


def _metadata_columns() -> str:
    choices = {
        column: ", ".join(_stripped(f"requestMetadata[{_text(key)}]") for key in keys)
        for column, keys in bedrock_log_fields.metadata_keys().items()
    }
    return ",\n        ".join(f"coalesce({each}) as {column}" for column, each in choices.items())


def _of_ttl(ttl: str) -> str:
    """The tokens written for so long, as Converse lists them; null when it lists none."""
    of_ttl = f"list_filter(cache_details, lambda each: each.ttl = {_text(ttl)})"
    return f"list_sum(list_transform({of_ttl}, lambda each: {_count('each.inputTokens')}))::bigint"


def _count(column: str, *, most: int = ABSURD_TOKENS) -> str:
    """A count, or null; what is wrong anyway is cut to one beyond the limits, so that no sum can overflow."""
    number = f"try_cast({column} as hugeint)"
    return f"(case when {number} < 0 then -1 when {number} > {most} then {most + 1} else {number} end)::bigint"


def _reason(latest: datetime) -> str:
    counts = [*(name[5:] for name in _TOKENS if name != "said_cache_write_1h_tokens"), "written_1h_tokens"]
    not_numbers = [f"({said} is not null and try_cast({said} as hugeint) is null)" for said in _TOKENS]
    not_numbers.append("(said_cache_details is not null and cache_details is null)")
    odd_names = (f"length({name}) > {LONGEST_NAME} or regexp_matches({name}, '[\\s[:cntrl:]]')" for name in _NAMES)
    return f"""case
        when schema_type is distinct from {_text(SCHEMA_TYPE)} then 'schemaType is not {SCHEMA_TYPE}'
        when {" or ".join(odd_names)} then 'an id or a name holds spaces or is longer than {LONGEST_NAME}'
        when request_id is null then 'request id is missing'
        when invoked_at is null then 'the time is missing or is none'
        when invoked_at > timestamptz '{latest.isoformat()}' then 'in the future'
        when year(invoked_at) < {FIRST_CREDIBLE_YEAR} then 'before the year {FIRST_CREDIBLE_YEAR}'
        when {" or ".join(not_numbers)} then 'a token count is not a number'
        when least({", ".join(counts)}) < 0 then 'a token count is negative'
        when greatest({", ".join(counts)}) > {ABSURD_TOKENS} then 'a token count is above {ABSURD_TOKENS}'
        when written_5m_tokens < 0 then 'more 1-hour cache writes than cache writes'
        when latency_ms < 0 or latency_ms > {LONGEST_CALL_MS} then 'a latency is negative or longer than a day'
    end"""


def _stripped(column: str) -> str:
    return f"nullif(trim({column}), '')"


def _text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"
