"""A cache of answers priced by hand.

In the week 1,000 queries cost 500 dollars. 100 were asked before word for word and cost 40; 300 have one at 0.95 or more, cost
120, and 291 of these are right: 108, 96 and 114 dollars by share, low and high. A month is 4.345238 weeks: 4,345.238 queries,
whose lookup costs 0.043452 dollars, and the cache 50.
"""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.schemas import CACHE_CURVES
from tests.analyse.levers import made
from tests.analyse.levers.made import assumed_table

LEVER = "semantic_cache"
WEEKS = 365 / 12 / 7
LOOKUP = 1000 * WEEKS * 0.00001
TITAN = "amazon.titan-embed-text-v2:0"


def point(similarity=0.95, *, embedder="minilm", hits=300, cost=120, saved=108, low=96, high=114, right=291, **more):
    is_calibrated = saved is not None
    money = {"hit_cost_usd": cost, "saved_cost_usd": saved, "low_saved_cost_usd": low, "high_saved_cost_usd": high}
    row = {
        "usage_date": date(2025, 6, 10),
        "feature_id": "docs",
        "embedder_id": embedder,
        "similarity": similarity,
        "query_count": 1000,
        "hit_count": hits,
        "right_hit_count": right if is_calibrated else None,
        "query_cost_usd": Decimal(500),
        **{name: None if usd is None else Decimal(usd) for name, usd in money.items()},
        "is_calibrated": is_calibrated,
    }
    return row | more


SAME = point(1.0, embedder="none", hits=100, cost=40, saved=40, low=40, high=40, right=100)
UNKNOWN = point(saved=None, low=None, high=None)


def only(*points, assumptions=None, **options):
    curves = pa.Table.from_pylist(list(points), schema=CACHE_CURVES)
    return made.only(made.full_week(), lever=LEVER, cache_curves=curves, assumptions=assumptions, **options)


def money(usd):
    return pytest.approx(usd, abs=1e-5)


def test_right_hits_less_what_the_cache_costs():
    row = only(SAME, point())
    saving, low, high = (float(row[f"{end}saving_usd_per_month"]) for end in ("", "low_", "high_"))
    assert saving == money(108 * WEEKS - LOOKUP - 50) == money(419.242262)
    assert low == money(96 * WEEKS - LOOKUP - 50)
    assert high == money(114 * WEEKS - LOOKUP - 50)
    assert float(row["current_cost_usd_per_month"]) == money(500 * WEEKS)
    assert float(row["target_cost_usd_per_month"]) == money(392 * WEEKS + LOOKUP + 50)
    assert (row["ratio_name"], row["ratio"], row["status"], row["is_measured"]) == ("hit_ratio", 0.3, "open", True)
    # (50 / 4,345.238 + 0.00001) / (120 / 300 * 108 / 120) = 0.0115169 / 0.36.
    assert row["break_even_ratio"] == pytest.approx(0.031991, abs=1e-6)
    assert row["evidence"] == (
        "300 of 1,000 queries on 1 of the trailing 7 days had an earlier one at a similarity of 0.95 or more, "
        "97.0% of them right; about 39 wrong answers a month would be given; per query $0.000000 embedding and "
        "$0.000010 lookup, $50.00 a month fixed (own); for comparison only, break-even at 40% of hits (article default)"
    )


def test_the_best_point_of_the_curve_is_taken():
    # Lower down more hit and fewer are right: 150 dollars, of which 90 are saved.
    assert only(SAME, point(), point(0.85, hits=400, cost=150, saved=90, low=80, high=95, right=390))["ratio"] == 0.3
    assert only(SAME, point(), point(0.85, hits=400, cost=150, saved=130, low=80, high=140, right=390))["ratio"] == 0.4
    assert " had an earlier one of the same text;" in only(SAME, point(saved=39))["evidence"]


def test_days_add_up():
    row = only(*(each | {"usage_date": date(2025, 6, day)} for day in (9, 10) for each in (SAME, point())))
    assert float(row["saving_usd_per_month"]) == money(2 * (108 * WEEKS - LOOKUP) - 50)


@pytest.mark.parametrize("day", [date(2025, 6, 8), date(2025, 6, 16)])
def test_days_outside_the_week_do_not_count(day):
    curves = pa.Table.from_pylist([SAME | {"usage_date": day}], schema=CACHE_CURVES)
    assert made.found([], lever=LEVER, cache_curves=curves) == []


@pytest.mark.parametrize(
    ("name", "dollars"),
    # 50 tokens at 0.02 dollars a million for each of 4,345.238 queries; a folder of one's own is charged by nobody.
    [(f"{TITAN}-256", 0.004345), (TITAN, 0.004345), ("minilm-256", 0), ("minilm", 0)],
)
def test_embedding_every_query_is_paid_for(name, dollars):
    titan = (TITAN, "uncached_input", "0.02", {})
    row = only(SAME, point(embedder=name), more_prices=[titan])
    assert float(row["saving_usd_per_month"]) == money(419.242262 - dollars)


