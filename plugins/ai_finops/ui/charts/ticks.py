"""Where an axis has its lines, and what stands at them. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SAME, _LEAST = 1e-9, 1e-12
"""Values that differ by less than this part of them, or by less than this, are one value."""
_LARGE = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K"))


def nice_ticks(low: float, high: float, *, count: int) -> tuple[float, ...]:
    """Return even values from at most `low` to at least `high`, about `count` steps apart, each 1, 2, 2.5 or 5 × 10ⁿ.

    Args:
        low: The smallest value; at most `high`.
        count: Steps wanted, at least 1; there are never more than twice as many.
    """
    if high - low <= max(max(abs(low), abs(high)) * _SAME, _LEAST):
        high = low + (abs(low) if abs(low) > _LEAST else 1.0)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in _STEPS if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(_clean(place * step, step) for place in range(first, last + 1))


def label_ticks(ticks: Sequence[float], *, kind: str) -> tuple[str, ...]:
    """Write the values of an axis in one unit: `$1,200`, `$5K` and `$15K`, `45%`, `1.5×`; no more decimals than its step has.

    Args:
        ticks: At least two, evenly apart.
        kind: As of a column.
    """
    step = ticks[1] - ticks[0]
    if kind == "ratio":
        return tuple(f"{value * 100:,.{_decimals(step * 100)}f}%" for value in ticks)
    if kind == "times":
        return tuple(f"{value:,.{_decimals(step)}f}×" for value in ticks)
    sign = "$" if kind in ("usd", "usd_small") else ""
    size, letter = _unit(max(map(abs, ticks)))
    decimals = _decimals(step / size)
    return tuple(
        f"{'-' if value < 0 else ''}{sign}{abs(value) / size:,.{decimals}f}{letter}" if value else f"{sign}0"
        for value in ticks
    )


def _unit(largest: float) -> tuple[float, str]:
    """Return in what the values of an axis are counted whose largest this is: one for all, or `$5,000` stands below `$10K`."""
    return next(((size, letter) for size, letter in _LARGE if largest >= size * (10 if size == 1_000 else 1)), (1, ""))


def spread_labels(places: int, *, room: int) -> tuple[int, ...]:
    """Return which of `places` get a label when `room` fit: every n-th, the first one always."""
    if places <= 0 or room <= 0:
        return ()
    every = math.ceil(places / room)
    return tuple(range(0, places, every))


def x_labels(x: Sequence[str | date]) -> tuple[str, ...]:
    """Write the places of an axis: months as `Jun 2025`, days as `Jun 9`, anything else as it is."""
    days = [place for place in x if isinstance(place, date)]
    if len(days) < len(x):
        return tuple(str(place) for place in x)
    if len(days) > 1 and all(day.day == 1 for day in days):
        return tuple(f"{day:%b %Y}" for day in days)
    return tuple(f"{day:%b} {day.day}" for day in days)


def full_label(place: str | date) -> str:
    """Write a place in full, as it stands in a tooltip."""
    return f"{place:%a} {place.isoformat()}" if isinstance(place, date) else str(place)


def _decimals(step: float) -> int:
    """Decimals that a multiple of the step needs, at most six."""
    return next((digits for digits in range(6) if math.isclose(step, round(step, digits), rel_tol=1e-6)), 6)


def _clean(value: float, step: float) -> float:
    digits = max(0, 2 - math.floor(math.log10(step)))
    return round(value, digits) + 0.0


def whole_ticks(low: float, high: float, *, count: int) -> tuple[float, ...]:
    """Return values as `nice_ticks` does, for what is counted: there is nothing between one record and two."""
    ticks = nice_ticks(low, high, count=count)
    step = ticks[1] - ticks[0]
    if step.is_integer():
        return ticks
    # Of the steps of one and more only 2.5 is none of whole numbers.
    step = 1.0 if step < 1 else 5.0
    first, last = math.floor(ticks[0] / step), math.ceil(ticks[-1] / step)
    return tuple(place * step for place in range(first, last + 1))
