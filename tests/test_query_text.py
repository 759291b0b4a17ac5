"""Two texts are one query when they differ in nothing that changes the question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_finops.extract.said_queries import read_embedding
from ai_finops.query_text import encode_embedding, fingerprint, normalise


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


KEY = bytes(range(16))


def test_a_fingerprint_is_of_the_question_and_of_the_key():
    one = fingerprint("Where is my card?", key=KEY)
    assert one == fingerprint(" where is MY card", key=KEY) == "8a53f319e6d265f9c71bc332d731a057"
    assert one != fingerprint("where is my pin", key=KEY) and one != fingerprint("where is my card", key=KEY + b"!")
    assert len(fingerprint("\ud800", key=KEY)) == 32  # half a character, as some clients send


def test_a_key_that_can_be_tried_out_is_refused():
    with pytest.raises(ValueError, match="at least 16 bytes and has 15"):
        fingerprint("text", key=KEY[:15])


def test_an_embedding_is_read_as_it_was_sent():
    assert encode_embedding([3, 4.0]) == "AABAQAAAgEA="
    assert read_embedding(encode_embedding([3, 4])) == pytest.approx([0.6, 0.8])
