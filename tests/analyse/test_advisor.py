"""Caching, distilling, both or neither: the rule of thumb where its premises hold, and why not where they do not.

A month is 4.345238 weeks. Work is $100 a day: a cache takes 5 days, $500; a distilled model $588 with its training.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai_finops.analyse.advisor import BOTH, CACHE, DISTIL, KEEP, Premises, advise, rule_of_thumb
from ai_finops.analyse.levers.distillation import Queries
from ai_finops.analyse.schemas import CACHING_ADVICE
from tests.analyse.levers.seeds import assumptions, efforts

AS_OF = date(2025, 6, 18)
LAST = date(2025, 6, 9)
ASSUMED = {
    "cache_break_even_hit_ratio": 0.4,
    "distillation_min_training_pairs": 2000,
    "distillation_max_drift_ratio": 0.2,
    "advisor_low_diversity_ratio": 0.5,
    "advisor_high_volume_queries_per_month": 10_000,
    "max_break_even_weeks": 26,
    "engineer_usd_per_person_day": 100,
    "cache_lookup_latency_ms": 20,
    "distilled_latency_ratio": 0.5,
}
RATIOS = {
    CACHE: ("hit_ratio", 0.5, 0.05),
    DISTIL: ("stable_query_ratio", 0.6, 0.1),
    BOTH: ("head_and_torso_ratio", 0.7, None),
}


def found(strategy, saving="200", *, reason=None, **changes):
    """A row of its lever; the low end is half of the saving."""
    name, ratio, break_even = RATIOS[strategy]
    upfront = Decimal(500 if strategy == CACHE else 588)
    return {
        "as_of_date": AS_OF,
        "feature_id": "chat",
        "lever": strategy,
        "saving_usd_per_month": Decimal(saving),
        "low_saving_usd_per_month": Decimal(saving) / 2,
        "high_saving_usd_per_month": Decimal(saving) * 2,
        "ratio_name": name,
        "ratio": ratio,
        "break_even_ratio": break_even,
        "head_ratio": {CACHE: 0.45, BOTH: 0.45}.get(strategy),
        "torso_ratio": 0.25 if strategy == BOTH else None,
        "upfront_cost_usd": upfront,
        "break_even_weeks": float(upfront) / (float(saving) * 84 / 365) if float(saving) > 0 else None,
        "evidence": "evidence",
        "missing_evidence": None,
        "reason": reason,
        "is_measured": strategy == CACHE,
    } | changes


def queries(*, self_covered=80, covered=76, count=7000, pairs=5000, embedder="e", distinct=3000, week=LAST):
    drift = {
        "feature_id": "chat",
        "week_start_date": week,
        "embedder_id": embedder,
        "similarity": 0.85,
        "query_count": count,
        "distinct_query_count": distinct,
        "asked_count": 100,
        "reference_count": 500,
        "covered_count": covered,
        "self_covered_count": self_covered,
    }
    training = {
        "feature_id": "chat",
        "usage_date": date(2025, 6, 10),
        "distinct_query_count": pairs,
        "kept_query_count": pairs,
    }
    return Queries.of([drift], [training], retention_days=30)


NOTHING_KNOWN = Queries.of([], [], retention_days=30)
DURATIONS = [
    {"feature_id": "chat", "usage_date": date(2025, 6, 17), "call_count": 30, "median_duration_ms": 1000.0},
    {"feature_id": "chat", "usage_date": date(2025, 6, 11), "call_count": 10, "median_duration_ms": 2000.0},
    {"feature_id": "chat", "usage_date": date(2025, 6, 10), "call_count": 900, "median_duration_ms": 9000.0},
    {"feature_id": "chat", "usage_date": AS_OF, "call_count": 900, "median_duration_ms": 9000.0},
    {"feature_id": "search", "usage_date": date(2025, 6, 17), "call_count": 900, "median_duration_ms": 9000.0},
]


def ask(*rows, about=None, durations=DURATIONS, **assumed):
    table = advise(
        rows,
        queries=queries() if about is None else about,
        durations=durations,
        assumptions=assumptions(**ASSUMED | assumed),
        efforts=efforts(cache_and_distillation=7),
        as_of=AS_OF,
    )
    assert table.schema == CACHING_ADVICE
    return {row["strategy"]: row for row in table.to_pylist()}


def recommended(rows):
    (strategy,) = (strategy for strategy, row in rows.items() if row["is_recommended"])
    return strategy


def by_rule(rows):
    (strategy,) = (strategy for strategy, row in rows.items() if row["is_rule_of_thumb"])
    return strategy


# Where the article's premises hold, the figures say what it says.


@pytest.mark.parametrize(
    ("rows", "about", "strategy"),
    [
        # Alike questions, half of them hit; too few pairs for a model.
        (
            [found(CACHE), found(DISTIL, "50", reason="too few training pairs: 500 of 2,000")],
            queries(pairs=500),
            CACHE,
        ),
        # Diverse but stable ones, many, and pairs enough; few hit.
        ([found(CACHE, "20", ratio=0.1), found(DISTIL, "900")], queries(self_covered=40, covered=38), DISTIL),
        # Alike and stable and many: head from the cache, torso distilled.
        ([found(CACHE), found(DISTIL, "900"), found(BOTH, "1000")], queries(), BOTH),
        # Diverse ones that drift: as they are.
        (
            [
                found(CACHE, "-40", ratio=0.1, reason="the cache would cost more"),
                found(DISTIL, "100", reason="the queries drift by 50.0% from one week to the next, 20% is the limit"),
            ],
            queries(self_covered=40, covered=20),
            KEEP,
        ),
    ],
)
def test_agrees_with_the_rule_of_thumb_where_its_premises_hold(rows, about, strategy):
    rows = ask(*rows, about=about)
    assert (recommended(rows), by_rule(rows)) == (strategy, strategy)
    assert list(rows) == [CACHE, DISTIL, BOTH, KEEP]
    assert not any(row["differs_from_rule"] for row in rows.values())


def test_a_break_even_far_below_the_article_s_is_said_where_the_rule_would_not_cache():
    # At today's prices 5 % of hits pay; 20 % hit, the article wants 40 %.
    rows = ask(found(CACHE, ratio=0.2), about=queries(pairs=500))
    assert (recommended(rows), by_rule(rows)) == (CACHE, KEEP)
    assert (
        rows[CACHE]["differs_from_rule"] and rows[KEEP]["differs_from_rule"] and not rows[DISTIL]["differs_from_rule"]
    )
    assert (rows[CACHE]["break_even_ratio"], rows[CACHE]["default_break_even_ratio"]) == (0.05, 0.4)
    premises = (
        "diversity 20.0% (low below 50%), hits 20.0% (40% wanted), drift 5.0% (stable up to 20%), 500 pairs "
        "(2,000 wanted), 30,417 queries a month (10,000 wanted)"
    )
    assert rows[CACHE]["reason"] == (
        "saves $200.00 a month ($100.00 to $400.00), more than any other, and breaks even after 10.9 weeks; at today's "
        "prices it "
        f"breaks even at 5.0% of hits and not at 40% (own), and 20.0% hit; the rule of thumb would say keep_as_is ({premises})"
    )
    assert rows[KEEP]["reason"] == (
        f"semantic_cache saves $200.00 a month; the rule of thumb would recommend it ({premises})"
    )


def test_a_break_even_above_the_article_s_is_said_where_the_rule_would_cache():
    against = "the cache would cost $50.00 a month and its right hits save $40.00: 50.0% hit, 62.5% are wanted"
    rows = ask(found(CACHE, "-10", reason=against, break_even_ratio=0.625), about=queries(pairs=500))
    assert (recommended(rows), by_rule(rows)) == (KEEP, CACHE)
    assert rows[CACHE]["reason"].startswith(
        f"{against}; at today's prices it breaks even at 62.5% of hits and not at 40% (own), and 50.0% hit; "
        "the rule of thumb would recommend it (diversity 20.0% (low below 50%), hits 50.0%"
    )
    assert rows[KEEP]["reason"].startswith(
        "no strategy saves anything that can be relied on; the rule of thumb would say semantic_cache (diversity 20.0%"
    )
    assert rows[KEEP]["reason"].endswith(f"), but {against}")


def test_hosting_that_eats_the_saving_is_said_where_the_rule_would_distil():
    against = (
        "small model and hosting are dearer than today: the stable 60.0% save $80.00 a month, hosting costs $734.38"
    )
    rows = ask(
        found(CACHE, "20", ratio=0.1, reason="saves less than $1 a month"),
        found(DISTIL, "-654", reason=against),
        about=queries(self_covered=40, covered=38),
    )
    assert (recommended(rows), by_rule(rows)) == (KEEP, DISTIL)
    assert rows[DISTIL]["reason"].startswith(
        f"{against}; the rule of thumb would recommend it (diversity 60.0% (low below 50%)"
    )
    assert rows[DISTIL]["break_even_weeks"] is None


def test_both_are_not_recommended_where_one_alone_saves_more():
    rows = ask(
        found(CACHE),
        found(DISTIL, "900"),
        found(BOTH, "800", reason="saves $800.00 a month, and distillation alone $900.00"),
    )
    assert (recommended(rows), by_rule(rows)) == (DISTIL, BOTH)
    assert rows[BOTH]["reason"].startswith(
        "saves $800.00 a month, and distillation alone $900.00; the rule of thumb would recommend it ("
    )
    assert rows[DISTIL]["reason"].endswith("), but saves $800.00 a month, and distillation alone $900.00")
    assert rows[CACHE]["reason"].startswith("saves $200.00 a month, distillation $900.00; at today's prices")


# Each premise on both sides of its threshold.


@pytest.mark.parametrize(
    ("premises", "strategy"),
    [
        ({"diversity_ratio": 0.49, "hit_ratio": 0.4}, CACHE),
        ({"diversity_ratio": 0.5, "hit_ratio": 0.4}, KEEP),
        ({"diversity_ratio": 0.49, "hit_ratio": 0.39}, KEEP),
        ({"diversity_ratio": None, "hit_ratio": 0.9}, KEEP),
        ({"diversity_ratio": 0.1, "hit_ratio": None}, KEEP),
        ({"drift_ratio": 0.2, "pair_count": 2000, "query_count": 2302}, DISTIL),
        ({"drift_ratio": 0.21, "pair_count": 2000, "query_count": 2302}, KEEP),
        ({"drift_ratio": None, "pair_count": 2000, "query_count": 2302}, KEEP),
        ({"drift_ratio": 0.2, "pair_count": 1999, "query_count": 2302}, KEEP),
        # 2,301 a week are 9,998 a month, 2,302 are 10,003.
        ({"drift_ratio": 0.2, "pair_count": 2000, "query_count": 2301}, KEEP),
        ({"drift_ratio": 0.2, "pair_count": 2000, "query_count": None}, KEEP),
        ({"diversity_ratio": 0.1, "hit_ratio": 0.4, "drift_ratio": 0.0, "pair_count": 2000, "query_count": 9000}, BOTH),
    ],
)
def test_the_rule_of_thumb_at_its_thresholds(premises, strategy):
    nothing = dict.fromkeys(("query_count", "diversity_ratio", "hit_ratio", "drift_ratio"))
    about = Premises(**{**nothing, "diversity_basis": "distinct texts", "pair_count": 0, **premises})
    assert rule_of_thumb(about, feature="chat", assumptions=assumptions(**ASSUMED)).strategy == strategy


@pytest.mark.parametrize(("low", "is_recommended"), [("0.01", True), ("0", False), ("-1", False)])
def test_a_low_end_that_saves_nothing_is_not_recommended(low, is_recommended):
    row = found(CACHE, low_saving_usd_per_month=Decimal(low), missing_evidence="90 of the 100 queries wanted")
    rows = ask(row)
    assert (recommended(rows) == CACHE) is is_recommended
    assert (
        rows[CACHE]["reason"].startswith("its low end saves nothing: 90 of the 100 queries wanted")
        is not is_recommended
    )


def test_what_the_lever_says_of_work_is_relayed():
    late = "what it takes to build comes back after 261.2 weeks, 26 is the limit"
    rows = ask(
        found(CACHE, "49.91", reason=late, upfront_cost_usd=Decimal(3000), break_even_weeks=261.2),
        max_break_even_weeks=9999,
    )
    assert recommended(rows) == KEEP
    assert (rows[CACHE]["upfront_cost_usd"], rows[CACHE]["break_even_weeks"]) == (3000, 261.2)
    assert rows[CACHE]["reason"].startswith(late)
    assert rows[KEEP]["reason"].startswith(f"semantic_cache would save most, $49.91 a month, but {late}")
    # What is open stays open, whatever the limit: the lever has judged it.
    assert recommended(ask(found(CACHE), max_break_even_weeks=1)) == CACHE


def test_keeping_things_names_what_would_save_most():
    rows = ask(found(CACHE, "5", reason="one"), found(DISTIL, "7", reason="two"), found(BOTH, "-1", reason="three"))
    assert rows[KEEP]["reason"].startswith("distillation would save most, $7.00 a month, but two")
    rows = ask(found(CACHE, "0", reason="one"), found(DISTIL, "-7", reason="two"))
    assert rows[KEEP]["reason"].startswith("no strategy saves anything that can be relied on")


def test_a_strategy_without_work_has_nothing_to_come_back():
    row = ask(found(CACHE, upfront_cost_usd=Decimal(0), break_even_weeks=None))[CACHE]
    assert row["reason"].startswith("saves $200.00 a month ($100.00 to $400.00), more than any other; at today's")


def test_of_equal_savings_the_simpler_is_recommended():
    assert recommended(ask(found(CACHE), found(DISTIL), found(BOTH))) == CACHE


def test_effort_and_what_is_paid_once():
    rows = ask(found(CACHE), found(DISTIL), found(BOTH))
    efforts_ = {
        strategy: (row["implementation_effort"], row["implementation_person_days"], float(row["upfront_cost_usd"]))
        for strategy, row in rows.items()
    }
    assert efforts_ == {
        CACHE: ("build semantic_cache", 5, 500),
        DISTIL: ("build distillation", 5, 588),
        BOTH: ("build cache_and_distillation", 7, 588),
        KEEP: ("none", 0, 0),
    }
    assert (rows[BOTH]["maintenance_effort"], rows[BOTH]["maintenance_person_days_per_month"]) == (
        "keep cache_and_distillation",
        1,
    )


def test_latency_is_what_is_not_waited_for_less_lookups():
    # The median of the trailing week is (30 * 1000 + 10 * 2000) / 40 = 1,250 ms.
    rows = ask(found(CACHE), found(DISTIL), found(BOTH))
    assert {strategy: row["latency_change_ms"] for strategy, row in rows.items()} == {
        CACHE: pytest.approx(20 - 1250 * 0.5),
        DISTIL: pytest.approx(-1250 * 0.6 * 0.5),
        BOTH: pytest.approx(20 - 1250 * (0.5 + 0.25 * 0.5)),
        KEEP: 0.0,
    }


def test_latency_is_not_known_without_durations_or_a_ratio():
    rows = ask(found(CACHE), found(DISTIL, ratio=None), durations=[])
    assert [rows[strategy]["latency_change_ms"] for strategy in (CACHE, DISTIL, BOTH, KEEP)] == [None, None, None, 0.0]
    assert ask(found(DISTIL, ratio=None))[DISTIL]["latency_change_ms"] is None


@pytest.mark.parametrize(
    ("about", "ratio", "basis"),
    [
        (queries(self_covered=80), 0.2, "no alike query in its week"),
        (queries(embedder=None, count=4000, distinct=3000), 0.75, "distinct texts"),
        (queries(week=LAST - timedelta(weeks=1)), None, "not measured"),
        (NOTHING_KNOWN, None, "not measured"),
    ],
)
def test_diversity_is_measured_by_what_is_known(about, ratio, basis):
    row = ask(found(CACHE), about=about)[CACHE]
    assert (row["query_diversity_ratio"], row["diversity_basis"]) == (
        None if ratio is None else pytest.approx(ratio),
        basis,
    )


def test_a_strategy_of_which_nothing_was_found_says_so():
    rows = ask(found(DISTIL), about=NOTHING_KNOWN)
    assert rows[CACHE]["reason"] == "too little is known of its queries or calls"
    assert (rows[CACHE]["saving_usd_per_month"], rows[CACHE]["expected_ratio"], rows[CACHE]["is_measured"]) == (
        0,
        None,
        False,
    )


def test_other_dates_and_levers_are_not_asked():
    other = {"as_of_date": AS_OF - timedelta(days=1)}
    assert ask(found(CACHE) | other, found(CACHE) | {"lever": "routing_by_task_type"}) == {}
