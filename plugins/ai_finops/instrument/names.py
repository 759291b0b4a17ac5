"""Names that people give: made safe to write on spans, in headers and as dimensions, the same each time."""

from __future__ import annotations

import hashlib
from enum import Enum
from functools import lru_cache
from uuid import UUID

from ai_finops.instrument.losses import count_loss

MAX_NAME_CHARACTERS = 200
_HASH_DIGITS = 12
_MOST_CACHED_CHARACTERS = 500
"""A name is a few words; journeys may come from requests, and 4,096 long ones would stay in memory."""
_CLEANED_CHARACTERS = 5_000
"""Of a huge name that are cleaned, one by one; of the rest only the hash tells."""


def clean_name(name: str) -> str | None:
    """Return a name without control characters and outer or repeated white space; a long one cut, with a hash of the whole.

    None for what names nothing. Cached, because a service has few names and uses each on every call.
    """
    if len(name) <= MAX_NAME_CHARACTERS and " " not in name and name.isprintable():
        return name or None  # nearly all: a word, an id
    return _cached(name) if len(name) <= _MOST_CACHED_CHARACTERS else _clean(name)


def _clean(name: str) -> str | None:
    cleaned = name[:_CLEANED_CHARACTERS]
    printable = "".join(character if character.isprintable() else " " for character in cleaned)
    short = " ".join(printable.split())
    is_huge = len(name) > _CLEANED_CHARACTERS
    if len(short) > MAX_NAME_CHARACTERS or is_huge:
        whole = name if is_huge else short
        digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
        short = f"{short[: MAX_NAME_CHARACTERS - _HASH_DIGITS - 1]}~{digest}"
    return short or None


_cached = lru_cache(maxsize=4096)(_clean)


def name_or_none(value: object) -> str | None:
    """`clean_name` of a text, a whole number, a UUID, or an enum's value that is one; None for None. Never raises.

    Of anything else nothing is taken, and it is counted (`name_not_taken`): what an object says of itself may be long, slow, or
    a prompt.
    """
    if type(value) is str:
        return clean_name(value)
    if value is None:
        return None
    try:
        name = _text(value)
    except Exception:  # noqa: BLE001  an enum's own `value`, or a proxy that says it is a text
        name = None
    if name is None:
        count_loss("name_not_taken", detail=type(value).__name__)
        return None
    return clean_name(name)


def _text(value: object) -> str | None:
    said = value.value if isinstance(value, Enum) else value
    if isinstance(said, str):
        return str.__str__(said)  # of a subclass the text itself, not what it says of itself
    if isinstance(said, int) and not isinstance(said, bool) and said.bit_length() <= _MOST_CACHED_CHARACTERS:
        return int.__repr__(said)
    if type(said) is UUID:
        return str(said)
    return None
