"""A provider's prompt cache priced by hand: input 3, reading 0.30, writing for five minutes 3.75 dollars a million tokens.

In the week 900 of 1,000 prompts begin as an earlier one did, for 2,000 tokens each: 1,800,000 read, at 2.70 less, 4.86
dollars. The other 100 write 2,000 each at 0.75 more: 0.15. What nobody found, 1,200,000 tokens, would cost 0.90 more if all
of it were written.
"""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from tests.analyse.levers import made
from tests.analyse.levers.made import NOVA, SONNET

LEVER = "prompt_cache"
WEEKS = 365 / 12 / 7
READ = (SONNET, "cache_read_input", "0.30", {})
WRITE = (SONNET, "cache_write_5m_input", "3.75", {})
INHERITED = (SONNET, "cache_write_1h_input", "3.75", {"is_inherited": True})
TOO_RARELY = (
    "prefixes are reused too rarely to pay for writing them: {} of what goes through the cache "
    "would be read, 21.7% are wanted"
)
HOUR = (SONNET, "cache_write_1h_input", "6", {})


def prompts(reused=900, *, long=1000, hour_reused=None, unread=None, written=0, **more):
    """A day's prompts, of which so many begin as an earlier one within five minutes (and within an hour)."""
    hours = reused if hour_reused is None else hour_reused
    row = {
        "usage_date": date(2025, 6, 10),
        "feature_id": "docs",
        "provider_name": "aws.bedrock",
        "model_id": SONNET,
        "region_scope": "regional",
        "processing": "on_demand",
        "prompt_count": long,
        "long_prompt_count": long,
        "allocated_cost_usd": Decimal(20),
        "prompt_block_tokens": 3000 * long,
        "written_tokens": written,
    }
    for name, count in (("5m", reused), ("1h", hours)):
        row |= {
            f"reused_{name}_count": count,
            f"reusable_{name}_tokens": 2000 * count,
            f"unread_{name}_tokens": 2000 * count if unread is None else unread,
            f"unwritten_{name}_tokens": 3000 * long - 2000 * count,
        }
    return row | more


def only(*rows, more_prices=(READ, WRITE, INHERITED), **options):
    return made.only(
        made.full_week(),
        lever=LEVER,
        prompt_prefixes=pa.Table.from_pylist(list(rows)),
        more_prices=more_prices,
        **options,
    )


def test_reads_at_less_and_writes_at_more():
    row = only(prompts())
    assert float(row["saving_usd_per_month"]) == pytest.approx(4.71 * WEEKS, abs=1e-5)
    assert float(row["current_cost_usd_per_month"]) == pytest.approx(20 * WEEKS, abs=1e-5)
    assert (row["ratio_name"], row["ratio"], row["status"], row["is_measured"]) == (
        "prefix_read_ratio",
        0.9,
        "open",
        True,
    )
    # 0.75 / (2.70 + 0.75).
    assert row["break_even_ratio"] == pytest.approx(0.217391, abs=1e-6)
    assert row["evidence"] == (
        "900 of 1,000 prompts with known blocks on 1 of the trailing 7 days began as an earlier one within 5m, by 1024 tokens "
        "(list price, default) at least: 1,800,000 tokens more to be read, 200,000 to be written"
    )


def test_the_low_end_writes_all_that_was_not_found():
    row = only(prompts())
    assert float(row["low_saving_usd_per_month"]) == pytest.approx((4.86 - 0.90) * WEEKS, abs=1e-5)
    assert row["high_saving_usd_per_month"] == row["saving_usd_per_month"]


@pytest.mark.parametrize(
    ("reused", "missed", "reason"),
    # 50 of 230 is 0.75 / 3.45: 100,000 * 2.70 is 360,000 * 0.75.
    [
        (49, 181, TOO_RARELY.format("21.3%")),
        (50, 180, TOO_RARELY.format("21.7%")),
        (51, 179, "saves less than $1 a month"),
        (200, 30, None),
    ],
)
def test_a_prefix_reused_too_rarely_is_rejected(reused, missed, reason):
    row = only(prompts(reused, long=reused + missed))
    assert (row["reason"], row["status"]) == (reason, "rejected" if reason else "open")


def test_what_is_read_from_the_cache_already_is_not_saved_twice():
    # Of 1,800,000 tokens 800,000 are read already and the 100 prompts' 200,000 are written: 1,000,000 at 2.70 less.
    row = only(prompts(unread=1_000_000, written=200_000))
    assert float(row["saving_usd_per_month"]) == pytest.approx(2.70 * WEEKS, abs=1e-5)
    assert only(prompts(unread=0))["reason"] == "what repeats is read from the cache already"


def test_nothing_repeats():
    assert only(prompts(0))["reason"] == "no prompt began as an earlier one did, for long enough to be cached"


@pytest.mark.parametrize(
    "more_prices", [(), (WRITE,), ((SONNET, "cache_read_input", "3", {"is_inherited": True}), WRITE)]
)
def test_a_model_without_a_price_for_reading_is_rejected(more_prices):
    row = only(prompts(), more_prices=more_prices)
    assert (row["status"], row["saving_usd_per_month"], row["target_cost_usd_per_month"]) == ("rejected", 0, None)
    assert row["reason"] == f"the price table has no price for reading {SONNET}'s prompt cache"


def test_an_hour_is_taken_where_it_saves_more_and_has_a_price_of_its_own():
    rarely = prompts(100, hour_reused=900)
    # 4.86 - 200,000 * 3.00 = 4.26 a week.
    row = only(rarely, more_prices=(READ, WRITE, HOUR))
    assert float(row["saving_usd_per_month"]) == pytest.approx(4.26 * WEEKS, abs=1e-5)
    assert "within 1h" in row["evidence"]
    assert "within 5m" in only(prompts(), more_prices=(READ, WRITE, HOUR))["evidence"]
    # The price table has the price of five minutes in its place: nobody knows.
    assert only(rarely)["status"] == "rejected"


def test_where_writing_costs_what_input_does_every_read_saves():
    # Nova: 0.06 and 0.015 to read; 1,800,000 * 0.045 = 0.081 a week.
    cheap = (NOVA, "cache_read_input", "0.015", {})
    row = only(prompts(9000, long=10_000, model_id=NOVA), more_prices=[cheap])
    assert float(row["saving_usd_per_month"]) == pytest.approx(0.81 * WEEKS, abs=1e-5)
    assert row["break_even_ratio"] == 0


def test_at_the_accounts_own_rate():
    rows = made.calls(billed="4.05")
    found = made.found(
        rows, lever=LEVER, prompt_prefixes=pa.Table.from_pylist([prompts()]), more_prices=(READ, WRITE, INHERITED)
    )
    assert float(found[0]["saving_usd_per_month"]) == pytest.approx(0.9 * 4.71 * WEEKS, abs=1e-5)


@pytest.mark.parametrize(("count", "missing"), [(99, "99 of the 100 prompts wanted"), (100, None)])
def test_few_prompts_are_no_measurement(count, missing):
    row = only(prompts(90, long=count))
    assert (row["missing_evidence"], row["is_measured"]) == (missing, missing is None)
