"""Held days keep their prices; only a recosting moves them."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_finops.errors import LakeError
from ai_finops.lake import Lake
from ai_finops.pricing.price_ledger import (
    PriceLedger,
    PricePeriod,
    Recosting,
    file_sha256,
    merged,
    read_ledger,
    repriced,
    until,
    write_ledger,
)
from ai_finops.pricing.price_table import FOREVER


def june(day: int) -> date:
    return date(2025, 6, day)


def period(first, end, prices) -> PricePeriod:
    return PricePeriod(first, end, prices)


def priced_by(periods, day: date) -> str:
    (found,) = [p for p in periods if p.first_day <= day and (p.end_day is None or day < p.end_day)]
    return found.prices


def test_before_anything_was_published_all_days_have_the_current_prices():
    assert PriceLedger().periods("new") == (period(FOREVER, None, "new"),)


def test_held_days_keep_their_prices_and_later_ones_get_the_current():
    ledger = PriceLedger((period(FOREVER, june(10), "old"),))
    assert ledger.periods("new") == (period(FOREVER, june(10), "old"), period(june(10), None, "new"))
    assert ledger.periods("old") == (period(FOREVER, None, "old"),)


def test_what_is_published_is_held_until_its_clock():
    periods = (period(FOREVER, june(10), "old"), period(june(10), None, "new"))
    assert until(periods, june(12)) == (period(FOREVER, june(10), "old"), period(june(10), june(12), "new"))
    assert until(periods, june(10)) == (period(FOREVER, june(10), "old"),)
    assert until(periods, june(4)) == (period(FOREVER, june(4), "old"),)


def test_days_in_the_middle_are_priced_again():
    periods = (period(FOREVER, june(10), "old"), period(june(10), None, "new"))
    assert repriced(periods, first=june(3), last=june(4), prices="new") == (
        period(FOREVER, june(3), "old"),
        period(june(3), june(5), "new"),
        period(june(5), june(10), "old"),
        period(june(10), None, "new"),
    )
    assert repriced(periods, first=june(9), last=june(9), prices="new") == (
        period(FOREVER, june(9), "old"),
        period(june(9), None, "new"),
    )
    assert repriced(periods, first=june(2), last=june(30), prices="third") == (
        period(FOREVER, june(2), "old"),
        period(june(2), date(2025, 7, 1), "third"),
        period(date(2025, 7, 1), None, "new"),
    )


@given(st.data())
def test_a_recosting_moves_its_days_and_no_other(data):
    days = data.draw(st.lists(st.integers(1, 27), unique=True, max_size=4).map(sorted))
    bounds = [FOREVER, *map(june, days), None]
    names = data.draw(st.lists(st.sampled_from("abc"), min_size=len(bounds) - 1, max_size=len(bounds) - 1))
    periods = merged(period(*parts) for parts in zip(bounds[:-1], bounds[1:], names, strict=True))
    first = data.draw(st.integers(1, 28))
    last = data.draw(st.integers(first, 28))
    moved = repriced(periods, first=june(first), last=june(last), prices="z")
    for day in range(1, 31):
        wanted = "z" if first <= day <= last else priced_by(periods, june(day))
        assert priced_by(moved, june(day)) == wanted
    assert merged(moved) == moved


def test_a_ledger_is_read_back_as_it_was_written(tmp_path):
    assert read_ledger(Lake(tmp_path).prices) == PriceLedger()
    ledger = PriceLedger(
        (period(FOREVER, june(3), "a"), period(june(3), june(10), "b")),
        (Recosting("2025-06-03", "2025-06-04", "b", "000002-2025-06-10-0123abcd"),),
    )
    write_ledger(Lake(tmp_path).prices, ledger)
    assert read_ledger(Lake(tmp_path).prices) == ledger


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("{", "could not read the price ledger"),
        ('{"held": []}', "could not read the price ledger"),
        ([("1970-01-01", None, "a")], "does not hold each day once"),
        ([("1970-01-01", "2025-06-03", "a"), ("2025-06-04", "2025-06-10", "b")], "does not hold each day once"),
        ([("1970-01-01", "2025-06-03", "a"), ("2025-06-03", "2025-06-03", "b")], "does not hold each day once"),
        ([("2025-06-01", "2025-06-03", "a")], "does not hold each day once"),
    ],
)
def test_a_damaged_ledger_is_named(tmp_path, held, said):
    if not isinstance(held, str):
        periods = [dict(zip(("first_day", "end_day", "prices"), parts, strict=True)) for parts in held]
        held = json.dumps({"held": periods, "recostings": []})
    Lake(tmp_path).prices.replace("ledger.json", held.encode())
    with pytest.raises(LakeError, match=rf"{said}.*restore it from a backup") as refused:
        read_ledger(Lake(tmp_path).prices)
    assert str(tmp_path / "prices" / "ledger.json") in str(refused.value)


def test_a_price_table_that_is_gone_or_another_is_named(tmp_path):
    lost = period(june(3), None, "0.2.3-0123abcd.parquet")
    with pytest.raises(
        LakeError, match=r"0.2.3-0123abcd.parquet, which prices usage from 2025-06-03 on, cannot be read"
    ):
        file_sha256(Lake(tmp_path).prices, lost)
    Lake(tmp_path).prices.replace(lost.prices, b"something else")
    with pytest.raises(LakeError, match="is damaged: its content is not what its name says"):
        file_sha256(Lake(tmp_path).prices, lost)
