"""Reads a drawn picture back: its shapes with their numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ai_finops.ui.charts import draw
from ai_finops.ui.view import Chart


def picture(chart: Chart, size: str = "wide") -> ElementTree.Element:
    """Return the `<svg>` of a size; it has to be well-formed."""
    figure = ElementTree.fromstring(str(draw(chart)))
    return next(one for one in figure.iter("svg") if one.get("class") == size)


def boxes(svg: ElementTree.Element, colour: str) -> list[tuple[float, ...]]:
    """Return the bars of a colour as x, y, width, height."""
    (path,) = [one for one in svg.iter("path") if one.get("class") == f"bar {colour}"]
    return [
        tuple(map(float, one)) for one in re.findall(r"M([\d.-]+) ([\d.-]+)h([\d.]+)v([\d.]+)h-[\d.]+z", path.get("d"))
    ]


def shapes(svg: ElementTree.Element, tag: str, css: str) -> list[ElementTree.Element]:
    return [one for one in svg.iter(tag) if set(css.split()) <= set((one.get("class") or "").split())]


def texts(svg: ElementTree.Element, css: str) -> list[str]:
    return [one.text for one in shapes(svg, "text", css)]
