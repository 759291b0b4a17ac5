"""Values of an export become the lake's exactly, or the reason why not is said."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_finops.extract.export_values import NotReadable, convert, gather
from ai_finops.lake_schemas import EXACT, TEXT_MAP, TIMESTAMP


def read(values, kind: pa.DataType, *, as_type: pa.DataType | None = None) -> list:
    return convert(pa.chunked_array([pa.array(values, as_type)]), kind).to_pylist()


def test_a_double_is_the_shortest_decimal_that_reads_back_as_it():
    # A cast by way of the double's own value gives 12345678.900000000373 and 123456789012345.671875.
    assert read([0.1, 12345678.9, 123456789012345.67, 1e15, -0.25, None], EXACT) == [
        Decimal("0.1"),
        Decimal("12345678.9"),
        Decimal("123456789012345.67"),
        Decimal("1000000000000000"),
        Decimal("-0.25"),
        None,
    ]


def test_text_keeps_digits_that_a_double_has_no_room_for():
    texts = ["9007199254740993.000000000001", "0.100000000000", "1E-7", "1.5e3", "+5", "-.5"]
    assert read(texts, EXACT) == [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("0.0000000000005", "0.000000000001"),
        ("-0.0000000000005", "-0.000000000001"),
        ("0.0000000000015", "0.000000000002"),
        ("0.00000000000049", "0"),
        ("0.1234567890124", "0.123456789012"),
        ("1e-300", "0"),
    ],
)
def test_the_twelfth_place_is_rounded_half_away_from_zero(said, kept):
    assert read([said], EXACT) == [Decimal(kept)]
    assert read([float(said)], EXACT) == [Decimal(kept)]


def test_rounding_looks_at_every_digit_and_is_done_once():
    assert read(["0.1234567890124999999999999999"], EXACT) == [Decimal("0.123456789012")]
    assert read(["0.12345678901249999999999999999999999999999"], EXACT) == [Decimal("0.123456789012")]


@given(st.lists(st.decimals(min_value=-(10**13), max_value=10**13, places=12, allow_nan=False), min_size=1))
def test_what_has_twelve_places_is_kept_as_it_is(numbers):
    assert read([str(number) for number in numbers], EXACT) == numbers


LONG_DIVISION = Decimal("18446744.071553946661")
"""Arrow 26.0 rounds it wrongly as a 256-bit decimal; ten trillion beside it has too many digits for 128 bits."""


def test_a_number_too_long_for_128_bits_does_not_change_its_neighbours():
    assert read([str(LONG_DIVISION), "10000000000000"], EXACT) == [LONG_DIVISION, 10**13]
    assert read([LONG_DIVISION, None], EXACT, as_type=pa.decimal256(76, 50)) == [LONG_DIVISION, None]
    assert read([LONG_DIVISION], EXACT, as_type=pa.decimal128(38, 30)) == [LONG_DIVISION]


@given(st.floats(min_value=-1e11, max_value=1e11, allow_nan=False))
def test_a_double_is_kept_as_its_shortest_text_says(number):
    expected = Decimal(repr(number)).quantize(Decimal("1e-12"), rounding="ROUND_HALF_UP")
    assert read([number], EXACT) == [expected]


def test_decimals_and_whole_numbers():
    assert read([Decimal("1.1234567890125")], EXACT, as_type=pa.decimal128(38, 18)) == [Decimal("1.123456789013")]
    assert read([Decimal("1.5")], EXACT, as_type=pa.decimal128(10, 2)) == [Decimal("1.5")]
    assert read([7, None], EXACT) == [7, None]


@pytest.mark.parametrize("text", ["a lot", "1,234.5", "1_000", "nan", "inf", "12.5 USD", "1e30", "", "٣x"])
def test_what_is_not_a_number_is_shown(text):
    with pytest.raises(NotReadable, match="which is not a number"):
        read(["1.5", text], EXACT)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([True], "is bool and not a number"),
        ([float("nan")], "holds 'nan'"),
        ([Decimal(10) ** 30], "does not fit decimal128"),
        ([{"a": 1}], "is struct<a: int64> and not a number"),
    ],
)
def test_numbers_of_other_types_are_refused(values, said):
    with pytest.raises(NotReadable, match=said):
        read(values, EXACT)


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-02T03:00:00Z",
        "2025-06-02T03:00:00.000Z",
        "2025-06-02 03:00:00",
        "2025-06-02 03:00:00.000",
        "2025-06-02T03:00:00+00:00",
    ],
)
def test_times_as_exports_write_them(text):
    assert read([text, None], TIMESTAMP) == [datetime(2025, 6, 2, 3, tzinfo=UTC), None]


def test_times_of_parquet_are_utc_whatever_their_unit():
    noon = datetime(2025, 6, 2, 12)
    for unit in ("s", "ms", "us", "ns"):
        assert read([noon], TIMESTAMP, as_type=pa.timestamp(unit)) == [noon.replace(tzinfo=UTC)]
    assert read([noon], TIMESTAMP, as_type=pa.timestamp("ms", tz="Asia/Tokyo")) == [noon.replace(tzinfo=UTC)]
    assert read([date(2025, 6, 2)], TIMESTAMP) == [datetime(2025, 6, 2, tzinfo=UTC)]


@pytest.mark.parametrize("values", [["yesterday"], ["2025-06-02T03:00:00+02:00"], ["1748833200"], [1748833200]])
def test_a_time_of_another_zone_or_unit_is_refused(values):
    with pytest.raises(NotReadable, match="not a time"):
        read(values, TIMESTAMP)


def test_maps_from_every_form_they_come_in():
    assert read([[("a", "b")], [], None], TEXT_MAP, as_type=TEXT_MAP) == [[("a", "b")], [], None]
    doubles = pa.map_(pa.string(), pa.float64())
    assert read([[("edp", 0.1), ("none", None)], None], TEXT_MAP, as_type=doubles) == [
        [("edp", "0.1"), ("none", None)],
        None,
    ]
    assert read([{"a": "b", "c": None}, None], TEXT_MAP) == [[("a", "b")], None]
    assert read(['{"a":"b","n":0.10,"i":2,"t":true,"l":[1],"z":null}', "{}", None], TEXT_MAP) == [
        [("a", "b"), ("n", "0.10"), ("i", "2"), ("t", "true"), ("l", '["1"]')],
        [],
        None,
    ]


@pytest.mark.parametrize("text", ["[1]", "{a", "", "7", '"x"', "{" * 5000])
def test_what_is_not_a_json_object_is_shown_and_cut(text):
    with pytest.raises(NotReadable, match="which is not a JSON object") as raised:
        read(['{"a":"b"}', text], TEXT_MAP)
    assert len(str(raised.value)) < 120


def test_a_number_is_no_map_and_no_text():
    with pytest.raises(NotReadable, match="is int64 and not a map"):
        read([1], TEXT_MAP)
    with pytest.raises(NotReadable, match="is int64 and not text"):  # an account id that lost its leading zero
        read([12345678901], pa.string())


@pytest.mark.parametrize("kind", [pa.string(), EXACT, TIMESTAMP, TEXT_MAP])
def test_a_column_of_nulls_may_have_any_type(kind):
    assert read([None, None], kind, as_type=pa.int32()) == [None, None]
    assert read([], kind, as_type=pa.int32()) == []


def test_text_from_a_dictionary_or_of_any_width():
    assert read(["a", None, "a"], pa.string(), as_type=pa.dictionary(pa.int32(), pa.string())) == ["a", None, "a"]
    for kind in (pa.large_string(), pa.string_view()):
        assert read(["a", None], pa.string(), as_type=kind) == ["a", None]


def test_columns_are_gathered_into_one_map_without_what_is_null():
    columns = {
        "team": pa.chunked_array([["a", None, None]]),
        "rate": pa.chunked_array([pa.array([0.1, 0.2, None])]),
        "none": pa.chunked_array([pa.nulls(3, pa.string())]),
    }
    assert gather(columns).to_pylist() == [[("team", "a"), ("rate", "0.1")], [("rate", "0.2")], []]


def test_a_map_with_half_a_surrogate_is_not_readable():
    with pytest.raises(NotReadable, match="not a JSON object"):
        read([r'{"user_feature": "\ud800"}'], TEXT_MAP)
    assert read([r'{"user_feature": "\ud83d\ude00"}'], TEXT_MAP) == [[("user_feature", "\U0001f600")]]
