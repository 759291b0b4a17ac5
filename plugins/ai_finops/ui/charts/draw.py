"""A chart as a figure: its title, what its colours mean in words, and the picture for a wide and for a narrow page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from markupsafe import Markup

from ai_finops.ui.charts import svg
from ai_finops.ui.charts.columns import column_parts
from ai_finops.ui.charts.fewer import Drawn, fewer
from ai_finops.ui.charts.rows import row_parts, rows_size
from ai_finops.ui.charts.stacks import has_values
from ai_finops.ui.charts.svg import escape
from ai_finops.ui.view import Chart, Series


def draw(chart: Chart) -> Markup:
    """Return the `<figure>`. Two pictures, of which the style sheet shows one: text stays as large as the page's on both.

    A small chart has one picture, as wide on a phone as on a desk.

    A chart without a known value is a sentence: an empty pair of axes would look like nothing spent.
    """
    if not chart.x or not has_values(chart):
        return Markup(  # noqa: S704 - every name in it went through escape()
            f'<figure class="chart" id="{escape(chart.chart_id)}">{_caption(chart)}'
            f'<p class="empty">{escape(chart.empty)}</p></figure>'
        )
    drawn = fewer(chart)
    colours = _colours(drawn)
    sizes = (svg.SMALL,) if chart.is_small else (svg.WIDE, svg.NARROW)
    pictures = "".join(_picture(drawn.chart, size=size, colours=colours) for size in sizes)
    note = f'<p class="note">{escape(drawn.note)}</p>' if drawn.note else ""
    return Markup(  # noqa: S704 - every name in it went through escape() in svg.py and here
        f'<figure class="chart" id="{escape(chart.chart_id)}">{_caption(chart)}'
        f'{_legend(drawn.chart, colours)}<div class="plot">{pictures}</div>{note}</figure>'
    )


def _caption(chart: Chart) -> str:
    made_of = f' <span class="under">{escape(chart.subtitle)}</span>' if chart.subtitle else ""
    return f"<figcaption>{escape(chart.title)}{made_of}</figcaption>"


def _picture(chart: Chart, *, size: svg.Size, colours: tuple[str, ...]) -> str:
    if chart.form == "rows":
        size = rows_size(chart, size=size)
        parts = row_parts(chart, size=size, colours=colours)
    else:
        parts = column_parts(chart, size=size, colours=colours)
    return svg.picture(parts, size=size, chart_id=chart.chart_id, title=chart.title, summary=chart.summary)


def _colours(drawn: Drawn) -> tuple[str, ...]:
    """Return the CSS class of each series: numbers in their order, words for what has no colour of its own."""
    numbers = count()
    return tuple(
        "others"
        if place == drawn.others_place
        else "nobody"
        if one.is_nobodys
        else "muted"
        if one.is_muted
        else f"c{next(numbers)}"
        for place, one in enumerate(drawn.chart.series)
    )


def _legend(chart: Chart, colours: tuple[str, ...]) -> str:
    has_series = len(chart.series) > 1 or any(one.low for one in chart.series)
    entries = [*(_entries(chart, colours) if has_series else ()), *(_bounds(chart) if chart.is_small else ())]
    return f'<ul class="legend">{"".join(entries)}</ul>' if entries else ""


def _entries(chart: Chart, colours: tuple[str, ...]) -> Iterator[str]:
    for one, colour in zip(chart.series, colours, strict=True):
        yield f"<li>{_swatch(one, colour)}{escape(one.name)}{_range_words(one)}</li>"


def _bounds(chart: Chart) -> Iterator[str]:
    for one in sorted(chart.thresholds, key=lambda each: -each.value):
        line = svg.line((0, 7), (16, 7), classes=f"threshold {one.status}")
        yield f'<li class="mark {one.status}">{_swatch_of(line)}{escape(one.label)}</li>'


def _range_words(series: Series) -> str:
    return f", with {escape(series.band)}" if series.low else ""


def _swatch(series: Series, colour: str) -> str:
    shape = {
        "bar": svg.rect(x=1, y=2, width=14, height=10, classes=f"bar {colour}"),
        "point": svg.dot((8, 7), radius=4, classes=f"dot {colour}"),
        "mark": svg.dot((8, 7), radius=5, classes=f"dot {colour}"),
    }.get(series.style, svg.line((0, 7), (16, 7), classes=f"line {series.style} {colour}"))
    return _swatch_of(shape)


def _swatch_of(shape: str) -> str:
    return f'<svg class="swatch" viewBox="0 0 16 14" aria-hidden="true" focusable="false">{shape}</svg>'