def test_a_feature_that_embeds_already_says_how_long_its_queries_are():
    # 10 tokens each instead of 50; what answers, and what others embed, does not count.
    embedded = made.calls(
        count=100_000, operation_name="embeddings", is_generating=False, model_id=TITAN, model_tier="not_routed"
    )
    others = made.calls(count=1000, feature="chat", operation_name="embeddings", is_generating=False)
    curves = pa.Table.from_pylist([SAME, point(embedder=TITAN)], schema=CACHE_CURVES)
    row = made.only(
        [*embedded, *others, *made.calls(count=1000)],
        lever=LEVER,
        cache_curves=curves,
        more_prices=[(TITAN, "uncached_input", "0.02", {})],
        targets=[made.target(task_type="none")],
    )
    assert float(row["saving_usd_per_month"]) == money(419.242262 - 0.000869)


@pytest.mark.parametrize(
    ("fixed", "reason"),
    # 108 * 4.345238 - 0.043452 = 469.242262 is what it may cost.
    [
        (468, None),
        (469, "saves less than $1 a month"),
        (
            108 * WEEKS - LOOKUP,
            "the cache would cost $469.29 a month and its right hits save $469.29: 30.0% hit, 30.0% are wanted",
        ),
        (500, "the cache would cost $500.04 a month and its right hits save $469.29: 30.0% hit, 32.0% are wanted"),
    ],
)
def test_a_cache_that_costs_more_than_it_saves_is_rejected(fixed, reason):
    row = only(SAME, point(), assumptions=assumed_table(cache_fixed_usd_per_month=fixed))
    assert (row["reason"], row["status"]) == (reason, "rejected" if reason else "open")
    assert (row["ratio"] > row["break_even_ratio"] + 1e-9) == (fixed < 469.2)


@pytest.mark.parametrize(("right", "ratio"), [(380, 0.4), (379, 0.3)])
def test_answers_that_are_wrong_too_often_do_not_count(right, ratio):
    # 0.85 saves more; of 400 hits 380 are 95 per cent.
    rows = (SAME, point(), point(0.85, hits=400, cost=150, saved=130, low=80, high=140, right=right))
    assert only(*rows)["ratio"] == ratio


def test_a_cache_that_pays_only_with_wrong_answers_is_rejected():
    dear = assumed_table(cache_fixed_usd_per_month=300)
    row = only(SAME, point(right=284), assumptions=dear)
    assert (row["status"], row["is_measured"]) == ("rejected", True)
    assert row["reason"] == (
        "it pays only at a similarity of 0.95 or more, where 94.7% of its answers are right; wanted are 95.0%"
    )
    assert only(SAME, point(right=285), assumptions=dear)["status"] == "open"


def test_without_a_hit_there_is_nothing_to_save():
    row = only(point(1.0, embedder="none", hits=0, cost=0, saved=0, low=0, high=0, right=0))
    assert (row["reason"], row["break_even_ratio"]) == ("no query had an earlier one like it", None)


def test_hits_of_unknown_cost_are_rejected():
    row = only(point(1.0, embedder="none", cost=0, saved=0, low=0, high=0))
    assert row["reason"] == "no query that hit has a known cost, so that a hit saves nothing that can be shown"


def test_hits_that_nobody_judged_are_not_measured_and_in_the_high_end_alone():
    row = only(SAME, UNKNOWN)
    assert float(row["saving_usd_per_month"]) == money(40 * WEEKS - LOOKUP - 50)
    assert float(row["high_saving_usd_per_month"]) == money(120 * WEEKS - LOOKUP - 50)
    assert (row["status"], row["is_measured"]) == ("open", False)
    assert row["missing_evidence"].startswith(
        "how many hits of minilm are right is not calibrated, they are in the high end"
    )


def test_what_may_pay_with_hits_that_nobody_judged_stays_open():
    # 40 dollars a week of the same text do not pay 200 a month; 120 would.
    dear = assumed_table(cache_fixed_usd_per_month=200)
    assert only(SAME, UNKNOWN, assumptions=dear)["status"] == "open"
    assert only(SAME, assumptions=dear)["status"] == "rejected"
    # Not even if all were right.
    assert only(SAME, UNKNOWN, assumptions=assumed_table(cache_fixed_usd_per_month=600))["status"] == "rejected"


@pytest.mark.parametrize(("count", "missing"), [(99, "99 of the 100 queries wanted"), (100, None)])
def test_few_queries_are_no_measurement(count, missing):
    row = only(SAME | {"query_count": count, "hit_count": 50})
    assert (row["missing_evidence"], row["is_measured"]) == (missing, missing is None)


def test_queries_of_no_feature_are_nobodys():
    rows = pa.Table.from_pylist([SAME | {"feature_id": "unattributed"}], schema=CACHE_CURVES)
    assert made.found([], lever=LEVER, cache_curves=rows) == []
