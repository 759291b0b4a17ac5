"""OTLP as protobuf: requests become an Arrow table that nests as they do, without a Python object per span.

The decoder (docs/decisions/0007-protobuf-decoder.md) reads what a message type describes and skips the rest of the bytes. So
the types here name the fields that are read and no other. Arrow has no recursive types: lists and maps are taken as bytes,
and become text only for attributes that are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import ArrayValue, KeyValueList
from ptars import HandlerPool

from ai_finops.extract import vocabulary

MAX_REQUEST_BYTES = 64 * 1024 * 1024
"""A larger request is quarantined: it has to be held in memory."""
MAX_LIST_BYTES = 1024 * 1024
"""A longer list or map in an attribute is not read: as Python objects it takes up to a hundred times its size."""
NOT_A_REQUEST = "not an OTLP request in protobuf"
_ATTRIBUTE_OF_SPAN = bytes([9 << 3 | 2])
_NEAR_THE_LAST_NUMBER = b"\xff" * 8
_TAGS = bytes(number << 3 | 2 for number in range(1, 16))
_LONGER_THAN_ANYTHING = re.compile(b"[" + re.escape(_TAGS) + rb"][\xf6-\xff]\xff{8}[\x01-\x7f]")
"""A field that says to be about 2**64 bytes long: the decoder adds to its length, the sum begins again at 0, and it panics."""
_PACKAGE = "ai_finops.otlp"
_TYPES = {
    "Request": "resource_spans=1 ResourceSpans*",
    "ResourceSpans": "resource=1 Resource, scope_spans=2 ScopeSpans*",
    "Resource": "attributes=1 KeyValue*",
    "ScopeSpans": "scope=1 Scope, spans=2 Span*",
    "Scope": "name=1 string, version=2 string",
    "Span": "trace_id=1 bytes, span_id=2 bytes, parent_span_id=4 bytes, name=5 string, kind=6 int32, "
    "start_time_unix_nano=7 fixed64, end_time_unix_nano=8 fixed64, attributes=9 KeyValue*, status=15 Status",
    "Status": "code=3 int32",
    "KeyValue": "key=1 string, value=2 AnyValue",
    "AnyValue": "string_value=1 string?, bool_value=2 bool?, int_value=3 int64?, double_value=4 double?, "
    "array_value=5 bytes?, kvlist_value=6 bytes?",
}
"""The parts of opentelemetry/proto/trace/v1/trace.proto that are read: `*` repeats, `?` is one of a choice."""


class NotARequestError(ValueError):
    """The bytes are no OTLP trace request."""


def read_requests(contents: Sequence[bytes]) -> pa.Array:
    """Return the `resource_spans` of each request; in an attribute's value, `list_text` is JSON.

    Raises:
        NotARequestError: At least one is not an OTLP trace request.
    """
    if any(_NEAR_THE_LAST_NUMBER in each and _LONGER_THAN_ANYTHING.search(each) for each in contents):
        raise NotARequestError(NOT_A_REQUEST)  # a panic ends in the same, but prints three lines, or sixty
    try:
        spans = _decoder().list_to_record_batch(list(contents)).column("resource_spans")
        spans.validate(full=True)  # text that is not UTF-8 would reach DuckDB unseen
    except ValueError as error:
        raise NotARequestError(NOT_A_REQUEST) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust; no module that could be imported has its type
            raise
        raise NotARequestError(NOT_A_REQUEST) from error
    return _with_texts(spans)


def count_values(content: bytes, *, enough: int) -> int:
    """Return how many values a request holds at most, a span counted as twenty, without decoding what is in the spans.

    Beyond `enough` it is not counted to the end.

    In front of each attribute of a span stands a byte that is rare in text; other lists are taken to be as long as they can.
    """
    count = content.count(_ATTRIBUTE_OF_SPAN)
    for resource_start, resource_end in _fields(content, 0, len(content), number=1):
        count += 20
        for start, end in _fields(content, resource_start, resource_end, number=1):
            count += (end - start) // 2
        for start, end in _fields(content, resource_start, resource_end, number=2):
            count += 20 + 20 * sum(1 for _ in islice(_fields(content, start, end, number=2), enough // 20))
            if count > enough:
                return count
    return count


def _fields(content: bytes, at: int, end: int, *, number: int) -> Iterator[tuple[int, int]]:
    """Yield where the content of each field of a number begins and ends, as far as all fields have a length."""
    tag = number << 3 | 2
    while at + 1 < end:
        found, length = content[at], content[at + 1]
        at += 2
        if length > 0x7F:
            length &= 0x7F
            for shift in range(7, 36, 7):
                byte = content[at] if at < end else 0
                at += 1
                length |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
        if found & 7 != 2 or found > 0x7F:
            return  # a request, a resource and a scope have no other fields that come often
        if found == tag:
            yield at, min(at + length, end)
        at += length


@cache
def _decoder() -> Any:
    file = FileDescriptorProto(name="ai_finops/otlp.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _TYPES.items():
        _describe(file.message_type.add(name=name), fields.split(", "))
    pool = DescriptorPool()
    pool.Add(file)
    request = pool.FindMessageTypeByName(f"{_PACKAGE}.Request")
    return HandlerPool([request.file]).get_for_message(request)


def _describe(message: DescriptorProto, fields: list[str]) -> None:
    for each in fields:
        declared, kind = each.split(" ")
        name, number = declared.split("=")
        field = message.field.add(name=name, number=int(number), label=FieldDescriptorProto.LABEL_OPTIONAL)
        if kind.endswith("*"):
            field.label = FieldDescriptorProto.LABEL_REPEATED
        if kind.endswith("?"):
            if not message.oneof_decl:
                message.oneof_decl.add(name="value")
            field.oneof_index = 0
        kind = kind.rstrip("*?")
        if kind in _TYPES:
            field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
        else:
            field.type = getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}")


def _with_texts(array: pa.Array, keys: pa.Array | None = None) -> pa.Array:
    """Put `list_text` in the place of `array_value` and `kvlist_value`, wherever they are nested."""
    mask = array.is_null() if array.null_count else None
    if isinstance(array, pa.ListArray):
        return pa.ListArray.from_arrays(array.offsets, _with_texts(array.values), mask=mask)
    if not isinstance(array, pa.StructArray):
        return array
    children = {array.type.field(at).name: array.field(at) for at in range(array.type.num_fields)}
    if "array_value" in children:
        lists, maps = children.pop("array_value"), children.pop("kvlist_value")
        children["list_text"] = _list_texts(keys, lists=lists, maps=maps)
    else:
        children = {name: _with_texts(child, children.get("key")) for name, child in children.items()}
    return pa.StructArray.from_arrays(list(children.values()), names=list(children), mask=mask)


def _list_texts(keys: pa.Array, *, lists: pa.Array, maps: pa.Array) -> pa.Array:
    """Return the JSON text of lists and maps; of those that nobody reads, an empty one."""
    if lists.null_count == len(lists) and maps.null_count == len(maps):
        return pa.nulls(len(keys), pa.string())
    is_read = _are_read(keys)
    texts = []
    for values, kind in ((lists, ArrayValue), (maps, KeyValueList)):
        nothing = pc.if_else(pc.is_valid(values), pa.scalar(b""), pa.scalar(None, pa.binary()))
        texts.append(_json_texts(pc.if_else(is_read, values, nothing), kind))
    return pc.coalesce(*texts)


def _are_read(keys: pa.Array) -> pa.Array:
    encoded = keys.dictionary_encode()
    shapes = pc.replace_substring_regex(encoded.dictionary, r"\.[0-9]+\b", ".N")
    return pc.is_in(shapes, value_set=pa.array(sorted(_read_attributes()))).take(encoded.indices)


def _json_texts(values: pa.Array, kind: type) -> pa.Array:
    encoded = values.dictionary_encode()  # mostly the same few lists: each is turned into text once
    texts = [_json_text(value, kind) for value in encoded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(encoded.indices)


def _json_text(value: bytes, kind: type) -> str | None:
    """The text as OTLP's JSON writes it, or null when the list cannot be read or is very long."""
    if len(value) > MAX_LIST_BYTES:
        return None
    try:
        plain = MessageToDict(kind.FromString(value))
    except (DecodeError, RecursionError):
        return None
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


@cache
def _read_attributes() -> frozenset[str]:
    read = {alias.attribute for alias in vocabulary.aliases() if alias.column}
    return frozenset(read | set(vocabulary.content_kinds()))
