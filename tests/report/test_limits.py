"""Escaping, and cutting at whole lines, on both sides of each limit."""

import pytest

from ai_finops.report.limits import cut, escaped, fit


def test_what_starts_markup_is_escaped_and_nothing_else():
    assert escaped("<!channel> R&D *bold* _x_ `y` ~z~ @here") == "&lt;!channel&gt; R&amp;D *bold* _x_ `y` ~z~ @here"


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("x" * 30, 30, "x" * 30),
        ("x" * 31, 30, "x" * 13 + "… (31 characters)"),
        ("&" * 6, 30, "&amp;" * 6),
        # Half an entity would show as such.
        ("&" * 7, 30, "&amp;" * 2 + "… (7 characters)"),
    ],
)
def test_a_line_is_cut_by_its_escaped_length_and_says_how_long_it_was(text, most, shown):
    assert cut(text, most) == shown
    assert len(cut(text, most)) <= most


LINES = ["first line", "second line", "third line"]  # 10, 11 and 10 characters, and two line breaks: 33


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        (33, "first line\nsecond line\nthird line"),
        # Two lines and `… and 1 more line`, with two line breaks: 40; one line and the note, with one: 29.
        (32, "first line\n… and 2 more lines"),
        (29, "first line\n… and 2 more lines"),
    ],
)
def test_lines_stay_whole(most, shown):
    assert fit(LINES, most) == shown


def test_a_first_line_that_is_too_long_by_itself_is_cut():
    shown = fit(["x" * 100, "second line"], 60)
    assert shown == "x" * 24 + "… (100 characters)\n… and 1 more line"
    assert len(shown) <= 60
    assert fit(["x" * 100], 60) == "x" * 41 + "… (100 characters)"


@pytest.mark.parametrize(("most_lines", "count"), [(3, 3), (2, 3)])
def test_no_more_lines_than_asked_for(most_lines, count):
    assert len(fit(LINES, 3000, most_lines=most_lines, thing="metric").splitlines()) == count
    assert fit(LINES, 3000, most_lines=2, thing="metric").endswith("\n… and 1 more metric")
