"""Inputs for decoders out of whole numbers: a seed is chosen and edited, as JSON or as bytes.

Whoever draws the numbers draws the input: hypothesis (and shrinks it), atheris (led by coverage), a counter (for volume).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

NUMBERS = 2**32
"""What is drawn lies below."""
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**40),
    *(0.1, -0.0, 1e308, 5e-324, float("nan"), float("inf"), -float("inf")),
    *(
        "",
        " ",
        "0",
        "-1",
        "1e5",
        "NaN",
        "true",
        "9" * 40,
        "0x10",
        "1,000",
        "\x00",
        "\ud800",
        "﻿",
        "‮",
        "é" * 300,
        "a" * 5000,
    ),
    *(
        "2025-06-02T12:00:00Z",
        "2025-02-30",
        "0000-00-00T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "infinity",
        "epoch",
    ),
    *(
        "../../etc/passwd",
        "'; drop table spans; --",
        '"',
        "\\",
        "\n",
        "\r\n",
        "=cmd|' /C calc'!A0",
        "<!channel>",
        "<script>",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        {"": ""},
        [1, "a", None, {"b": []}],
        {"key": "a"},
        {"stringValue": 1},
        {"intValue": "x"},
    ),
    *(
        {"arrayValue": {"values": [{"intValue": "1"}, {"doubleValue": "NaN"}]}},
        {"kvlistValue": {"values": [{"key": None}]}},
    ),
)
TOKENS = (
    *(
        b"",
        b"\x00",
        b"\n",
        b"\r\n",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"{",
        b"}",
        b"[",
        b"]",
    ),
    *(
        b'"',
        b"'",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b",",
        b":",
        b"null",
        b"1e999",
        b"-",
        b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    ),
    *(
        b"\xff\xff\xff\xff\x0f",
        b"\x0a\xff\x01",
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b"[" * 3000,
        b'{"a":' * 3000,
        b"9" * 5000,
    ),
)
_LEAST_SHARE_OF_BYTES = 3
"""Every third input is edited as bytes, or all where the seed is no JSON."""


def make(seeds: Sequence[bytes], numbers: Iterator[int]) -> bytes:
    """Return an input: at least one edit of one of the seeds.

    Args:
        numbers: Whole numbers from 0 to `NUMBERS`; how many are used depends on them.
    """
    content = seeds[next(numbers) % len(seeds)]
    how = next(numbers)
    if how % _LEAST_SHARE_OF_BYTES and (plain := _json_of(content)) is not None:
        for _ in range(1 + how // 3 % 4):
            plain = _edit_json(plain, numbers)
        return _written(plain, next(numbers))
    for _ in range(1 + how // 3 % 5):
        content = _edit_bytes(content, numbers, seeds)
    return content


def _json_of(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:  # JSON Lines, protobuf, CSV
        return None


def _edit_json(plain: Any, numbers: Iterator[int]) -> Any:
    """Change one place of a document; the documents are trees of a few hundred places."""
    places = list(_places(plain))
    if not places:
        return _copied(VALUES[next(numbers) % len(VALUES)])
    holder, key = places[next(numbers) % len(places)]
    kind = next(numbers) % 7
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[f"{key}{'x' if next(numbers) % 2 else ''} "] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.extend(_copied(holder[key]) for _ in range(1 + next(numbers) % 20))
    elif kind == 3:
        other_holder, other_key = places[next(numbers) % len(places)]
        holder[key] = _copied(other_holder[other_key])
    elif kind == 4:
        value = holder[key]
        for _ in range(1 + next(numbers) % 60):
            value = [value] if next(numbers) % 2 else {"arrayValue": {"values": [value]}}
        holder[key] = value
    elif kind == 5:
        holder[key] = {
            f"k{number}": _copied(VALUES[next(numbers) % len(VALUES)]) for number in range(next(numbers) % 30)
        }
    else:
        holder[key] = _copied(VALUES[next(numbers) % len(VALUES)])
    return plain


def _copied(plain: Any) -> Any:
    """Another object of the same content, so that nothing holds itself."""
    return json.loads(json.dumps(plain))


def _places(plain: Any) -> Iterator[tuple[Any, Any]]:
    waiting = [plain]
    while waiting:
        holder = waiting.pop()
        if not isinstance(holder, (dict, list)):
            continue
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            waiting.append(holder[key])


def _written(plain: Any, how: int) -> bytes:
    """As JSON the way exporters write it, or in another way that means the same, now and then compressed."""
    separators, indent = ((",", ":"), None) if how % 4 else ((", ", ": "), 1 if how % 8 == 4 else None)
    text = json.dumps(plain, separators=separators, indent=indent, ensure_ascii=bool(how // 8 % 2))
    return _packed(text.encode("utf-8", errors="surrogatepass"), how // 16)


def _packed(content: bytes, how: int) -> bytes:
    if how % 8 == 0:
        return gzip.compress(content, compresslevel=1, mtime=0)
    if how % 8 == 1:
        return pa.compress(content, codec="zstd", asbytes=True)
    return content


def _edit_bytes(content: bytes, numbers: Iterator[int], seeds: Sequence[bytes]) -> bytes:
    at = next(numbers) % (len(content) + 1)
    kind = next(numbers) % 7
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + TOKENS[next(numbers) % len(TOKENS)] + content[at:]
    if kind == 2:
        return content[:at] + bytes([next(numbers) % 256]) + content[at + 1 :]
    if kind == 3:
        return content[:at] + content[at + 1 + next(numbers) % 64 :]
    if kind == 4:
        other = seeds[next(numbers) % len(seeds)]
        return content[:at] + other[next(numbers) % (len(other) + 1) :]
    if kind == 5:
        length = 1 + next(numbers) % 200
        return content[:at] + content[at : at + length] * (1 + next(numbers) % 8) + content[at + length :]
    return _packed(content, next(numbers) % 2)
