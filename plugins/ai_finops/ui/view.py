"""What a view of the page holds, before it is a page: pictures, tables and sentences as plain values.

A view is a function from an open connection on the published marts and the address's filters to a `View`; it knows no
HTML. The page draws it, a download writes one of its tables, and a test reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

Value = str | int | float | Decimal | bool | date | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """As in the mart, with its unit: `allocated_cost_usd`. It is the header of a download."""
    label: str
    """As people read it: `Cost`."""
    kind: str = "text"
    """`usd`, `usd_small` (of one request), `ratio` (0 to 1, shown in per cent), `times` (a quotient, shown as `1.18×`),
    `count`, `number`, `date`, `month`,
    `datetime`, `status` (healthy, watch, warning, …), `flag`, `name` (an id, shown as people call it; a download has the
    id) or `text`."""
    source: str | None = None
    """`mart.column` whose definition the header links to; None: `<mart of the table>.<name>`; empty: it has none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table below its picture."""

    table_id: str
    """Part of its address: `feature-costs`."""
    title: str
    mart: str
    """The mart that it is read from."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    note: str | None = None
    """A sentence below it: what is left out, what a total does not hold."""
    empty: str = "No rows."
    """What stands there when there are no rows: why, and what would bring some."""
    row_ids: tuple[str, ...] = ()
    """Of each row, for an address that ends in `#<id>`; none where no row has one."""
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a `number` column in which each row has a unit of its own: the kind of each row, by the column's name."""
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Of a `name` column: what people call its values, by the column's name; one that is not there goes by its id, as words."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one colour of bars."""

    name: str
    values: tuple[float | None, ...]
    """One for each x; None leaves a gap."""
    style: str = "line"
    """`line`, `dashed`, `bar`, `point`, or `mark`: a dot on the axis where it has words, and no value."""
    words: tuple[str | None, ...] = ()
    """Of a `mark`, what is said of each place, such as `not landed`; None where there is nothing to mark."""
    low: tuple[float | None, ...] | None = None
    high: tuple[float | None, ...] | None = None
    """The band around it, where it has one."""
    band: str = "its low and high end"
    """What the band is, as the legend says it: `its 80 % interval`."""
    is_muted: bool = False
    """Whether it is what stays beside the rest without counting, as a saving that was rejected: it is grey."""
    is_nobodys: bool = False
    """Whether it is what belongs to nobody: it has a neutral colour, and is never among "all others"."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level drawn across the picture: `Threshold("warning above 80.0%", 0.8, "warning")`.

    Between one whose status is `healthy` and one whose status is `warning` the picture has a band.
    """

    label: str
    value: float
    status: str
    """`healthy`, `watch` or `warning`: its colour."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture."""

    chart_id: str
    title: str
    summary: str
    """What it shows in a sentence with numbers, for who does not see it."""
    x: tuple[str | date, ...]
    series: tuple[Series, ...]
    kind: str = "usd"
    """Unit of the values, as of a column."""
    form: str = "columns"
    """`columns` (x from left to right; lines, and bars beside or on each other) or `rows` (a bar for each x, from the top)."""
    is_stacked: bool = False
    thresholds: tuple[Threshold, ...] = ()
    empty: str = "Nothing to draw yet."
    subtitle: str = ""
    """What its values are made of, below the title: `output tokens ÷ input tokens`."""
    is_small: bool = False
    """Whether it stands in a row with others, each as wide as a fifth of the page."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a view may be chosen, in its address: `?week=2025-06-09`."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    chosen: tuple[str, ...]
    is_multiple: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One large number above the pictures."""

    label: str
    value: Value
    kind: str
    note: str | None = None
    status: str | None = None
    source: str | None = None
    """`mart.column` whose definition it links to."""


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another page."""

    label: str
    href: str
    """Below the page's: `data-docs/index.html`."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Something about the data that who reads the view has to know: stale, failed, missing."""

    text: str
    status: str = "watch"
    """`watch` or `warning`."""
    link: Link | None = None
    """Where more of it stands."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that exists as a file already: the one of a week's message."""

    address: str
    """Below the page's: `reviews/2025-06-09.png`."""
    words: str
    """What it shows, for who does not see it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A picture and the tables that belong to it, below a heading."""

    heading: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    sentences: tuple[str, ...] = ()
    """A sentence may have line breaks; they are kept."""
    commands: tuple[str, ...] = ()
    """What its sentences say can be run, as it is typed."""
    pictures: tuple[Picture, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """All of a view."""

    slug: str
    """Its address below the page's: `weekly`."""
    title: str
    lead: str
    """The question that it answers, in a sentence."""
    sections: tuple[Section, ...]
    facts: tuple[Fact, ...] = ()
    filters: tuple[Filter, ...] = ()
    warns: tuple[Warn, ...] = field(default=())

    def table(self, table_id: str) -> Table | None:
        """Return a table by the id in its address."""
        return next(
            (table for section in self.sections for table in section.tables if table.table_id == table_id), None
        )
