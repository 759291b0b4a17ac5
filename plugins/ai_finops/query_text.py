"""When two queries count as the same text: one rule for fingerprints made in a product and texts read by the pipeline."""

from __future__ import annotations

import unicodedata

_ENDS = ".,;:!?…。！？"


def normalise(text: str) -> str:
    """Return the text without what does not change a question: case, width and form of letters, spaces, marks at the end.

    Marks inside stay: `1.5` is not `15`. Applying it twice changes nothing.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split()).rstrip(_ENDS + " ")
