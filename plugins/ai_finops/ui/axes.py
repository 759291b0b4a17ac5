"""Axes of time without holes: a day, week or month of which nothing is known keeps its place, so that it shows as a gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from ai_finops.ui.view import Chart


def every_day(first: date, last: date) -> tuple[date, ...]:
    """Return all days from `first` to `last`, both among them; none where `last` is earlier."""
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def every_week(mondays: Iterable[date]) -> tuple[date, ...]:
    """Return all Mondays from the earliest to the latest of these."""
    known = sorted(mondays)
    return every_day(known[0], known[-1])[::7] if known else ()


def every_month(months: Iterable[date]) -> tuple[date, ...]:
    """Return the first days of all months from the earliest to the latest of these."""
    known = sorted(months)
    return tuple(day for day in every_day(known[0], known[-1]) if day.day == 1) if known else ()


def on_axis(chart: Chart, axis: Sequence[date]) -> Chart:
    """Return the chart with the places of an axis, which has all of its own; where it has none nothing is known."""
    own = {place: number for number, place in enumerate(chart.x)}

    def spread(values: Sequence[float | None] | None) -> tuple[float | None, ...] | None:
        return None if values is None else tuple(values[own[place]] if place in own else None for place in axis)

    series = tuple(
        replace(one, values=spread(one.values), low=spread(one.low), high=spread(one.high)) for one in chart.series
    )
    return replace(chart, x=tuple(axis), series=series)
