"""Where the names of bounds stand beside their lines: not on each other, and as little as can be on what is drawn. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ai_finops.ui.charts.svg import Point

_ABOVE, _BELOW = -4, 13
"""From a line to the base of a name above it and below it."""
_HEIGHT = 11
"""Of a name, above its base."""
_MARGIN = 3
"""How near a dot of a line may come."""

Place = tuple[float, float, str]
"""x and y of a name's base, and which of its ends is there: `start` or `end`."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def mark_places(
    names: Sequence[tuple[float, float]], *, ends: tuple[float, float], avoid: Sequence[Point]
) -> list[Place]:
    """Return a place for each name, in the order of `names`; given places from the top down.

    A name goes to the right end of its line and above it; where that covers another name or more of `avoid` than elsewhere,
    below it, or to the left end.

    Args:
        names: How far down each line lies, and how wide its name is.
        ends: Where the lines begin and end.
        avoid: Points of what is drawn.
    """
    taken: list[Box] = []
    found: dict[int, Place] = {}
    for number in sorted(range(len(names)), key=lambda each: names[each][0]):
        y, width = names[number]
        right: list[Place] = [(ends[1], y + _ABOVE, "end"), (ends[1], y + _BELOW, "end")]
        left: list[Place] = [(ends[0] + 4, y + _ABOVE, "start"), (ends[0] + 4, y + _BELOW, "start")]
        places = [place for place in (*right, *left) if place[1] - _HEIGHT >= 0] or right[1:]
        best = min(places, key=lambda place: _cost(_box(place, width), taken, avoid))
        found[number] = best
        taken.append(_box(best, width))
    return [found[number] for number in range(len(names))]


def _box(place: Place, width: float) -> Box:
    x, y, anchor = place
    left = x - width if anchor == "end" else x
    return left, y - _HEIGHT, left + width, y + 2


def _cost(box: Box, taken: Sequence[Box], avoid: Sequence[Point]) -> tuple[bool, int]:
    left, top, right, bottom = box
    is_on_a_name = any(left < other[2] and right > other[0] and top < other[3] and bottom > other[1] for other in taken)
    hits = sum(left - _MARGIN <= x <= right + _MARGIN and top - _MARGIN <= y <= bottom + _MARGIN for x, y in avoid)
    return is_on_a_name, hits
