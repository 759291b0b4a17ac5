"""A picture whose places go from left to right: bars beside or on each other, lines, bands and points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ai_finops.ui.charts import svg
from ai_finops.ui.charts.marks import mark_places
from ai_finops.ui.charts.stacks import Span, band_runs, bar_spans, domain, known_runs
from ai_finops.ui.charts.svg import Size
from ai_finops.ui.charts.ticks import label_ticks, nice_ticks, spread_labels, whole_ticks, x_labels
from ai_finops.ui.charts.words import place_words
from ai_finops.ui.view import Chart

_TOP, _BOTTOM, _RIGHT = 14, 34, 8
_CHARACTER = 7.4
"""Width of a character of an axis label, in units: of DejaVu Sans at 12, the widest of the fonts that may be there."""
_MARK = 7.1
"""Width of a character of a bound's name, which is bold."""
_WIDEST_BAR = 56


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a value and a place stand on the surface."""

    size: Size
    left: float
    low: float
    high: float
    count: int

    @property
    def width(self) -> float:
        """Of the plot alone."""
        return self.size.width - self.left - _RIGHT

    @property
    def step(self) -> float:
        """From one place to the next."""
        return self.width / max(self.count, 1)

    def x(self, place: float) -> float:
        """Return the middle of a place."""
        return self.left + (place + 0.5) * self.step

    def y(self, value: float) -> float:
        """Return how far down a value lies."""
        height = self.size.height - _TOP - _BOTTOM
        return _TOP + height * (self.high - value) / (self.high - self.low)


def column_parts(chart: Chart, *, size: Size, colours: tuple[str, ...]) -> Iterator[str]:
    """Yield the shapes of the picture, from back to front.

    Args:
        chart: With at least one known value.
        size: The surface.
        colours: CSS class of each series.
    """
    low, high = domain(chart)
    ticks_of = whole_ticks if chart.kind == "count" else nice_ticks
    ticks = ticks_of(low, high, count=5 if size.name == "wide" else 4)
    labels = label_ticks(ticks, kind=chart.kind)
    left = max(len(label) for label in labels) * _CHARACTER + 10
    frame = Frame(size=size, left=left, low=ticks[0], high=ticks[-1], count=len(chart.x))
    for tick, label in zip(ticks, labels, strict=True):
        yield svg.line(
            (left, frame.y(tick)), (size.width - _RIGHT, frame.y(tick)), classes="zero" if not tick else "grid"
        )
        yield svg.text(label, x=left - 6, y=frame.y(tick) + 4, anchor="end", classes="tick")
    yield from _x_axis(chart, frame)
    yield from _between(chart, frame)
    yield from _bands(chart, frame, colours)
    yield from _bars(chart, frame, colours)
    yield from _thresholds(chart, frame)
    yield from _lines(chart, frame, colours)
    for place in range(len(chart.x)):
        x = frame.left + place * frame.step
        yield svg.hit(place_words(chart, place), x=x, y=_TOP, width=frame.step, height=size.height - _TOP - _BOTTOM)


def _x_axis(chart: Chart, frame: Frame) -> Iterator[str]:
    labels = x_labels(chart.x)
    is_dated = all(not isinstance(place, str) for place in chart.x)
    longest = max(len(label) for label in labels)
    widest = (longest if is_dated else min(longest, 12)) * _CHARACTER + 12
    room = max(1, int(frame.width / widest))
    fitting = max(3, int(max(frame.step, widest) / _CHARACTER) - 1)
    y, year = frame.size.height - 18, None
    for place in spread_labels(len(labels), room=room):
        label = labels[place]
        shown = label if is_dated or len(label) <= fitting else f"{label[: fitting - 1]}…"
        x = frame.x(place)
        half = len(shown) * _CHARACTER / 2
        anchor = "end" if x + half > frame.size.width else "middle"
        yield svg.text(shown, x=frame.size.width if anchor == "end" else x, y=y, anchor=anchor, classes="tick")
        own_year = getattr(chart.x[place], "year", None)
        if own_year != year and own_year is not None and str(own_year) not in label:
            yield svg.text(str(own_year), x=x, y=y + 14, anchor="middle", classes="tick faint")
        year = own_year


def _bands(chart: Chart, frame: Frame, colours: tuple[str, ...]) -> Iterator[str]:
    for one, colour in zip(chart.series, colours, strict=True):
        for run in band_runs(one):
            above = [(frame.x(place), frame.y(one.high[place])) for place in run]
            below = [(frame.x(place), frame.y(one.low[place])) for place in reversed(run)]
            if one.style == "bar" or len(run) == 1:
                yield from (_whisker(top, bottom) for top, bottom in zip(above, reversed(below), strict=True))
            else:
                yield svg.area([*above, *below], classes=f"band {colour}")


def _whisker(top: svg.Point, bottom: svg.Point) -> str:
    return svg.line(top, bottom, classes="whisker")


def _bars(chart: Chart, frame: Frame, colours: tuple[str, ...]) -> Iterator[str]:
    own = [colour for one, colour in zip(chart.series, colours, strict=True) if one.style == "bar"]
    beside = 1 if chart.is_stacked else max(len(own), 1)
    room = min(frame.step * (0.86 if frame.step < 8 else 0.72), _WIDEST_BAR * beside)
    for order, (spans, colour) in enumerate(zip(bar_spans(chart), own, strict=True)):
        offset = 0 if chart.is_stacked else order * room / beside
        boxes = _boxes(spans, frame, start=offset - room / 2, width=room / beside)
        yield svg.bar_path(boxes, classes=f"bar {colour}")


def _boxes(
    spans: list[Span], frame: Frame, *, start: float, width: float
) -> Iterator[tuple[float, float, float, float]]:
    for place, span in enumerate(spans):
        if span is None or span[0] == span[1]:
            continue
        top, bottom = frame.y(max(span)), frame.y(min(span))
        yield frame.x(place) + start, top, width, bottom - top


def _between(chart: Chart, frame: Frame) -> Iterator[str]:
    """The band between the bound of what is healthy and that of a warning."""
    bounds = {one.status: frame.y(one.value) for one in chart.thresholds if one.status in ("healthy", "warning")}
    if len(bounds) == 2:
        top, bottom = sorted(bounds.values())
        yield svg.rect(x=frame.left, y=top, width=frame.width, height=bottom - top, classes="between")


def _thresholds(chart: Chart, frame: Frame) -> Iterator[str]:
    right, ordered = frame.size.width - _RIGHT, sorted(chart.thresholds, key=lambda one: -one.value)
    for one in ordered:
        yield svg.line((frame.left, frame.y(one.value)), (right, frame.y(one.value)), classes=f"threshold {one.status}")
    if chart.is_small:
        return  # No name has room beside the line; the legend has them.
    names = mark_places(
        [(frame.y(one.value), len(one.label) * _MARK) for one in ordered],
        ends=(frame.left, right),
        avoid=_drawn_points(chart, frame),
    )
    for one, (x, y, anchor) in zip(ordered, names, strict=True):
        yield svg.text(one.label, x=x, y=y, anchor=anchor, classes=f"mark {one.status}")


def _drawn_points(chart: Chart, frame: Frame) -> list[svg.Point]:
    """Return points along all lines, close enough to each other that no name fits between two."""
    points = []
    for one in chart.series:
        for run in known_runs(one) if one.style != "bar" else ():
            places = [(frame.x(place), frame.y(one.values[place])) for place in run]
            points += places
            for (x1, y1), (x2, y2) in pairwise(places):
                parts = max(1, round(max(abs(x2 - x1), abs(y2 - y1)) / 6))
                points += [(x1 + (x2 - x1) * part / parts, y1 + (y2 - y1) * part / parts) for part in range(1, parts)]
    return points


def _lines(chart: Chart, frame: Frame, colours: tuple[str, ...]) -> Iterator[str]:
    for one, colour in zip(chart.series, colours, strict=True):
        if one.style == "bar":
            continue
        places = [
            (place, (frame.x(place), frame.y(value))) for place, value in enumerate(one.values) if value is not None
        ]
        at = dict(places)
        if one.style != "point":
            for run in known_runs(one):
                if len(run) > 1:
                    yield svg.polyline([at[place] for place in run], classes=f"line {one.style} {colour}")
        alone = {run[0] for run in known_runs(one) if len(run) == 1}
        for place, point in places:
            if one.style == "point" or place in alone or len(places) <= 16:
                yield svg.dot(point, radius=4 if one.style == "point" else 3, classes=f"dot {colour}")
        for place, words in enumerate(one.words if one.style == "mark" else ()):
            if words is not None:
                yield svg.dot((frame.x(place), frame.y(0)), radius=5, classes=f"dot {colour}")
