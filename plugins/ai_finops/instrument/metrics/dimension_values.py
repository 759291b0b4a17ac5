"""Texts as values of a dimension: what CloudWatch takes as it is, anything else in a form that can be read back."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import unquote

from ai_finops.instrument.metrics.names import MAX_DIMENSION_VALUE_CHARS

UNATTRIBUTED = "unattributed"
"""The feature of a call that names none."""
UNKNOWN = "unknown"
"""The model of a call that names none."""
OTHER = "other"
"""Feature and model of all pairs past the limit."""
_HASH_CHARS = 16
_NOT_PLAIN = re.compile(r"[^ -$&-~]")
_CUT_ESCAPE = re.compile(r"%[0-9A-F]?$")


def dimension_value(text: str | None, *, missing: str) -> str:
    """Return a text as CloudWatch takes it.

    Printable ASCII stays as it is. Other characters, `%` and a leading `:` become the percent-encoded bytes of UTF-8, which
    `text_of` turns back. What is longer than 1,024 characters then ends in `~` and the beginning of the text's SHA-256.

    Args:
        missing: The word for no text, or only white space.
    """
    if text is None or not text or text.isspace():
        return missing
    encoded = _NOT_PLAIN.sub(_escape, text)
    if encoded[0] == ":":
        encoded = "%3A" + encoded[1:]
    if len(encoded) <= MAX_DIMENSION_VALUE_CHARS:
        return encoded
    kept = _CUT_ESCAPE.sub("", encoded[: MAX_DIMENSION_VALUE_CHARS - _HASH_CHARS - 1])
    return f"{kept}~{hashlib.sha256(_utf8(text)).hexdigest()[:_HASH_CHARS]}"


def text_of(value: str) -> str:
    """Return the text that a dimension value was made of; a shortened one stays short, its last character may be lost."""
    try:
        return unquote(value, errors="surrogatepass")
    except UnicodeDecodeError:
        return unquote(value)


def is_dimension_value(text: str) -> bool:
    """Return whether CloudWatch takes a text as the value of a dimension (API reference, Dimension)."""
    is_plain = text.isascii() and text.isprintable() and not text.isspace() and not text.startswith(":")
    return is_plain and 1 <= len(text) <= MAX_DIMENSION_VALUE_CHARS


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in _utf8(match[0]))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
