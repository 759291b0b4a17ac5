"""When two queries count as the same text, and what a product can send of them in place of the text.

One rule for fingerprints made in a product and texts read by the pipeline; nothing but the standard library is imported.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import sys
import unicodedata
from array import array
from collections.abc import Iterable

_ENDS = ".,;:!?…。！？"


def normalise(text: str) -> str:
    """Return the text without what does not change a question: case, width and form of letters, spaces, marks at the end.

    Marks inside stay: `1.5` is not `15`. Applying it twice changes nothing.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split()).rstrip(_ENDS + " ")


def fingerprint(text: str, *, key: bytes) -> str:
    """Return a keyed hash of the normalised text (HMAC-SHA-256, its first 32 hex digits), for `finops.query_fingerprint`.

    Equal texts have equal fingerprints under one key, and nobody without the key can try out texts. The key is the
    product's own and is never sent.

    Raises:
        ValueError: The key has fewer than 16 bytes, so that it could be tried out itself.
    """
    if len(key) < 16:
        raise ValueError(f"a fingerprint's key needs at least 16 bytes and has {len(key)}")
    return hmac.new(key, normalise(text).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def encode_embedding(numbers: Iterable[float]) -> str:
    """Return an embedding as text, for `finops.query_embedding`: base64 of little-endian 32-bit floats.

    An embedding tells what a text is about: it is for those who would send the text too.
    """
    floats = array("f", numbers)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
