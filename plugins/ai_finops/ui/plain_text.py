"""Text from outside, without what would turn the text around it: control and direction characters."""

from __future__ import annotations

import re

_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Return the text with a space in the place of each such character; line breaks stay."""
    return _UNSEEN.sub(" ", text)
