"""A very long OTLP request as JSON, cut between its spans without taking it apart: only brackets and quotes are looked at.

Parsed as a whole, it would take ten times its size in memory, and thirty times where it holds many small values.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

PART_BYTES = 1024 * 1024
"""Spans of so many bytes go together, or one longer span alone."""
MAX_VALUES = 400_000
"""Spans, and arrays and objects around them: what is held of the request in memory."""
MAX_HEAD_BYTES = 256 * 1024
"""Of what is repeated in each part: a resource and a scope."""
NOT_WHOLE = "not JSON, or not an OTLP request, around its spans"
TOO_MANY_VALUES = "so many values that reading them takes too much memory"
_BLOCK = 1024 * 1024
_SPANS_DEPTH = 6
"""Brackets open around a span: request, [resourceSpans], [scopeSpans], [spans], each array inside an object."""


class UncutError(ValueError):
    """It is no request outside its spans, or too large there; its text is the reason for the quarantine."""


def cut(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield smaller requests with the same spans, each with the place of its first span in `content`.

    Raises:
        UncutError: Before the first part. What is inside the spans is not looked at.
    """
    spans = _spans(content)
    scopes = [
        (*_frame(resource_spans, scope_spans), _places(scope_spans.get("spans")))
        for resource_spans in _objects(_skeleton(content, spans), "resourceSpans")
        for scope_spans in _objects(resource_spans, "scopeSpans")
    ]
    _require_rising([place for *_, places in scopes for place in places], below=len(spans))
    for head, tail, places in scopes:
        for group in _groups([spans[place] for place in places]):
            yield group[0][0], head + b",".join(content[start:end] for start, end in group) + tail


def _spans(content: bytes) -> list[tuple[int, int]]:
    """Where the arrays and objects begin and end that lie in an array named spans at the depth of spans."""
    arrays: list[int] = []
    starts: list[np.ndarray] = []
    ends: list[np.ndarray] = []
    for at, depth, opens in _brackets(content):
        starts.append(at[opens & (depth == _SPANS_DEPTH + 1)])
        ends.append(at[~opens & (depth == _SPANS_DEPTH)])
        arrays += at[opens & (depth == _SPANS_DEPTH)].tolist()
        if len(arrays) + sum(map(len, starts)) > MAX_VALUES:
            raise UncutError(TOO_MANY_VALUES)
    found = list(zip(np.concatenate(starts).tolist(), (np.concatenate(ends) + 1).tolist(), strict=True))
    firsts = [start for start, _ in found]
    chosen: list[tuple[int, int]] = []
    for array, following in pairwise([*arrays, len(content)]):
        if content[array : array + 1] == b"[" and _is_named_spans(content, array):
            chosen += found[bisect_left(firsts, array) : bisect_left(firsts, following)]
    return chosen


def _brackets(content: bytes) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the brackets outside of strings a block at a time: places, depths after them, and whether they open.

    Raises:
        UncutError: They do not close.
    """
    depth, in_text, escaped = 0, False, False
    for first in range(0, len(content), _BLOCK):
        block = np.frombuffer(content, np.uint8, min(_BLOCK, len(content) - first), first)
        quotes = block == ord('"')
        escaped = _unmark_escaped(quotes, block, escaped)
        is_text = (np.cumsum(quotes, dtype=np.uint8) & 1).astype(bool) ^ in_text
        lowered = block | 0x20  # [ and { differ by it, and so do ] and }
        at = np.flatnonzero(((lowered == ord("{")) | (lowered == ord("}"))) & ~is_text)
        opens = lowered[at] == ord("{")
        depths = depth + np.cumsum(np.where(opens, 1, -1))
        if len(at):
            depth = int(depths[-1])
            if depths.min() < 0:
                raise UncutError(NOT_WHOLE)
        in_text = bool(is_text[-1])
        yield at + first, depths, opens
    if depth or in_text:
        raise UncutError(NOT_WHOLE)


def _unmark_escaped(quotes: np.ndarray, block: np.ndarray, escaped: bool) -> bool:
    """Clear the quotes that follow an odd number of backslashes; return whether the next block's first byte does."""
    backslashes = np.flatnonzero(block == ord("\\"))
    if escaped:
        if not len(backslashes) or backslashes[0]:
            quotes[0] = False
        else:
            backslashes = np.concatenate(([-1], backslashes))
    if not len(backslashes):
        return False
    is_last = np.append(np.diff(backslashes) != 1, True)
    last = backslashes[is_last]
    first = backslashes[np.append(True, is_last[:-1])]
    after = last[(last - first) % 2 == 0] + 1
    quotes[after[after < len(block)]] = False
    return bool(len(after)) and int(after[-1]) == len(block)


def _is_named_spans(content: bytes, array: int) -> bool:
    before = content[max(0, array - 64) : array].rstrip()
    return before.endswith(b":") and before[:-1].rstrip().endswith(b'"spans"')


def _skeleton(content: bytes, spans: list[tuple[int, int]]) -> dict:
    """The request with the place in `spans`, in a list of its own, for each of them."""
    pieces, at = [], 0
    for place, (start, end) in enumerate(spans):
        pieces += (content[at:start], b"[%d]" % place)
        at = end
    text = b"".join([*pieces, content[at:]])
    if text.count(b"{") + text.count(b"[") > MAX_VALUES:
        raise UncutError(TOO_MANY_VALUES)
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise UncutError(NOT_WHOLE) from error


def _object(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _objects(parent: dict, name: str) -> list[dict]:
    children = [] if parent.get(name) is None else parent[name]
    if not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
        raise UncutError(NOT_WHOLE)
    return children


def _places(spans: Any) -> list[int]:
    spans = [] if spans is None else spans
    if not isinstance(spans, list) or not all(isinstance(each, list) and len(each) == 1 for each in spans):
        raise UncutError(NOT_WHOLE)
    return [place for (place,) in spans]


def _require_rising(places: list[Any], *, below: int) -> None:
    """Tell the places from lists that were there before, in an array whose name is spelled with escapes."""
    expected = -1
    for place in places:
        if not isinstance(place, int) or not expected < place < below:
            raise UncutError(NOT_WHOLE)
        expected = place


def _frame(resource_spans: dict, scope_spans: dict) -> tuple[bytes, bytes]:
    """What stands before and after the spans in each part."""
    scope = {name: value for name, value in scope_spans.items() if name == "scope"} | {"spans": []}
    resource = {name: value for name, value in resource_spans.items() if name == "resource"} | {"scopeSpans": [scope]}
    text = json.dumps({"resourceSpans": [resource]}, ensure_ascii=False, separators=(",", ":"))
    whole = text.encode("utf-8", "surrogatepass")
    if len(whole) > MAX_HEAD_BYTES:
        raise UncutError(TOO_MANY_VALUES)
    middle = whole.rindex(b"]}]}]}")
    return whole[:middle], whole[middle:]


def _groups(spans: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    group: list[tuple[int, int]] = []
    for start, end in spans:
        if group and end - group[0][0] > PART_BYTES:
            yield group
            group = []
        group.append((start, end))
    if group:
        yield group
