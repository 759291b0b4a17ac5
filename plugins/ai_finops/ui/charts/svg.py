"""The few shapes that a picture has, as text. Every name that comes from data is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from markupsafe import escape as escape_markup

from ai_finops.ui.plain_text import visible

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing surface, in units that are pixels at its natural width."""

    name: str
    """`wide` or `narrow`, of which the style sheet shows one, or `small`: its CSS class."""
    width: int
    height: int


WIDE = Size("wide", 980, 300)
NARROW = Size("narrow", 340, 260)
SMALL = Size("small", 200, 150)


def escape(words: str) -> Markup:
    """Return words from outside as they may stand in SVG or HTML."""
    return escape_markup(visible(words))


def num(value: float) -> str:
    """Write a coordinate with one decimal at most."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def text(words: str, *, x: float, y: float, classes: str = "", anchor: str = "start") -> str:
    """Write words at a place; `anchor` is `start`, `middle` or `end`."""
    css = f' class="{classes}"' if classes else ""
    return f'<text x="{num(x)}" y="{num(y)}" text-anchor="{anchor}"{css}>{escape(words)}</text>'


def line(first: Point, last: Point, *, classes: str) -> str:
    """Draw a straight line."""
    (x1, y1), (x2, y2) = first, last
    return f'<line x1="{num(x1)}" y1="{num(y1)}" x2="{num(x2)}" y2="{num(y2)}" class="{classes}"/>'


def rect(*, x: float, y: float, width: float, height: float, classes: str) -> str:
    """Draw a rectangle."""
    return f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" class="{classes}"/>'


def bar_path(boxes: Iterable[tuple[float, float, float, float]], *, classes: str) -> str:
    """Draw rectangles `(x, y, width, height)` as one path: four hundred days in one element."""
    parts = "".join(f"M{num(x)} {num(y)}h{num(w)}v{num(h)}h-{num(w)}z" for x, y, w, h in boxes)
    return f'<path d="{parts}" class="{classes}"/>' if parts else ""


def polyline(points: Sequence[Point], *, classes: str) -> str:
    """Draw a line through at least two points."""
    return f'<path d="M{"L".join(f"{num(x)} {num(y)}" for x, y in points)}" class="{classes}"/>'


def area(points: Sequence[Point], *, classes: str) -> str:
    """Draw a closed shape."""
    return f'<path d="M{"L".join(f"{num(x)} {num(y)}" for x, y in points)}z" class="{classes}"/>'


def dot(place: Point, *, radius: float, classes: str) -> str:
    """Draw a point."""
    x, y = place
    return f'<circle cx="{num(x)}" cy="{num(y)}" r="{num(radius)}" class="{classes}"/>'


def hit(words: str, *, x: float, y: float, width: float, height: float) -> str:
    """An area that shows nothing but tells its values, to a pointer by its title and to the script."""
    box = rect(x=x, y=y, width=width, height=height, classes="hit")
    return f'<g class="place"><title>{escape(words)}</title>{box}</g>'


def picture(parts: Iterable[str], *, size: Size, chart_id: str, title: str, summary: str) -> str:
    """Put the parts into an `<svg>` that has a name and a description."""
    own = escape(f"{chart_id}-{size.name}")
    return (
        f'<svg class="{size.name}" viewBox="0 0 {size.width} {size.height}" role="img" '
        f'aria-labelledby="{own}-t" aria-describedby="{own}-d" focusable="false"><title id="{own}-t">{escape(title)}</title>'
        f'<desc id="{own}-d">{escape(summary)}</desc>{"".join(parts)}</svg>'
    )
