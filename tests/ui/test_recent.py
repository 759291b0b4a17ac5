"""Views kept for a moment."""

from __future__ import annotations

import os
from datetime import date, datetime

from ai_finops.config import Settings
from ai_finops.ui.made_from import made_from
from ai_finops.ui.published import Build
from ai_finops.ui.recent import RecentViews, value_count
from ai_finops.ui.view import Chart, Choice, Column, Filter, Section, Series, Table, View

BUILD = Build("000001-2025-06-11-0123abcd", date(2025, 6, 11), datetime(2025, 6, 11, 8))


def made(rows=0, **chosen):
    table = Table("t", "T", "m", (Column("a", "A"), Column("b", "B")), ((1, 2),) * rows)
    filters = tuple(Filter(name, name, (Choice(value, value),), (value,)) for name, value in chosen.items())
    return View("v", "V", "?", (Section("S", tables=(table,)),), filters=filters), BUILD


def test_the_one_that_nobody_asked_for_longest_goes():
    recent, views = RecentViews(kept_count=2), {key: made() for key in "abc"}
    assert recent.find("a", {}) is None
    assert recent.keep("a", {}, views["a"]) is views["a"]
    recent.keep("b", {}, views["b"])
    assert recent.find("a", {}) is views["a"]
    recent.keep("c", {}, views["c"])
    assert [recent.find(key, {}) is views[key] for key in "abc"] == [True, False, True]


def test_no_more_values_are_kept_than_there_is_room_for():
    recent = RecentViews(kept_values=10)
    recent.keep("a", {}, made(rows=2))
    recent.keep("b", {}, made(rows=3))
    assert [bool(recent.find(key, {})) for key in "ab"] == [True, True]
    # Eleven would be one too many; what is made again in the place of another counts once.
    recent.keep("b", {}, made(rows=3))
    recent.keep("c", {}, made(rows=1))
    assert [bool(recent.find(key, {})) for key in "abc"] == [False, True, True]
    recent.keep("d", {}, made(rows=6))
    assert [bool(recent.find(key, {})) for key in "bcd"] == [False, False, False]


def test_whatever_else_an_address_says_finds_the_view_and_drives_out_no_other():
    recent, week = RecentViews(kept_count=2), made(week="1")
    recent.keep("weekly", {"week": ["1"]}, week)
    recent.keep("features", {}, made(days="28"))
    for number in range(99):
        assert recent.find("weekly", {"week": ["1"], "_": [str(number)]}) is week
        # What is no choice has to be tried, and gives the view of the first one.
        assert recent.find("weekly", {"week": [f"no {number}"]}) is None
        assert recent.keep("weekly", {"week": [f"no {number}"]}, week) is week
    assert recent.find("features", {}) is not None
    assert recent.find("weekly", {"week": ["no 98"]}) is week
    assert recent.find("weekly", {"week": ["2"]}) is None


def test_several_values_of_a_filter_are_not_one_of_them():
    recent = RecentViews()
    both = made(feature="a, b")
    recent.keep("features", {"feature": ["a", "b"]}, both)
    assert recent.find("features", {"feature": ["a", "b"]}) is both
    assert recent.find("features", {"feature": ["a"]}) is None
    assert recent.find("features", {}) is None


def test_ways_to_ask_are_forgotten_too():
    recent, week = RecentViews(kept_asked=2), made(week="1")
    for value in "123":
        recent.keep("weekly", {"week": [value]}, week)
    assert [recent.find("weekly", {"week": [value]}) is week for value in "123"] == [False, True, True]


def test_cells_and_points_count():
    chart = Chart("c", "C", "", ("x", "y", "z"), (Series("one", (1.0, 2.0, 3.0)), Series("two", (1.0, 2.0, 3.0))))
    view, _ = made(rows=4)
    assert value_count(view) == 8
    assert value_count(View("v", "V", "?", (Section("S", charts=(chart,)), *view.sections))) == 14


def test_whatever_a_view_is_made_from_is_in_its_key(tmp_path):
    settings = Settings.from_env(
        {"AI_FINOPS_HOME": str(tmp_path / "var"), "AI_FINOPS_DBT_PROJECT": str(tmp_path / "dbt")}
    )
    folder = settings.published / "builds" / BUILD.build_id
    folder.mkdir(parents=True)
    (settings.published / "current").symlink_to(folder)
    known = {made_from(settings)}
    assert made_from(settings) in known
    for path in (
        folder / "marts.duckdb",
        settings.builds / BUILD.build_id / "audit.json",
        settings.published / "reviews" / "2025-06-02.md",
        settings.published / "dbt_docs" / "index.html",
        settings.home / "data_docs" / "index.html",
        settings.dbt_project / "seeds" / "anomaly_rules.csv",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        assert made_from(settings) not in known, path
        known.add(made_from(settings))
    for written_again in (folder / "marts.duckdb", settings.builds / BUILD.build_id / "audit.json"):
        os.utime(written_again, ns=(1, 1))
        assert made_from(settings) not in known, written_again
        known.add(made_from(settings))
