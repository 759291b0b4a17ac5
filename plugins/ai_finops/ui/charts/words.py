"""What a place of a picture tells in words: the same text for pointer, keyboard and screen reader."""

from __future__ import annotations

from ai_finops.ui.charts.ticks import full_label
from ai_finops.ui.page.cells import write
from ai_finops.ui.view import Chart, Series


def place_words(chart: Chart, place: int) -> str:
    """Return the values at one place, a line each; what is not known is said to be."""
    return "\n".join(
        [
            full_label(chart.x[place]),
            *(
                _series_words(one, place, kind=chart.kind)
                for one in chart.series
                if one.style != "mark" or one.words[place] is not None
            ),
        ]
    )


def _series_words(series: Series, place: int, *, kind: str) -> str:
    if series.style == "mark":
        return f"{series.name}: {series.words[place]}"
    value = series.values[place]
    words = f"{series.name}: {'not known' if value is None else write(value, kind).text}"
    low = series.low[place] if series.low else None
    high = series.high[place] if series.high else None
    if low is None or high is None:
        return words
    return f"{words} ({write(low, kind).text} to {write(high, kind).text})"
