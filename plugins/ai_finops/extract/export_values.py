"""Turn a column of a billing export into the lake's type, exactly, whatever type the export gave it.

An export comes as Parquet (doubles, decimals, maps, structs) or as CSV, where all is text. What cannot be read raises
`NotReadable`; who knows the file and the column puts them into the sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.lake_schemas import EXACT, TEXT_MAP, TIMESTAMP

_WIDE = pa.decimal128(38, 25)
"""Holds every digit of what a bill usually says, so that it is rounded once. Arrow (26.0) divides longer decimals wrongly: in
decimal256(76, 50) it rounds 18446744.071553946661 to twelve places as 18446744.064246438475. Those are read one by one."""
_PLACE = Decimal(1).scaleb(-EXACT.scale)
_EXACTLY = Context(prec=EXACT.precision, rounding=ROUND_HALF_UP)
_ZULU = r"(Z|[+-]00:?00)$"
_SHOWN = 40


class NotReadable(Exception):
    """A column's type or a value of it does not fit; the message says what it is instead."""


def convert(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Return the column as `kind`: text, `EXACT`, `TIMESTAMP` or `TEXT_MAP`.

    Raises:
        NotReadable: Its type, or a value, cannot be read as that.
    """
    if column.null_count == len(column):  # an all-null column arrives as any type
        return pa.chunked_array([pa.nulls(len(column), kind)])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return _CONVERTERS[kind](column)


def gather(columns: Mapping[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    """Return one map column from a column for each key; what is null is not in the map."""
    count = max(len(column) for column in columns.values())
    rows: list[list[tuple[str, str | None]]] = [[] for _ in range(count)]
    for key, column in columns.items():
        if column.null_count < len(column):
            for row, value in zip(rows, column.to_pylist(), strict=True):
                if value is not None:
                    row.append((key, _plain_text(value)))
    return pa.chunked_array([pa.array(rows, TEXT_MAP)])


def _to_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not _is_text(column.type):  # an account id as a number has lost its leading zeros
        raise NotReadable(f"is {column.type} and not text")
    return column.cast(pa.string())


def _to_exact(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cast to `EXACT`, rounding half away from zero; a double means the shortest decimal that reads back as it."""
    kind = column.type
    if pa.types.is_floating(kind) or _is_text(kind):
        return _read_exact(column.cast(pa.string()))
    if pa.types.is_integer(kind):
        return _rounded(column)
    if pa.types.is_decimal(kind):
        is_short = kind.bit_width <= _WIDE.bit_width and kind.scale <= _WIDE.scale
        return _rounded(column) if is_short else _read_one_by_one(map(_plain_text, column.to_pylist()))
    raise NotReadable(f"is {kind} and not a number")


def _read_exact(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        numbers = texts.cast(_WIDE)
    except pa.ArrowInvalid:  # more digits than it holds, or not a number
        return _read_one_by_one(texts.to_pylist())
    return _rounded(numbers)


def _read_one_by_one(texts: Iterable[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([_read_number(text) for text in texts], EXACT)])


def _rounded(numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        if pa.types.is_decimal(numbers.type) and numbers.type.scale > EXACT.scale:
            numbers = pc.round(numbers, ndigits=EXACT.scale, round_mode="half_towards_infinity")
        return numbers.cast(EXACT)
    except pa.ArrowInvalid as error:
        raise NotReadable(f"is {numbers.type} and does not fit {EXACT} ({error})") from error


def _read_number(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
        if number.is_finite() and "_" not in text:
            return number.quantize(_PLACE, context=_EXACTLY)
    except DecimalException:
        pass
    raise NotReadable(
        f"holds {_shown(text)}, which is not a number that decimal({EXACT.precision}, {EXACT.scale}) holds"
    )


def _to_timestamp(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cast to UTC; a time without a zone is UTC, as all of AWS's are. A bare number has no unit and is refused."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        utc = column if kind.tz else column.cast(pa.timestamp(kind.unit, tz="UTC"))
        return utc.cast(TIMESTAMP, safe=False)
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("us")).cast(TIMESTAMP)
    if not _is_text(kind):
        raise NotReadable(f"is {kind} and not a time")
    bare = pc.replace_substring_regex(column.cast(pa.string()), _ZULU, "")
    try:
        return bare.cast(pa.timestamp("us")).cast(TIMESTAMP)
    except pa.ArrowInvalid as error:
        raise NotReadable(f"holds a value that is not a time in UTC ({_first_line(error)})") from error


def _to_text_map(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return maps of text to text, from a map of anything, a struct or JSON text."""
    kind = column.type
    if _is_text(kind):
        distinct = column.combine_chunks().dictionary_encode()  # few distinct ones in a bill: each is parsed once
        maps = pa.array([_read_json_map(text) for text in distinct.dictionary.to_pylist()], TEXT_MAP)
        return pa.chunked_array([maps.take(distinct.indices)])
    if kind == TEXT_MAP:
        return column
    if pa.types.is_map(kind):
        return _maps(column, lambda row: row)
    if pa.types.is_struct(kind):  # a field that a row does not have is null in it
        return _maps(column, lambda row: ((name, value) for name, value in row.items() if value is not None))
    raise NotReadable(f"is {kind} and not a map")


def _maps(column: pa.ChunkedArray, items_of: Callable[[Any], Iterable[tuple[str, Any]]]) -> pa.ChunkedArray:
    rows = [
        None if row is None else [(str(name), _plain_text(value)) for name, value in items_of(row)]
        for row in column.to_pylist()
    ]
    return pa.chunked_array([pa.array(rows, TEXT_MAP)])


def _read_json_map(text: str) -> list[tuple[str, str]]:
    try:
        content = json.loads(text, parse_float=str, parse_int=str)  # numbers as they are written
        pairs = [(name, _plain_text(value)) for name, value in content.items() if value is not None]
        for pair in pairs:
            "".join(pair).encode()  # half a surrogate, which JSON can write and no text can hold
        return pairs
    except (ValueError, AttributeError, RecursionError) as error:
        raise NotReadable(f"holds {_shown(text)}, which is not a JSON object") from error


def _plain_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | dict | list):
        return json.dumps(value, separators=(",", ":"), default=str)
    return str(value)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


_CONVERTERS: dict[pa.DataType, Callable[[pa.ChunkedArray], pa.ChunkedArray]] = {
    pa.string(): _to_text,
    EXACT: _to_exact,
    TIMESTAMP: _to_timestamp,
    TEXT_MAP: _to_text_map,
}
