"""Publishing holds days to the prices they were published with, and refuses a build that knows better."""

from __future__ import annotations

from datetime import date

import pytest

from ai_finops.errors import PublishError
from ai_finops.lake import Lake
from ai_finops.pricing.held_prices import hold_prices, write_periods
from ai_finops.pricing.price_ledger import PriceLedger, PricePeriod, Recosting, read_ledger, repriced
from ai_finops.pricing.price_table import FOREVER


def june(day: int) -> date:
    return date(2025, 6, day)


@pytest.fixture
def publish(tmp_path):
    """Hold the prices of a build with these periods; return the ledger."""
    prices = Lake(tmp_path).prices

    def hold(*periods, as_of, number=1, recosted_days=None):
        build = tmp_path / f"{number:06d}-{as_of}-0123abcd"
        build.mkdir(exist_ok=True)
        write_periods(build, [PricePeriod(*parts) for parts in periods], recosted_days=recosted_days)
        hold_prices(build, prices=prices, as_of=as_of)
        return read_ledger(prices)

    hold.ledger = lambda: read_ledger(prices)
    return hold


def test_days_of_the_first_build_are_held_to_its_prices(publish):
    assert publish((FOREVER, None, "a"), as_of=june(10)).held == (PricePeriod(FOREVER, june(10), "a"),)


def test_new_days_are_held_to_new_prices_and_the_old_stay(publish):
    publish((FOREVER, None, "a"), as_of=june(10))
    ledger = publish((FOREVER, june(10), "a"), (june(10), None, "b"), as_of=june(12), number=2)
    assert ledger.held == (PricePeriod(FOREVER, june(10), "a"), PricePeriod(june(10), june(12), "b"))
    assert ledger.periods("c")[-1] == PricePeriod(june(12), None, "c")


def test_publishing_again_changes_nothing(publish, tmp_path):
    publish((FOREVER, None, "a"), as_of=june(10))
    file = tmp_path / "prices" / "ledger.json"
    before = file.stat().st_mtime_ns, file.stat().st_ino
    publish((FOREVER, None, "a"), as_of=june(10))
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_a_build_that_ends_earlier_lets_go_of_no_day(publish):
    publish((FOREVER, None, "a"), as_of=june(10))
    assert publish((FOREVER, None, "a"), as_of=june(8), number=2).held == (PricePeriod(FOREVER, june(10), "a"),)


def test_a_build_with_other_prices_for_a_held_day_is_refused(publish):
    publish((FOREVER, None, "a"), as_of=june(10))
    before = publish.ledger()
    with pytest.raises(
        PublishError, match="000002-2025-06-12-0123abcd prices days that were published since otherwise"
    ):
        publish((FOREVER, june(9), "a"), (june(9), None, "b"), as_of=june(12), number=2)
    assert publish.ledger() == before


def test_a_recosting_moves_its_days_and_is_recorded_once(publish):
    publish((FOREVER, None, "a"), as_of=june(10))
    days = (june(3), june(4))
    periods = repriced(
        PriceLedger((PricePeriod(FOREVER, june(10), "a"),)).periods("b"), first=days[0], last=days[1], prices="b"
    )
    parts = [(period.first_day, period.end_day, period.prices) for period in periods]
    for _ in range(2):
        ledger = publish(*parts, as_of=june(10), number=2, recosted_days=days)
        assert [period.prices for period in ledger.held] == ["a", "b", "a"]
        assert ledger.recostings == (Recosting("2025-06-03", "2025-06-04", "b", "000002-2025-06-10-0123abcd"),)


def test_a_recosting_may_not_move_other_days_with_it(publish):
    publish((FOREVER, None, "a"), as_of=june(10))
    with pytest.raises(PublishError, match="make a new build and publish that"):
        publish((FOREVER, None, "b"), as_of=june(10), number=2, recosted_days=(june(3), june(4)))
    assert publish((FOREVER, None, "b"), as_of=june(10), number=3, recosted_days=(FOREVER, june(9))).held == (
        PricePeriod(FOREVER, june(10), "b"),
    )


def test_a_build_without_its_note_of_prices_is_refused(tmp_path):
    build = tmp_path / "000001-2025-06-10-0123abcd"
    build.mkdir()
    with pytest.raises(PublishError, match=r"prices.json cannot be read .*make a new build"):
        hold_prices(build, prices=Lake(tmp_path).prices, as_of=june(10))
