"""Two texts are one query when they differ in nothing that changes the question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_finops.query_text import normalise


@pytest.mark.parametrize(
    "text",
    [
        "where is my card",
        "  Where is\tmy\n card?! ",
        "WHERE IS MY CARD…",
        "ｗｈｅｒｅ is my card？",
        "where is my\u00a0card .",
    ],
)
def test_case_width_spaces_and_marks_at_the_end_do_not_count(text):
    assert normalise(text) == "where is my card"


@pytest.mark.parametrize(
    ("one", "other"),
    [("pay 1.5", "pay 15"), ("is it on?", "it is on?"), ("¿dónde?", "dónde?"), ("c", "c#"), ("a b", "ab")],
)
def test_what_changes_the_question_counts(one, other):
    assert normalise(one) != normalise(other)


def test_letters_of_two_forms_are_one():
    assert normalise("Straße") == normalise("STRASSE")
    assert normalise("cafe\u0301") == normalise("caf\u00e9")


@given(st.text())
def test_twice_is_once(text):
    assert normalise(normalise(text)) == normalise(text)
