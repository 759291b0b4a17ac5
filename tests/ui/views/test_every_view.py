"""What holds of every view, whatever the marts hold: its tables fit their columns, and each column is defined somewhere."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

from ai_finops.build.marts import MARTS
from ai_finops.ui.view import View
from ai_finops.ui.views import VIEWS
from tests.ui.published_marts import contracts, dimension_columns

OURS = ("reconciliation", "projection", "metrics", "anomalies", "savings", "health")
KINDS = {"usd", "usd_small", "ratio", "count", "number", "date", "month", "datetime", "status", "flag", "text"}
DIMS = {mart: set(names) for mart, names in dimension_columns().items()}
ODD = ("", "no such value", "2025-13", "9999-99-99", "' or 1=1 --", "../../etc/passwd", "\x00")


def see(slug: str, connection, settings, **chosen) -> View:
    return VIEWS[slug](connection, chosen=chosen, settings=settings)


def holds_together(view: View, slug: str) -> None:
    tables = [table for section in view.sections for table in section.tables]
    charts = [chart for section in view.sections for chart in section.charts]
    ids = [table.table_id for table in tables] + [chart.chart_id for chart in charts]
    assert view.slug == slug
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each) for each in ids), ids
    for table in tables:
        assert table.mart in MARTS or table.mart in DIMS
        assert {len(row) for row in table.rows} <= {len(table.columns)}
        assert len({column.name for column in table.columns}) == len(table.columns)
        for column in table.columns:
            assert column.kind in KINDS
            assert column.source == "" or is_defined(column.source or f"{table.mart}.{column.name}")
    for fact in view.facts:
        assert fact.kind in KINDS
        assert fact.source is None or is_defined(fact.source)
    for chart in charts:
        assert chart.summary or not chart.x
        lengths = [len(values) for each in chart.series for values in (each.values, each.low, each.high) if values]
        assert set(lengths) <= {len(chart.x)}
        assert len(set(chart.x)) == len(chart.x)
    for each in view.filters:
        known = {choice.value for choice in each.choices}
        assert set(each.chosen) <= known
        assert len(known) == len(each.choices)


def is_defined(source: str) -> bool:
    mart, _, name = source.partition(".")
    columns = DIMS.get(mart) or contracts()[mart]
    assert name in columns, f"no column {source}"
    return True


# The tiny digest leaves out what its contract says is never NULL, so the weekly view is held on marts of its own.
@pytest.mark.parametrize(
    ("name", "slug"), [("empty", slug) for slug in VIEWS] + [("tiny", slug) for slug in VIEWS if slug != "weekly"]
)
def test_a_view_fits_its_own_columns_and_names_columns_that_are_published(marts, settings, slug, name):
    holds_together(see(slug, marts(name), settings), slug)


@pytest.mark.parametrize("slug", OURS)
def test_without_a_row_every_table_says_why_and_nothing_is_drawn(marts, settings, slug):
    view = see(slug, marts("empty"), settings)
    tables = [table for section in view.sections for table in section.tables]
    assert [table.rows for table in tables] == [()] * len(tables)
    assert all(len(table.empty) > 20 for table in tables)
    for section in view.sections:
        for chart in section.charts:
            assert not any(value is not None for each in chart.series for value in each.values)


@pytest.mark.parametrize("slug", OURS)
@pytest.mark.parametrize("odd", ODD)
def test_what_an_address_says_and_is_not_there_counts_as_not_said(marts, settings, slug, odd):
    connection = marts("tiny")
    plain = see(slug, connection, settings)
    asked = {each.name: [odd] for each in plain.filters} | {"unheard_of": [odd]}
    assert see(slug, connection, settings, **asked) == plain


@pytest.mark.parametrize("slug", OURS)
def test_every_choice_of_every_filter_can_be_chosen(marts, settings, slug):
    connection = marts("tiny")
    for each in see(slug, connection, settings).filters:
        for choice in each.choices:
            view = see(slug, connection, settings, **{each.name: [choice.value]})
            holds_together(view, slug)
            assert choice.value in next(again for again in view.filters if again.name == each.name).chosen


@pytest.mark.parametrize("slug", OURS)
def test_costs_that_are_not_known_stay_unknown(marts, settings, slug):
    money = [
        (mart, name)
        for mart, columns in contracts().items()
        for name, kind in columns.items()
        if kind.startswith("decimal") and mart in _read_by(slug)
    ]
    statements = [f"update {mart} set {name} = null" for mart, name in money]
    view = see(slug, marts("tiny", *statements), settings)
    holds_together(view, slug)
    for section in view.sections:
        for table in section.tables:
            places = [place for place, column in enumerate(table.columns) if column.kind == "usd"]
            assert {row[place] for row in table.rows for place in places} <= {None}
    assert {fact.value for fact in view.facts if fact.kind == "usd"} <= {None}


def _read_by(slug: str) -> set[str]:
    text = Path(importlib.import_module(f"ai_finops.ui.views.{slug}").__file__).read_text()
    return {mart for mart in MARTS if mart in text}


def test_every_field_of_a_view_can_be_compared():
    assert {field.name for field in fields(View)} >= {"slug", "title", "lead", "sections", "facts", "filters", "warns"}
