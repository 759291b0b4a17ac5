"""The deployment's own prices, and what they leave of the catalog's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ai_finops.errors import SettingsError
from ai_finops.pricing.overlay import COLUMNS, lay_over, read_overlay
from ai_finops.pricing.price_table import FOREVER, TOKENS_UNIT, Price

LIST = Price(
    provider_name="aws.bedrock",
    model_id="m",
    token_class="output",
    region_scope="regional",
    processing="on_demand",
    threshold_tokens=0,
    valid_from=FOREVER,
    valid_to=None,
    price_unit=TOKENS_UNIT,
    price_usd_per_unit=Decimal(15),
    is_inherited=False,
    catalog="list",
    catalog_version="1",
)
OWN = replace(LIST, price_usd_per_unit=Decimal(12), catalog="overlay", catalog_version="2")
JUNE, JULY = date(2025, 6, 1), date(2025, 7, 1)


def holds(prices):
    return sorted((price.catalog, price.valid_from, price.valid_to) for price in prices)


def test_own_price_of_june_leaves_the_list_price_before_and_after():
    own = replace(OWN, valid_from=JUNE, valid_to=JULY)
    assert holds(lay_over([LIST], [own])) == [
        ("list", FOREVER, JUNE),
        ("list", JULY, None),
        ("overlay", JUNE, JULY),
    ]


def test_own_price_without_end_ends_the_list_price():
    own = replace(OWN, valid_from=JUNE)
    assert holds(lay_over([LIST], [own])) == [("list", FOREVER, JUNE), ("overlay", JUNE, None)]


def test_own_price_replaces_long_context_prices_too():
    long_context = replace(LIST, threshold_tokens=200_000)
    assert lay_over([LIST, long_context], [OWN]) == [OWN]


def test_own_price_outside_the_days_of_the_list_price_changes_nothing():
    old = replace(LIST, valid_to=JUNE)
    new = replace(LIST, valid_from=JULY)
    own = replace(OWN, valid_from=JUNE, valid_to=JULY)
    assert lay_over([old, new], [own]) == [old, new, own]


def test_own_price_of_any_scope_replaces_each():
    everywhere = replace(OWN, region_scope="any")
    assert lay_over([LIST, replace(LIST, region_scope="global")], [everywhere]) == [everywhere]


def test_own_price_of_one_scope_leaves_the_others():
    worldwide = replace(LIST, region_scope="global")
    assert lay_over([LIST, worldwide], [OWN]) == [worldwide, OWN]


@pytest.mark.parametrize(
    "other",
    [{"model_id": "n"}, {"token_class": "uncached_input"}, {"processing": "batch"}, {"provider_name": "openai"}],
)
def test_own_price_leaves_other_usage_alone(other):
    kept = replace(LIST, **other)
    assert lay_over([kept], [OWN]) == [kept, OWN]


ROW = "aws.bedrock,m,search_unit,any,on_demand,0,0.002,search unit,2024-12-01,,https://example.com/prices,2025-06-01"


def overlay_file(tmp_path, *lines):
    path = tmp_path / "price_overlay.csv"
    path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
    return path


def test_file_is_read_with_its_content_as_version(tmp_path):
    (price,) = read_overlay(overlay_file(tmp_path, ROW))
    assert (price.price_usd_per_unit, price.valid_from, price.valid_to) == (Decimal("0.002"), date(2024, 12, 1), None)
    (changed,) = read_overlay(overlay_file(tmp_path, ROW.replace("0.002", "0.003")))
    assert price.catalog_version != changed.catalog_version


def test_smallest_and_longest_prices_are_read(tmp_path):
    for text in ("0.000001", "0.002000000001"):
        (price,) = read_overlay(overlay_file(tmp_path, ROW.replace("0.002", text)))
        assert price.price_usd_per_unit == Decimal(text)


def test_empty_days_are_open_on_both_ends(tmp_path):
    (price,) = read_overlay(overlay_file(tmp_path, ROW.replace("2024-12-01", "")))
    assert (price.valid_from, price.valid_to) == (FOREVER, None)


def test_file_of_no_prices_is_fine(tmp_path):
    assert read_overlay(overlay_file(tmp_path)) == []


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (("search_unit", "searches"), "line 2: token_class 'searches'"),
        (("search unit", "1M tokens"), "line 2: the price_unit of search_unit is 'search unit'"),
        ((",any,", ",moon,"), "line 2: region_scope 'moon'"),
        (("0.002", "cheap"), "line 2: price_usd_per_unit 'cheap' is not a number"),
        (("0.002", "-1"), "line 2: price_usd_per_unit '-1' is not a number from 0 up"),
        (("0.002", "0"), "line 2: price_usd_per_unit is 0, and usage never costs nothing; leave the row out"),
        (("0.002", "0.0000009"), "line 2: price_usd_per_unit '0.0000009' is below 0.000001"),
        (("0.002", "0.0020000000001"), "line 2: price_usd_per_unit '0.0020000000001' has more than 12 decimals"),
        (("0.002", "nan"), "line 2: price_usd_per_unit 'nan' is not a number from 0 up"),
        (("2024-12-01", "December"), "line 2: valid_from 'December' is not a date"),
        (("2025-06-01", "lately"), "line 2: checked_on 'lately' is not a date"),
        (("https://example.com/prices", ""), "line 2: a price needs its source"),
        (("2025-06-01", ""), "line 2: a price needs its source"),
    ],
)
def test_line_that_is_no_price_is_refused_by_number(tmp_path, changed, complaint):
    with pytest.raises(SettingsError, match=complaint):
        read_overlay(overlay_file(tmp_path, ROW.replace(*changed)))


def test_two_prices_of_one_day_are_refused(tmp_path):
    later = ROW.replace("2024-12-01,", "2025-01-01,")
    with pytest.raises(SettingsError, match="two prices of m search_unit hold on 2025-01-01"):
        read_overlay(overlay_file(tmp_path, ROW, later))


def test_price_that_ends_the_day_the_next_begins_is_accepted(tmp_path):
    first, later = ROW.replace("2024-12-01,,", "2024-12-01,2025-01-01,"), ROW.replace("2024-12-01,", "2025-01-01,")
    assert len(read_overlay(overlay_file(tmp_path, later, first))) == 2


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "price_overlay.csv"
    path.write_text("model,price\nm,1\n")
    with pytest.raises(SettingsError, match="the first line must be provider_name,"):
        read_overlay(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.csv cannot be read"):
        read_overlay(tmp_path / "nowhere.csv")
