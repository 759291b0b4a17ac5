"""Texts as dimension values: what stays, what is encoded, what is cut."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.instrument.metrics.dimension_values import dimension_value, is_dimension_value, text_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("search", "search"),
        ("document search (v2)", "document search (v2)"),
        ("50% off", "50%25 off"),
        ("Übersicht", "%C3%9Cbersicht"),
        ("検索", "%E6%A4%9C%E7%B4%A2"),
        (":search", "%3Asearch"),
        ("a:b", "a:b"),
        ("a\nb\x7f", "a%0Ab%7F"),
        ("\ud800", "%ED%A0%80"),
        ("a&b'~", "a&b'~"),
        (None, "unattributed"),
        ("", "unattributed"),
        (" \t", "unattributed"),
    ],
)
def test_a_text_becomes_a_value(text, value):
    assert dimension_value(text, missing="unattributed") == value
    assert is_dimension_value(value)


@pytest.mark.parametrize("count", [1_023, 1_024])
def test_what_fits_is_not_cut(count):
    assert dimension_value("x" * count, missing="-") == "x" * count


def test_what_does_not_fit_ends_in_its_hash():
    text = "x" * 1_025
    value = dimension_value(text, missing="-")
    assert value == "x" * 1_007 + "~" + hashlib.sha256(text.encode()).hexdigest()[:16]
    assert len(value) == 1_024
    assert value != dimension_value(text + "x", missing="-")


# "ä" is %C3%A4. Of 1,007 characters, 335 escapes of three take 1,005: with two before them nothing is left over.
@pytest.mark.parametrize(("before", "kept_chars"), [(0, 1_005), (1, 1_006), (2, 1_007)])
def test_an_escape_is_not_cut_in_half(before, kept_chars):
    value = dimension_value("a" * before + "ä" * 1_000, missing="-")
    assert value.index("~") == kept_chars
    assert len(value) == kept_chars + 17
    # 167 whole characters, and the first byte of one more.
    assert text_of(value).startswith("a" * before + "ä" * 167 + "\ufffd~")


@settings(deadline=None)
@given(st.text())
def test_every_text_makes_a_value_and_short_ones_come_back(text):
    value = dimension_value(text, missing="none")
    assert is_dimension_value(value)
    if text and not text.isspace() and "~" not in value[-17:-16]:
        assert text_of(value) == text


@settings(deadline=None, max_examples=25)
@given(st.text(min_size=900, max_size=1_500))
def test_every_long_text_makes_a_value(text):
    assert is_dimension_value(dimension_value(text, missing="none"))


@pytest.mark.parametrize("text", ["", " ", ":a", "ä", "a\n", "x" * 1_025])
def test_what_cloudwatch_refuses_is_no_value(text):
    assert not is_dimension_value(text)
