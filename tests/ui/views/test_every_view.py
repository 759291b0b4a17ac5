"""What holds of every view, whatever the marts hold: its tables fit their columns, and each column is defined somewhere."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from ai_finops.build.marts import MARTS
from ai_finops.ui.view import Column, Fact, Section, Table, View
from ai_finops.ui.views import VIEWS
from tests.ui.conftest import DIGEST
from tests.ui.published_marts import contracts, dimension_columns

FILTERED = tuple(slug for slug in VIEWS if slug != "definitions")
"""Views whose numbers are read from the marts; the definitions are what the marts say of themselves."""
NUMBERS = {"usd", "usd_small", "ratio", "times", "count", "number"}
"""Kinds of a column that are numbers."""
KINDS = NUMBERS | {"date", "month", "datetime", "status", "flag", "name", "text"}
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
            if column.source == "":
                assert slug == "definitions" and column.kind not in NUMBERS
            else:
                assert is_defined(column.source or f"{table.mart}.{column.name}")
        for name, kinds in table.kinds.items():
            assert [column.kind for column in table.columns if column.name == name] == ["number"]
            assert len(kinds) == len(table.rows)
            assert set(kinds) <= KINDS
    for fact in view.facts:
        assert fact.kind in KINDS
        # The definitions count themselves; every other number has one.
        assert is_defined(fact.source) if fact.source else slug == "definitions" or fact.kind not in NUMBERS
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


@pytest.mark.parametrize("name", ["empty", "tiny"])
@pytest.mark.parametrize("slug", VIEWS)
def test_a_view_fits_its_own_columns_and_names_columns_that_are_published(marts, settings, slug, name):
    holds_together(see(slug, marts(name, *((DIGEST,) if name == "tiny" else ())), settings), slug)


@pytest.mark.parametrize(
    "broken",
    [
        {"facts": (Fact("Cost", 1, "usd"),)},
        {"facts": (Fact("Cost", 1, "usd", source="fct_daily_feature_costs.no_such_column"),)},
        {"sections": (Section("s", tables=(Table("t", "T", "rpt_sprints", (Column("x", "X", "usd"),), ()),)),)},
        {"sections": (Section("s", tables=(Table("t", "T", "rpt_sprints", (Column("x", "X", "usd", ""),), ()),)),)},
    ],
)
def test_a_number_without_a_definition_is_found(broken):
    with pytest.raises((AssertionError, KeyError)):
        holds_together(
            View("weekly", "Weekly review", "?", broken.get("sections", ()), broken.get("facts", ())), "weekly"
        )


HOLE = """delete from {mart} where {name} between date '2025-06-04' and date '2025-06-05'"""
DATED = [
    (mart, name)
    for mart, columns in contracts().items()
    for name in ("usage_date", "landing_date")
    if columns.get(name) == "date"
]


@pytest.mark.parametrize("slug", FILTERED)
def test_days_weeks_and_months_without_data_keep_their_places(marts, settings, slug):
    # A bill of May 20 leaves two weeks and more before June 2; two days within the first week are lost.
    of = "from fct_daily_cost_baselines where feature_id = 'chat'"
    total = f"insert into fct_daily_cost_baselines by name select * replace ('total' as feature_id) {of}"
    earlier = [
        f"insert into {mart} by name select * replace (date '2025-05-20' as {name}) from {mart} where {name} = '2025-06-02'"
        for mart, name in DATED
    ]
    weeks = [
        f"insert into {mart} by name select * replace (date '2025-05-19' as week_start_date) from {mart} "
        "where week_start_date = '2025-06-02' limit 1"
        for mart in ("fct_weekly_metrics", "fct_decision_results")
    ]
    holes = [HOLE.format(mart=mart, name=name) for mart, name in DATED]
    view = see(
        slug,
        marts("tiny", DIGEST, total, *earlier, *weeks, *holes),
        settings,
        **LONGEST.get(slug, {}),
    )
    drawn = [chart for section in view.sections for chart in section.charts if chart.x and chart.form == "columns"]
    assert slug == "savings" or drawn
    for chart in drawn:
        assert all(isinstance(place, date) for place in chart.x)
        steps = {(after - before).days for before, after in pairwise(chart.x)}
        assert steps <= {1} or steps <= {7} or steps <= {28, 29, 30, 31}, chart.chart_id
        days = [place for place in chart.x if date(2025, 6, 4) <= place <= date(2025, 6, 5)]
        for one in chart.series if steps == {1} else ():
            assert all(one.values[chart.x.index(day)] is None for day in days), (chart.chart_id, one.name)
    if slug in ("features", "reconciliation", "projection", "metrics", "anomalies", "health"):
        assert any({date(2025, 6, 4), date(2025, 6, 5)} <= set(chart.x) for chart in drawn)


LONGEST = {"features": {"days": ["all"]}, "health": {"days": ["28"]}, "metrics": {"metric": ["token_amplification"]}}


@pytest.mark.parametrize("slug", FILTERED)
def test_a_status_is_said_once(marts, settings, slug):
    insufficient = "update fct_weekly_metrics set status = 'insufficient', verdict = 'insufficient'"
    view = see(slug, marts("tiny", DIGEST, insufficient), settings)
    for section in view.sections:
        for table in section.tables:
            kinds = [column.kind for column in table.columns]
            for row in table.rows:
                words = [
                    (kind, str(value).lower()) for kind, value in zip(kinds, row, strict=True) if value is not None
                ]
                statuses = {word for kind, word in words if kind == "status"}
                assert not statuses & {word for kind, word in words if kind != "status"}, (table.table_id, row)


@pytest.mark.parametrize("slug", FILTERED)
def test_without_a_row_every_table_says_why_and_nothing_is_drawn(marts, settings, slug):
    view = see(slug, marts("empty"), settings)
    tables = [table for section in view.sections for table in section.tables]
    assert [table.rows for table in tables] == [()] * len(tables)
    assert all(len(table.empty) > 20 for table in tables)
    for section in view.sections:
        for chart in section.charts:
            assert not any(value is not None for each in chart.series for value in each.values)


@pytest.mark.parametrize("slug", FILTERED)
@pytest.mark.parametrize("odd", ODD)
def test_what_an_address_says_and_is_not_there_counts_as_not_said(marts, settings, slug, odd):
    connection = marts("tiny", DIGEST)
    plain = see(slug, connection, settings)
    asked = {each.name: [odd] for each in plain.filters} | {"unheard_of": [odd]}
    assert see(slug, connection, settings, **asked) == plain


@pytest.mark.parametrize("slug", FILTERED)
def test_every_choice_of_every_filter_can_be_chosen(marts, settings, slug):
    connection = marts("tiny", DIGEST)
    plain = see(slug, connection, settings)
    for each in plain.filters:
        for choice in each.choices:
            view = see(slug, connection, settings, **{each.name: [choice.value]})
            holds_together(view, slug)
            # What was made is found by these names again, whatever is chosen.
            assert [again.name for again in view.filters] == [one.name for one in plain.filters]
            assert choice.value in next(again for again in view.filters if again.name == each.name).chosen


@pytest.mark.parametrize("slug", FILTERED)
def test_costs_that_are_not_known_stay_unknown(marts, settings, slug):
    money = [
        (mart, name)
        for mart, columns in contracts().items()
        for name, kind in columns.items()
        if kind.startswith("decimal") and mart in _read_by(slug)
    ]
    statements = [f"update {mart} set {name} = null" for mart, name in money]
    # A week whose cost is not known has no largest feature.
    largest = "update rpt_weekly_digest set top_feature_id = null, top_feature_name = null"
    view = see(slug, marts("tiny", DIGEST, largest, *statements), settings)
    holds_together(view, slug)
    for section in view.sections:
        for table in section.tables:
            places = [place for place, column in enumerate(table.columns) if column.kind == "usd"]
            assert {row[place] for row in table.rows for place in places} <= {None}
    assert {fact.value for fact in view.facts if fact.kind == "usd"} <= {None}


def _read_by(slug: str) -> set[str]:
    """Return the marts that a view's module names, and those that its parts beside it name."""
    views = Path(importlib.import_module("ai_finops.ui.views").__file__).parent
    text = (views / f"{slug}.py").read_text()
    parts = re.findall(r"from ai_finops\.ui\.views\.(\w+) import", text)
    text += "".join((views / f"{part}.py").read_text() for part in parts)
    return {mart for mart in MARTS if mart in text}


def test_every_field_of_a_view_can_be_compared():
    assert {field.name for field in fields(View)} >= {"slug", "title", "lead", "sections", "facts", "filters", "warns"}
