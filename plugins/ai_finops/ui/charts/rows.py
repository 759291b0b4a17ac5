"""A picture whose places go from top to bottom: a bar for each, its name before or above it, its value behind it."""

from __future__ import annotations

from collections.abc import Iterator

from ai_finops.ui.charts import svg
from ai_finops.ui.charts.stacks import Span, bar_spans, domain
from ai_finops.ui.charts.svg import Size
from ai_finops.ui.charts.ticks import nice_ticks, x_labels
from ai_finops.ui.charts.words import place_words
from ai_finops.ui.page.cells import write
from ai_finops.ui.view import Chart

_CHARACTER = 8.1
"""Width of a character of a name, in units: of DejaVu Sans at 13, the widest of the fonts that may be there."""
_BAR = 16
_GAP = 12
_LABEL = 17
"""Height of a name that stands above its bar."""
_MOST_LABEL = 440


def row_height(chart: Chart, *, size: Size) -> int:
    """Return how high one row is."""
    bars = _bar_count(chart)
    return _BAR * bars + _GAP + (_LABEL if size.name == "narrow" else 0)


def rows_size(chart: Chart, *, size: Size) -> Size:
    """Return the surface that the rows need: as wide as `size`, as high as there are rows."""
    top = 18 if chart.thresholds else 4
    return Size(size.name, size.width, top + row_height(chart, size=size) * len(chart.x) + 6)


def row_parts(chart: Chart, *, size: Size, colours: tuple[str, ...]) -> Iterator[str]:
    """Yield the shapes of the picture.

    Args:
        chart: With at least one known value.
        size: What `rows_size` said.
        colours: CSS class of each series.
    """
    labels = x_labels(chart.x)
    is_narrow = size.name == "narrow"
    left = 2.0 if is_narrow else min(max(len(label) for label in labels) * _CHARACTER, _MOST_LABEL) + 8
    values = [_value_words(chart, place) for place in range(len(chart.x))]
    right = size.width - max(len(words) for words in values) * _CHARACTER - 10
    low, high = domain(chart)
    # Even ends only where there is something to read against; else the longest bar fills its room.
    low, high = (low, high) if high > low else nice_ticks(low, high, count=1)[:2]

    def x(value: float) -> float:
        return left + (right - left) * (value - low) / (high - low)

    top = 18 if chart.thresholds else 4
    height = row_height(chart, size=size)
    bars_height = _BAR * _bar_count(chart)
    for place, label in enumerate(labels):
        y = top + place * height + (_LABEL if is_narrow else 0)
        yield svg.line((x(0), y - 2), (x(0), y + bars_height), classes="zero")
        fitting = int((size.width if is_narrow else left - 8) / _CHARACTER) + 1
        shown = label if len(label) <= fitting else f"{label[: fitting - 1]}…"
        if is_narrow:
            yield svg.text(shown, x=left, y=y - 4, classes="name")
        else:
            yield svg.text(shown, x=left - 8, y=y + bars_height / 2 + 4.5, anchor="end", classes="name")
        yield from _bars(chart, place, y=y, x=x, colours=colours)
        end = max([x(0), *(x(value) for value in _ends(chart, place))])
        yield svg.text(values[place], x=end + 6, y=y + bars_height / 2 + 4.5, classes="value")
        yield svg.hit(place_words(chart, place), x=0, y=y - _GAP / 2, width=size.width, height=bars_height + _GAP)
    yield from _thresholds(chart, x=x, size=size)


def _bars(chart: Chart, place: int, *, y: float, x: object, colours: tuple[str, ...]) -> Iterator[str]:
    spans: list[list[Span]] = bar_spans(chart)
    own = [(one, colour) for one, colour in zip(chart.series, colours, strict=True) if one.style == "bar"]
    for order, ((one, colour), of_series) in enumerate(zip(own, spans, strict=True)):
        start = y if chart.is_stacked else y + order * _BAR
        if (span := of_series[place]) is not None and span[0] != span[1]:
            first, last = sorted((x(span[0]), x(span[1])))
            yield svg.rect(x=first, y=start, width=last - first, height=_BAR - 2, classes=f"bar {colour}")
        low, high = (one.low[place] if one.low else None), (one.high[place] if one.high else None)
        if low is not None and high is not None:
            middle = start + _BAR / 2 - 1
            yield svg.line((x(low), middle), (x(high), middle), classes="whisker")
    for one, colour in zip(chart.series, colours, strict=True):
        if one.style != "bar" and one.values[place] is not None:
            yield svg.dot(
                (x(one.values[place]), y + _BAR * _bar_count(chart) / 2 - 1), radius=4, classes=f"dot {colour}"
            )


def _bar_count(chart: Chart) -> int:
    return 1 if chart.is_stacked else max(1, sum(one.style == "bar" for one in chart.series))


def _ends(chart: Chart, place: int) -> list[float]:
    ends = [span[1] for spans in bar_spans(chart) if (span := spans[place])]
    ends += [one.values[place] for one in chart.series if one.style != "bar" and one.values[place] is not None]
    return ends + [one.high[place] for one in chart.series if one.high and one.high[place] is not None]


def _value_words(chart: Chart, place: int) -> str:
    """Write what stands behind the bar: the value, the sum of bars on each other, or each of several."""
    known = [one.values[place] for one in chart.series if one.style == "bar" and one.values[place] is not None]
    if not known:
        return "not known"
    if chart.is_stacked or len(known) == 1:
        return write(sum(known), chart.kind).text
    return " · ".join(write(value, chart.kind).text for value in known)


def _thresholds(chart: Chart, *, x: object, size: Size) -> Iterator[str]:
    for threshold in chart.thresholds:
        at = x(threshold.value)
        yield svg.line((at, 14), (at, size.height - 4), classes=f"threshold {threshold.status}")
        yield svg.text(threshold.label, x=at, y=11, anchor="middle", classes=f"mark {threshold.status}")
