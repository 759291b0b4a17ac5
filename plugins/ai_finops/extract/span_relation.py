"""The SQL that takes OTLP requests apart into spans, one row each, from JSON and from protobuf alike.

What a request nests (resource, scope, span) is unfolded; a resource's attributes are read once per resource. A span keeps its
attributes as a list of names and a list of texts, and a hash of its names, the `shape`.
"""

from __future__ import annotations

from dataclasses import dataclass

from ai_finops.extract.span_attributes import FILLED_KEYS, resource_columns, resource_names


@dataclass(frozen=True, slots=True)
class Encoding:
    """What differs between the encodings: names of fields, and how ids and values become text."""

    fields: dict[str, str]
    """The encoding's name by field of a span."""
    resource_spans: str
    scope_spans: str
    identifier: str
    """Expression for an id, with `{}` for the field."""
    value: str
    """Expression for an attribute's value `a.value` as text; null where it is not read."""


JSON = Encoding(
    fields={
        "trace_id": "traceId",
        "span_id": "spanId",
        "parent_span_id": "parentSpanId",
        "span_name": "name",
        "span_kind": "kind",
        "start_ns": "startTimeUnixNano",
        "end_ns": "endTimeUnixNano",
    },
    resource_spans="resourceSpans",
    scope_spans="scopeSpans",
    identifier="{}",
    # Lists and maps are kept as the JSON text of their content; bytes are not read. Most values are one of the first two, and
    # spelled out they are quicker than in one `coalesce` with the others.
    value="case when a.value.stringValue is not null then a.value.stringValue "
    "when a.value.intValue is not null then a.value.intValue "
    "else coalesce(a.value.doubleValue::varchar, a.value.boolValue, a.value.arrayValue, a.value.kvlistValue) end",
)
PROTOBUF = Encoding(
    fields={
        "trace_id": "trace_id",
        "span_id": "span_id",
        "parent_span_id": "parent_span_id",
        "span_name": "name",
        "span_kind": "kind",
        "start_ns": "start_time_unix_nano",
        "end_ns": "end_time_unix_nano",
    },
    resource_spans="resource_spans",
    scope_spans="scope_spans",
    identifier="hex({})",
    value="case when a.value.string_value is not null then a.value.string_value "
    "when a.value.int_value is not null then a.value.int_value::varchar "
    "else coalesce(a.value.double_value::varchar, a.value.bool_value::varchar, a.value.list_text) end",
)


ORDER = ("object_number", "object_offset", "resource_place", "scope_place", "span_place")
"""Columns that say where a span stood among the others."""


def spans_sql(requests: str, encoding: Encoding) -> str:
    """Return a query with a row per span of `requests`: `_object`, `_line`, `_offset` and the encoding's resource spans."""
    named = ", ".join(resource_names().values())
    return f"""
    with requests as (
        select _object, _line, _offset, {_unnested(encoding.resource_spans, "r", "resource_place")} from {requests}
    ),
    resources as (
        select _object, _line, _offset, resource_place, {_keys("r.resource.attributes")} as resource_keys,
            {_texts("r.resource.attributes", encoding)} as resource_values, r.{encoding.scope_spans} as scope_spans
        from requests
    ),
    scopes as (
        select _object, _line, _offset, resource_place, {resource_columns("resource_keys", "resource_values")},
            {_unnested("scope_spans", "s", "scope_place")}
        from resources
    ),
    spans as (
        select _object, _line, _offset, resource_place, scope_place, {named}, s.scope as scope,
            {_unnested("s.spans", "span", "span_place")}
        from scopes
    ),
    listed as (
        select _object as object_number, _line as object_line, _offset as object_offset,
            resource_place, scope_place, span_place, {_columns(encoding)},
            span.status.code::varchar as status_code, scope.name as scope_name, scope.version as scope_version, {named},
            coalesce({_keys("span.attributes")}, []) as keys,
            coalesce({_texts("span.attributes", encoding)}, []) as values
        from spans
    )
    select *, case when list_contains(values, '') then hash({FILLED_KEYS}) else hash(keys) end as shape
    from listed"""  # noqa: S608 - made of names of our own


def _unnested(values: str, name: str, place: str) -> str:
    return f"unnest({values}) as {name}, unnest(range(len({values}))) as {place}"


def _columns(encoding: Encoding) -> str:
    columns = []
    for column, field in encoding.fields.items():
        value = encoding.identifier.format(f"span.{field}") if column.endswith("_id") else f"span.{field}::varchar"
        columns.append(f"{value} as {column}")
    return ", ".join(columns)


def _keys(attributes: str) -> str:
    return f"list_transform({attributes}, lambda a: a.key)"


def _texts(attributes: str, encoding: Encoding) -> str:
    return f"list_transform({attributes}, lambda a: {encoding.value})"
