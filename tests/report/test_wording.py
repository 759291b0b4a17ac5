"""Numbers, names and days as people read them; both sides of every rounding."""

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.report import wording


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("2140.37", "$2,140"),
        ("1234567.5", "$1,234,568"),
        ("10.49", "$10"),
        ("10.5", "$11"),
        ("10", "$10"),
        ("9.995", "$10"),
        ("9.994", "$9.99"),
        ("0.5", "$0.50"),
        ("0.005", "$0.01"),
        ("0.004999", "<$0.01"),
        ("0", "$0.00"),
        ("-0.001", "-<$0.01"),
        ("-3.456", "-$3.46"),
        ("-340.12", "-$340"),
    ],
)
def test_dollars(usd, text):
    assert wording.dollars(Decimal(usd)) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0.0317", "$0.0317"),
        ("0.00005", "$0.0001"),
        ("0.000049", "<$0.0001"),
        ("0", "$0.0000"),
        ("-0.00001", "-<$0.0001"),
        ("-0.25", "-$0.2500"),
        ("12.5", "$12.5000"),
    ],
)
def test_small_dollars(usd, text):
    assert wording.small_dollars(Decimal(usd)) == text


@pytest.mark.parametrize(
    ("usd", "short", "shortest"),
    [
        ("0.5", "$0.50", "$0.50"),
        ("999.49", "$999", "$999"),
        ("999.5", "$1,000", "$1.0K"),
        ("9949.99", "$9,950", "$9.9K"),
        ("9950", "$9,950", "$10K"),
        ("9999.49", "$9,999", "$10K"),
        ("9999.5", "$10.0K", "$10K"),
        ("99949", "$99.9K", "$100K"),
        ("99950", "$100K", "$100K"),
        ("-12345", "-$12.3K", "-$12K"),
    ],
)
def test_dollars_in_few_characters(usd, short, shortest):
    assert (wording.short_dollars(Decimal(usd)), wording.shortest_dollars(Decimal(usd))) == (short, shortest)


@pytest.mark.parametrize(("usd", "text"), [("131.2", "+$131"), ("0", "+$0.00"), ("-131.2", "-$131")])
def test_signed_dollars(usd, text):
    assert wording.signed_dollars(Decimal(usd)) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.0, "0%"),
        (0.0001, "<1%"),
        (0.0099, "<1%"),
        (0.01, "1%"),
        (0.0149, "1%"),
        (0.015, "2%"),
        (0.4156, "42%"),
        (0.99, "99%"),
        (0.9901, ">99%"),
        (1.0, "100%"),
        (12.345, "1,235%"),
    ],
)
def test_share(ratio, text):
    assert wording.share(ratio) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.08, "+8%"),
        (-0.08, "-8%"),
        (0.005, "+1%"),
        (0.0049, "flat"),
        (0.0, "flat"),
        (-0.0049, "flat"),
        (-0.005, "-1%"),
        (25.0, "+2,500%"),
    ],
)
def test_change(ratio, text):
    assert wording.change(ratio) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 calls"), (1, "1 call"), (2, "2 calls"), (1200, "1,200 calls")])
def test_counted(count, text):
    assert wording.counted(count, "call") == text


def test_a_name_is_cut_past_its_length():
    assert wording.one_line("x" * 200) == "x" * 200
    assert wording.one_line("x" * 201) == "x" * 199 + "…"


def test_days():
    assert wording.day_name_of_week(date(2025, 6, 20)) == "Friday, June 20"
    assert wording.day_name(date(2025, 6, 9)) == "June 9"
    assert wording.day_names("2025-06-09, 2025-06-30") == "June 9, June 30"
    assert wording.day_names("the whole weekend") == "the whole weekend"


def test_names_stay_on_one_line():
    assert wording.one_line("Chat\nDecision: none\u202e needed\t now") == "Chat Decision: none needed now"


@pytest.mark.parametrize(
    ("name", "text"),
    [("Support chat", "support chat"), ("FAQ bot", "FAQ bot"), ("iOS help", "iOS help"), ("A", "A"), ("", "")],
)
def test_names_inside_a_sentence(name, text):
    assert wording.inside_sentence(name) == text


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "Claude 3.5 Haiku"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "Claude Sonnet 4"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku"),
        ("amazon.nova-lite-v1:0", "Nova Lite"),
        ("cohere.rerank-v3-5:0", "cohere.rerank-v3-5:0"),
        ("gpt-4o-mini", "gpt-4o-mini"),
    ],
)
def test_model_names(model_id, name):
    assert wording.model_name(model_id) == name
