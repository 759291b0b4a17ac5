"""Names that people give: made safe to write on spans, in headers and as dimensions, the same each time."""

from __future__ import annotations

import hashlib
from functools import lru_cache

MAX_NAME_CHARACTERS = 200
_HASH_DIGITS = 12


@lru_cache(maxsize=4096)
def clean_name(name: str) -> str | None:
    """Return a name without control characters and outer or repeated white space; a long one cut, with a hash of the whole.

    None for what names nothing. Cached, because a service has few names and uses each on every call.
    """
    printable = "".join(character if character.isprintable() else " " for character in name)
    short = " ".join(printable.split())
    if len(short) > MAX_NAME_CHARACTERS:
        digest = hashlib.sha256(short.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
        short = f"{short[: MAX_NAME_CHARACTERS - _HASH_DIGITS - 1]}~{digest}"
    return short or None


def name_or_none(value: object) -> str | None:
    """`clean_name` of whatever somebody passed: an enum's value, a number, None; never raises."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return clean_name(value if type(value) is str else str(getattr(value, "value", value)))
    except Exception:  # noqa: BLE001  somebody's own __str__ or __getattr__
        return None
