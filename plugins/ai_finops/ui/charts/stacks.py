"""From where to where each bar goes, in the unit of its values. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ai_finops.ui.view import Chart, Series

Span = tuple[float, float] | None
"""From the base of a bar to its end; None where the value is not known, and nothing is drawn."""


def bar_spans(chart: Chart) -> list[list[Span]]:
    """Return for each bar series its spans by place: from zero, or on each other where the chart is stacked.

    Negative values are stacked downward from zero, apart from the positive ones.
    """
    bars = [one for one in chart.series if one.style == "bar"]
    if not chart.is_stacked:
        return [[None if value is None else (0.0, value) for value in one.values] for one in bars]
    above, below = [0.0] * len(chart.x), [0.0] * len(chart.x)
    spans: list[list[Span]] = []
    for one in bars:
        spans.append([])
        for place, value in enumerate(one.values):
            heap = below if (value or 0) < 0 else above
            spans[-1].append(None if value is None else (heap[place], heap[place] + value))
            heap[place] += value or 0
    return spans


def domain(chart: Chart) -> tuple[float, float]:
    """Return the smallest and the largest value that has to be in the picture; zero always is."""
    values = [0.0, *(value for spans in bar_spans(chart) for span in spans if span for value in span)]
    for one in chart.series:
        if one.style != "bar":
            values += _known(one.values)
        values += [*_known(one.low or ()), *_known(one.high or ())]
    values += [threshold.value for threshold in chart.thresholds]
    return min(values), max(values)


def has_values(chart: Chart) -> bool:
    """Return whether anything is known that could be drawn."""
    return any(_known(one.values) or _known(one.low or ()) for one in chart.series)


def known_runs(series: Series) -> Iterator[list[int]]:
    """Yield the runs of places whose value is known: a line is drawn through each, and none across a gap."""
    yield from _runs([value is not None for value in series.values])


def band_runs(series: Series) -> Iterator[list[int]]:
    """Yield the runs of places where both ends of the band are known."""
    if series.low is None or series.high is None:
        return
    yield from _runs([low is not None and high is not None for low, high in zip(series.low, series.high, strict=True)])


def _runs(is_known: Sequence[bool]) -> Iterator[list[int]]:
    run: list[int] = []
    for place, known in enumerate(is_known):
        if known:
            run.append(place)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _known(values: Sequence[float | None]) -> list[float]:
    return [float(value) for value in values if value is not None]
