"""Names from outside in a line of a log or of an alert: none begins a line of its own, or is longer than somebody reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+")
_MOST_CHARACTERS = 80
_MOST_NAMES = 20


def listed(names: Sequence[object], *, most_characters: int = _MOST_CHARACTERS) -> str:
    """Return the first names, each on the same line and cut where it is long, and how many more there are.

    Args:
        most_characters: Of one name.
    """
    shown = [_one_line(str(name), most_characters) for name in names[:_MOST_NAMES]]
    more = [f"and {len(names) - _MOST_NAMES:,} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*shown, *more])


def _one_line(name: str, most_characters: int) -> str:
    line = _BREAKS.sub(" ", name[: 10 * most_characters]).strip()
    return line if len(line) <= most_characters else f"{line[: most_characters - 1]}…"
