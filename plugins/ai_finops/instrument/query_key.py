"""The key of fingerprints, `AI_FINOPS_QUERY_KEY`: without one nothing is hashed, as anybody could try out an unkeyed hash."""

from __future__ import annotations

import base64
import binascii
import os
import re
from functools import lru_cache

SETTING = "AI_FINOPS_QUERY_KEY"
MIN_BYTES = 16
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


def query_key() -> bytes | None:
    """Return the key of the environment; None where there is none or it is too short to keep a secret."""
    return parse_key(os.environ.get(SETTING, ""))


@lru_cache(maxsize=4)
def parse_key(said: str) -> bytes | None:
    """Read a key: hex digits of 16 bytes or more, base64 of as many, or else a text of as many.

    The same text is the same key in every service, whichever of the three it happens to be.
    """
    said = said.strip()
    for key in (_of_hex(said), _of_base64(said), said.encode()):
        if key is not None and len(key) >= MIN_BYTES:
            return key
    return None


def _of_hex(said: str) -> bytes | None:
    return bytes.fromhex(said) if _HEX.fullmatch(said) else None


def _of_base64(said: str) -> bytes | None:
    try:
        return base64.b64decode(said, validate=True)
    except (binascii.Error, ValueError):
        return None
