"""A picture of fifty features is none: the largest ones, all others together, and a sentence that says so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ai_finops.ui.view import Chart, Series

MOST_SERIES = 8
"""As many as there are colours that can be told apart."""
MOST_ROWS = 24
OTHERS = "all others"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart that can be drawn, and what of it is not."""

    chart: Chart
    note: str | None = None
    others_place: int | None = None
    """Which series is all others together."""


def fewer(chart: Chart) -> Drawn:
    """Return the chart with no more series and rows than can be told apart.

    Bars on each other are summed into one of "all others"; lines cannot be, their last ones are left out. What belongs to
    nobody stays by itself and last, however small: it is not one of many.
    """
    drawn = _fewer_rows(chart)
    if len(chart.series) <= MOST_SERIES:
        return drawn
    if not chart.is_stacked:
        left_out = len(chart.series) - MOST_SERIES
        kept = replace(drawn.chart, series=drawn.chart.series[:MOST_SERIES])
        return Drawn(kept, _joined(drawn.note, f"{left_out} more are not drawn; the table has them."))
    series = drawn.chart.series
    order = sorted(range(len(series)), key=lambda place: (not series[place].is_nobodys, -_size(series[place]), place))
    largest = order[: MOST_SERIES - 1]
    rest = [one for place, one in enumerate(series) if place not in set(largest)]
    kept = [series[place] for place in sorted(largest)]
    others = Series(f"{OTHERS} ({len(rest)})", _sum([one.values for one in rest]), style="bar")
    place = sum(not one.is_nobodys for one in kept)
    kept.sort(key=lambda one: one.is_nobodys)
    note = f"{OTHERS.capitalize()}: {len(rest)} smaller ones together; the table has each."
    drawn_series = (*kept[:place], others, *kept[place:])
    return Drawn(replace(drawn.chart, series=drawn_series), _joined(drawn.note, note), others_place=place)


def _fewer_rows(chart: Chart) -> Drawn:
    if chart.form != "rows" or len(chart.x) <= MOST_ROWS:
        return Drawn(chart)
    cut = tuple(
        replace(
            one,
            values=one.values[:MOST_ROWS],
            low=one.low[:MOST_ROWS] if one.low else None,
            high=one.high[:MOST_ROWS] if one.high else None,
        )
        for one in chart.series
    )
    note = f"The first {MOST_ROWS} of {len(chart.x)}; the table has all."
    return Drawn(replace(chart, x=chart.x[:MOST_ROWS], series=cut), note)


def _size(series: Series) -> float:
    return sum(abs(value) for value in series.values if value is not None)


def _sum(columns: Sequence[Sequence[float | None]]) -> tuple[float | None, ...]:
    """Add place by place; None where none of them is known."""
    return tuple(
        sum(sorted(known)) if (known := [value for value in values if value is not None]) else None
        for values in zip(*columns, strict=True)
    )


def _joined(*notes: str | None) -> str:
    return " ".join(note for note in notes if note)
