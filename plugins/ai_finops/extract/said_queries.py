"""What a span says of the query behind it, read: fingerprints as text, embeddings as vectors, blocks of a prompt as numbers.

An embedding is base64 of little-endian 32-bit floats, or a list of numbers; blocks are a list of texts. A list comes as
OTLP writes it or as JSON. What cannot be read is None here, and counted by who calls.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_DIMENSIONS = 4096
MAX_BLOCKS = 4096
"""Of a prompt; those after them are left out, as they come after all others."""
_WHOLE = re.compile(r"-?[0-9]{1,20}")


def read_embedding(said: str) -> npt.NDArray[np.float32] | None:
    """Return an embedding as a vector of length 1, (dimensions,); None where it is none."""
    numbers = _numbers(said) if said[:1] in "[{" else _floats(said)
    if numbers is None or not 1 <= len(numbers) <= MAX_DIMENSIONS or not np.isfinite(numbers).all():
        return None
    largest = np.abs(numbers).max()
    if not largest:
        return None
    # By the largest first, so that squares neither overflow nor vanish.
    numbers = numbers / largest
    return (numbers / np.linalg.norm(numbers)).astype(np.float32)


def read_blocks(said: str) -> list[int] | None:
    """Return a number for each block of a prompt, in order; None where the text is no list of texts."""
    items = _items(said)
    if items is None or not all(isinstance(item, str) and item for item in items):
        return None
    return [_number(item) for item in items[:MAX_BLOCKS]]


def _number(block: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(block.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True
    )


def _floats(said: str) -> npt.NDArray[np.float64] | None:
    try:
        content = base64.b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        return None
    return np.frombuffer(content, dtype="<f4").astype(np.float64) if len(content) % 4 == 0 else None


def _numbers(said: str) -> npt.NDArray[np.float64] | None:
    items = _items(said)
    if items is None or not all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
        return None
    try:
        return np.array(items, dtype=np.float64)
    except OverflowError:  # a whole number above 1e308
        return None


def _items(said: str) -> list[Any] | None:
    try:
        read = json.loads(said)
    except (ValueError, RecursionError):
        return None
    if isinstance(read, dict):
        values = read.get("values")
        if not isinstance(values, list):
            return None
        return [_plain(value) for value in values]
    return read if isinstance(read, list) else None


def _plain(value: Any) -> Any:
    """Return what OTLP wraps: `{"doubleValue": 0.5}` is 0.5, and a whole number may be in quotes."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, inner),) = value.items()
    return int(inner) if kind == "intValue" and isinstance(inner, str) and _WHOLE.fullmatch(inner) else inner
