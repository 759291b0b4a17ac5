"""Reading one result field by field: exact numbers, what is not said, what is wrong, and what nobody read."""

from decimal import Decimal

import pytest

from ai_finops.errors import SourceBroken
from ai_finops.extract.said_fields import MOST_COUNTED, SaidFields, exact_decimal


def fields(**said):
    return SaidFields(said, place="OpenAI costs 2025-06-04, result 3")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("0.0551724144", "0.055172414400"),
        ("0.8958740000000000", "0.895874000000"),
        ("-3.3", "-3.300000000000"),
        ("1.116E-7", "0.000000111600"),
        ("0E-6176", "0.000000000000"),
        (Decimal("0.06"), "0.060000000000"),
        (12, "12.000000000000"),
        ("0.0000000000005", "0.000000000000"),
        ("0.0000000000015", "0.000000000002"),
        ("0.00000000000050001", "0.000000000001"),
        ("99999999999999999999999999.999999999999", "99999999999999999999999999.999999999999"),
    ],
)
def test_numbers_are_exact_to_twelve_decimals(said, kept):
    assert f"{exact_decimal(said):f}" == kept


def test_cents_become_dollars_from_their_own_digits():
    assert exact_decimal("123.78912", power_of_ten=-2) == Decimal("1.2378912")
    assert exact_decimal("0.00000000015", power_of_ten=-2) == Decimal("0.000000000002")
    assert exact_decimal("0.0000000001", power_of_ten=-2) == Decimal("1e-12")
    assert exact_decimal("9999999999999999999999999999", power_of_ten=-2) == Decimal("99999999999999999999999999.99")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "x",
        "1,5",
        " 1",
        "1_0",
        "١",
        "NaN",
        "Infinity",
        Decimal("NaN"),
        True,
        None,
        0.5,
        "1e26",
        "1E999999999",
        "1" * 200,
    ],
)
def test_what_is_no_number_or_does_not_fit_is_refused(said):
    with pytest.raises(ValueError, match=r"is no number|does not fit"):
        exact_decimal(said)


def test_not_said_is_none():
    said = fields(empty="", null=None)
    for name in ("empty", "null", "absent"):
        assert said.text(name) is said.flag(name) is said.count(name) is said.decimal(name) is said.part(name) is None
        assert said.as_said(name) is None


@pytest.mark.parametrize("read", ["text", "count", "decimal", "part"])
@pytest.mark.parametrize("said", [{}, {"value": None}, {"value": ""}])
def test_what_is_required_and_missing_is_named(read, said):
    with pytest.raises(
        SourceBroken, match=r"^OpenAI costs 2025-06-04, result 3: the field value is missing; the API has"
    ):
        getattr(fields(**said), read)("value", is_required=True)


def test_a_missing_field_of_a_part_is_named_with_it():
    with pytest.raises(SourceBroken, match=r"the field amount\.value is missing"):
        fields(amount={}).part("amount").decimal("value", is_required=True)


@pytest.mark.parametrize(
    ("read", "said", "why"),
    [
        ("text", 5, r"is no text \(5\)"),
        ("text", ["secret"], r"is no text \(list\)"),
        ("flag", "true", r"is neither true nor false \(str\)"),
        ("flag", 1, "is neither true nor false"),
        ("count", -1, "is no whole number from 0"),
        ("count", Decimal("1.5"), "is no whole number from 0"),
        ("count", MOST_COUNTED + 1, "is no whole number from 0"),
        ("count", "many", "is no number that can be kept"),
        ("decimal", True, "is no number that can be kept"),
        ("decimal", {"value": 1}, r"is no number that can be kept \(dict\)"),
        ("part", [1], r"value is no object"),
        ("listed", {}, r"is no list \(dict\)"),
        ("listed", None, "the field value is missing"),
    ],
)
def test_what_cannot_be_read_is_named_and_texts_are_not_repeated(read, said, why):
    with pytest.raises(SourceBroken, match=f"result 3: .*{why}"):
        getattr(fields(value=said), read)("value")


@pytest.mark.parametrize("said", [7, "7", Decimal("7.0"), "7.0"])
def test_a_count_may_be_written_in_several_ways(said):
    assert fields(value=said).count("value") == 7
    assert fields(value=0).count("value") == 0
    assert fields(value=MOST_COUNTED).count("value") == MOST_COUNTED


@pytest.mark.parametrize("said", [None, [], "text", 3])
def test_what_is_no_object_is_said(said):
    with pytest.raises(SourceBroken, match="a bucket: it is no object"):
        SaidFields(said, place="a bucket")


def test_fields_that_nobody_read_are_told():
    said = fields(read=1, left=2, unknown=3, part={"read": 1, "unknown": 2}, whole={"a": 1})
    said.count("read")
    said.leave("left", "absent")
    said.part("part").count("read")
    assert set(said.unread()) == {"unknown", "part.unknown", "whole"}
