"""History stands still under new prices, and moves only when somebody says so. Real builds of a small lake."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.build import build_all, prepare
from ai_finops.build.raw_views import open_warehouse, view_prices
from ai_finops.build.recost import recost
from ai_finops.config import REPOSITORY
from ai_finops.errors import BuildError, LakeError
from ai_finops.lake import Lake
from ai_finops.lake_files import parquet_bytes
from ai_finops.pricing.price_ledger import PriceLedger, PricePeriod, read_ledger, write_ledger
from ai_finops.pricing.price_table import FOREVER, PRICES
from ai_finops.publish import current_build, open_published
from tests.build.tiny_lake import land
from tests.dbt_forks import fork_builds, leave_generic_tests_out
from tests.warehouse.tiny_lake import RERANK, span

MONDAY, TUESDAY, WEDNESDAY = date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 4)


@pytest.fixture(autouse=True)
def _quick_builds(monkeypatch):
    fork_builds(monkeypatch)
    leave_generic_tests_out(monkeypatch)


@pytest.fixture
def settings(settings, tmp_path):
    """A deployment with the real dbt project in a copy, whose overlay a test may edit, and traces alone."""
    project = tmp_path / "dbt_project"
    shutil.rmtree(project)
    shutil.copytree(REPOSITORY / "dbt_project", project, ignore=shutil.ignore_patterns("logs"))
    return replace(settings, sources=("traces",))


def land_search(settings, day: date) -> None:
    """Land a day with one search, which the overlay prices, and a call that it does not."""
    search = span(f"rerank-{day}", f"{day} 10:00", RERANK, operation_name="rerank", search_unit_count=1)
    chat = span(f"chat-{day}", f"{day} 11:00", "amazon.nova-lite-v1:0", uncached_input_tokens=1000, output_tokens=0)
    land(settings, "traces", day, key=str(day), spans=[search, chat])


def set_search_price(settings, usd: str) -> None:
    path = settings.dbt_project / "seeds" / "price_overlay.csv"
    before = path.read_text()
    after = before.replace(f"{RERANK},search_unit,any,on_demand,0,0.002", f"{RERANK},search_unit,any,on_demand,0,{usd}")
    assert after != before
    path.write_text(after)


def search_costs(settings) -> dict[date, Decimal]:
    with open_published(settings) as marts:
        rows = marts.execute("select usage_date, estimated_cost_usd from fct_llm_calls where operation_name = 'rerank'")
        return dict(rows.fetchall())


@pytest.mark.long
def test_published_days_are_priced_again_only_on_purpose(settings):
    old, new = Decimal("0.002"), Decimal("0.003")
    land_search(settings, MONDAY)
    build_all(settings=settings)
    set_search_price(settings, "0.003")
    land_search(settings, TUESDAY)
    build_all(settings=settings)
    assert search_costs(settings) == {MONDAY: old, TUESDAY: new}
    second = current_build(settings)

    tried = recost(MONDAY, TUESDAY, settings=settings)
    (change,) = tried.changes
    assert (change.usage_month, change.feature_id) == (date(2025, 6, 1), "support_chat")
    # Two searches and two calls of 1,000 tokens at $0.06 a million.
    assert (change.estimated_before_usd, change.estimated_after_usd) == (Decimal("0.005120"), Decimal("0.006120"))
    assert str(change).startswith("2025-06 support_chat: estimated $0.005120 -> $0.006120")
    assert current_build(settings) == second
    assert search_costs(settings) == {MONDAY: old, TUESDAY: new}

    done = recost(MONDAY, MONDAY, settings=settings, is_applied=True)
    assert [(each.estimated_before_usd, each.estimated_after_usd) for each in done.changes] == [
        (Decimal("0.002060"), Decimal("0.003060"))
    ]
    assert search_costs(settings) == {MONDAY: new, TUESDAY: new}
    (recosting,) = read_ledger(Lake(settings.lake).prices).recostings
    assert (recosting.first_day, recosting.last_day, recosting.prices) == ("2025-06-02", "2025-06-02", done.prices)
    assert recosting.build_id == current_build(settings).name

    again = recost(MONDAY, TUESDAY, settings=settings, is_applied=True)
    assert (again.changes, again.published) == ((), None)


def test_what_cannot_be_priced_again_is_said(settings):
    with pytest.raises(BuildError, match="nothing is published yet"):
        recost(MONDAY, MONDAY, settings=settings)
    with pytest.raises(BuildError, match="2025-06-03 to 2025-06-02; give the earlier day first"):
        recost(TUESDAY, MONDAY, settings=settings)


def test_only_prices_may_differ_from_what_is_published(settings, monkeypatch):
    land_search(settings, MONDAY)
    monkeypatch.setattr("ai_finops.build.recost.current_build", lambda settings: settings.home / "000001")
    record = {"as_of_date": "2025-06-03", "inputs_sha256": "another"}
    monkeypatch.setattr("ai_finops.build.recost.read_published_record", lambda folder: record)
    with pytest.raises(BuildError, match="more than prices has changed since 000001 was published"):
        recost(MONDAY, MONDAY, settings=settings)
    with pytest.raises(BuildError, match="2025-06-03 is not in 000001, which ends before 2025-06-03"):
        recost(MONDAY, TUESDAY, settings=settings)


def test_a_held_price_table_that_is_gone_stops_the_build(settings):
    land_search(settings, MONDAY)
    prepare(settings=settings)
    prices = Lake(settings.lake).prices
    write_ledger(prices, PriceLedger((PricePeriod(FOREVER, TUESDAY, "0.1.0-0123abcd.parquet"),)))
    with pytest.raises(
        LakeError, match=r"0\.1\.0-0123abcd\.parquet, which prices usage from 1970-01-01 on, cannot be read"
    ):
        prepare(settings=settings)


def price(model_id: str, valid_from: date, valid_to: date | None) -> dict:
    plain = dict.fromkeys(PRICES.names)
    return plain | {"model_id": model_id, "valid_from": valid_from, "valid_to": valid_to}


def test_a_price_table_says_nothing_of_days_outside_of_its_period(tmp_path):
    folder = Lake(tmp_path).prices

    def write(name: str, *rows: dict) -> str:
        folder.replace(name, parquet_bytes(pa.Table.from_pylist(list(rows), schema=PRICES)))
        return name

    old = write(
        "old.parquet",
        price("always", FOREVER, None),
        price("ended", FOREVER, MONDAY),
        price("changed", FOREVER, TUESDAY),
        price("changed", TUESDAY, None),
        price("later", WEDNESDAY, None),
    )
    new = write(
        "new.parquet", price("always", FOREVER, None), price("gone", FOREVER, TUESDAY), price("later", WEDNESDAY, None)
    )
    periods = [
        PricePeriod(FOREVER, MONDAY, old),
        PricePeriod(MONDAY, WEDNESDAY, old),
        PricePeriod(WEDNESDAY, None, new),
    ]
    with open_warehouse(":memory:") as connection:
        connection.execute("create schema raw")
        view_prices(connection, folder=folder, periods=periods)
        rows = connection.execute(
            "select model_id, valid_from, valid_to, priced_from, priced_to from raw.prices order by all"
        ).fetchall()
    assert rows == [
        ("always", FOREVER, MONDAY, FOREVER, MONDAY),
        ("always", MONDAY, WEDNESDAY, MONDAY, WEDNESDAY),
        ("always", WEDNESDAY, None, WEDNESDAY, None),
        ("changed", FOREVER, MONDAY, FOREVER, MONDAY),
        ("changed", MONDAY, TUESDAY, MONDAY, WEDNESDAY),
        ("changed", TUESDAY, WEDNESDAY, MONDAY, WEDNESDAY),
        ("ended", FOREVER, MONDAY, FOREVER, MONDAY),
        ("later", WEDNESDAY, None, WEDNESDAY, None),
    ]
