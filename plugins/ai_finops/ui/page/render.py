"""A `View` as an HTML page. Pure: a view, a build and an address in, text out; nothing is read here but the templates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ai_finops.ui.address import NAME
from ai_finops.ui.charts import draw
from ai_finops.ui.page.cells import NUMERIC, Cell, write
from ai_finops.ui.plain_text import visible
from ai_finops.ui.published import Build
from ai_finops.ui.view import Column, Fact, Table, View, Warn

HERE = Path(__file__).parent
STATIC = HERE / "static"
SHOWN_ROWS = 200
"""Rows of a table that stand in the page; the downloads have all."""


_WIDTHS = ((150, "long very vast"), (100, "long very"), (64, "long wide"), (48, "long"), (24, "mid"))
_NAME_WIDTHS = ((80, "very"), (32, "wide"), (24, "mid"))
"""More characters than these get a text a column so wide, that rows stay low: nobody sees what makes them tall from afar."""
_MOST_WHOLE = 20
"""Rows of a table that is as high as they are; a longer one scrolls in a frame."""
_BREAKS = re.compile(r"[_=](?=\S)|[^\s_]{30}(?=[^\s_])")
"""After what a line may break within a word."""
_TWO_LINES = 12
"""Characters of a header that fit into a narrow column's line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page is asked for."""

    base: str
    """What stands before every address of the page, without a slash at its end."""
    slug: str
    query: tuple[tuple[str, str], ...] = ()
    """The filters of the address, in their order."""
    navigation: tuple[tuple[str, str], ...] = ()
    """Slug and name of every view."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Why there is no view."""

    title: str
    text: str
    state: str
    """In the place of the build: `nothing published`."""
    status: int = 200
    """Of the answer."""


def render(
    view: View | None,
    *,
    place: Place,
    build: Build | None,
    warns: Sequence[Warn] = (),
    today: date,
    notice: Notice | None = None,
) -> str:
    """Return the page of a view; without one, the page that says why there is none.

    Args:
        view: What to show, or None.
        place: Where it is asked for.
        build: What it was read from; None where nothing is published.
        warns: About the data, before those of the view.
        today: For the age of what is shown.
        notice: Why there is no view, where there is none.
    """
    return (
        _environment()
        .get_template("view.html")
        .render(
            app_name=NAME,
            view=view,
            place=place,
            build=build,
            age=_age(build, today=today),
            warns=[*warns, *(view.warns if view else ())],
            notice=notice,
            query_string=urlencode(place.query),
        )
    )


def render_refusal(*, base: str, status: int, title: str, text: str, sign_in: str | None = None) -> str:
    """Return the page of an address that cannot be shown; it holds nothing of the data."""
    template = _environment().get_template("refusal.html")
    return template.render(
        app_name=NAME, place=Place(base=base, slug=""), status=status, title=title, text=text, sign_in=sign_in
    )


@cache
def static_version(name: str) -> str:
    """Return the first digits of a static file's hash: an address that changes with the content."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.globals.update(
        draw=draw,
        static_version=static_version,
        write=write,
        shown_rows=SHOWN_ROWS,
        most_whole=_MOST_WHOLE,
        definition=_definition,
        classes=_classes,
    )
    environment.filters.update(
        as_is=escape,
        breakable=_breakable,
        cells=_cells,
        fact_cells=_fact_cells,
        head_classes=_head_classes,
        slug_id=_slug_id,
    )
    return environment


def _seen(value: object) -> object:
    """What every value goes through on its way out; `as_is` keeps one that is sent back, a filter's."""
    return visible(value) if type(value) is str else value


def _age(build: Build | None, *, today: date) -> str:
    if build is None:
        return ""
    days = (today - build.as_of_date).days
    return "up to yesterday" if days <= 0 else "1 day old" if days == 1 else f"{days:,} days old"


def _cells(table: Table) -> list[list[Cell]]:
    def kind(column: Column, place: int) -> str:
        return table.kinds[column.name][place] if column.name in table.kinds else column.kind

    return [
        [
            write(value, kind(column, place), table.names.get(column.name))
            for value, column in zip(row, table.columns, strict=True)
        ]
        for place, row in enumerate(table.rows[:SHOWN_ROWS])
    ]


def _fact_cells(fact: Fact) -> tuple[Cell, Cell | None]:
    """Return a fact's value, and its status where neither the value nor the label says it already."""
    value = write(fact.value, fact.kind)
    if fact.status is None or fact.kind == "status":
        return value, None
    status = write(fact.status, "status")
    if fact.kind == "text":
        return replace(value, status=status.status), None
    return value, replace(status, text="") if status.text == fact.label.lower() else status


def _breakable(text: str) -> Markup:
    """Return a name as HTML that a narrow column may break: after `_` and `=`, and within what no word is as long as."""
    # No text that is seen has the character that stands for the break.
    return escape(_BREAKS.sub("\\g<0>\0", str(_seen(text)))).replace("\0", Markup("<wbr>"))


def _classes(column: Column, cell: Cell) -> str:
    """Return how a cell is set: numbers on the right, dates and states on one line, long text with room."""
    if column.kind in NUMERIC:
        return "n"
    if column.kind in ("date", "month", "datetime", "status", "flag"):
        return "d"
    # A name without a blank is no sentence, however long, and may be broken.
    widths = _WIDTHS if " " in cell.text else _NAME_WIDTHS
    return next((width for least, width in widths if len(cell.text) > least), "")


def _head_classes(column: Column) -> str:
    """Return how a header is set: above numbers on the right, a long one with room to stand in two lines."""
    return " ".join(
        filter(None, ("n" if column.kind in NUMERIC else "", "two" if len(column.label) > _TWO_LINES else ""))
    )


def _definition(place: Place, thing: Column | Fact, mart: str | None = None) -> str | None:
    """Return the address of a number's definition."""
    source = thing.source
    if source is None and mart and isinstance(thing, Column):
        source = f"{mart}.{thing.name}"
    return f"{place.base}/definitions#{_slug_id(source)}" if source else None


def _slug_id(source: str) -> str:
    """Return an id for `mart.column`: only letters, digits, dots, dashes and underscores."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in source)


def query_of(params: Mapping[str, Sequence[str]]) -> tuple[tuple[str, str], ...]:
    """Return filters as pairs, in the order of their names, so that one choice has one address."""
    return tuple((name, value) for name in sorted(params) for value in params[name])


__all__ = ["STATIC", "Notice", "Place", "query_of", "render", "render_refusal", "static_version"]
