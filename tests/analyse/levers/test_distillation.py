"""A model of one's own, by hand.

A day is 100 expensive calls with 1,000,000 input and 100,000 output tokens, $4.50, and on Nova at 0.06 and 0.24 dollars a
million $0.084. A week is $31.50 and $0.588; a month (365/12/7) is $136.875 and $2.555, a difference of $134.32. Hosting is
$10 a month. Training: 2,000 pairs of 11,000 tokens, twice, at $2 a million are $88. Work: 5 days at $100.
"""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai_finops.analyse.agreement import wilson_interval
from ai_finops.analyse.levers import distillation
from ai_finops.analyse.levers.distillation import Queries
from ai_finops.analyse.levers.rates import Rates
from ai_finops.analyse.price_book import DatedPrice, PriceBook
from tests.analyse.levers.seeds import assumptions, efforts

AS_OF = date(2025, 6, 18)
LAST = date(2025, 6, 9)
SONNET, NOVA = "anthropic.sonnet", "amazon.nova"
ASSUMED = {
    "distillation_min_training_pairs": 2000,
    "distillation_max_training_pairs": 10_000,
    "distillation_training_epochs": 2,
    "distillation_training_usd_per_mtok": 2,
    "distillation_hosting_usd_per_hour": 0.1,
    "distillation_hosting_hours_per_month": 100,
    "distillation_max_drift_ratio": 0.2,
    "distillation_min_drift_samples": 50,
    "max_break_even_weeks": 40,
    "engineer_usd_per_person_day": 100,
}


def calls(*, feature="docs", cost="4.50", rate=None, **more):
    row = {
        "feature_id": feature,
        "provider_name": "aws.bedrock",
        "model_id": SONNET,
        "model_tier": "expensive",
        "region_scope": "regional",
        "processing": "on_demand",
        "is_generating": True,
        "call_count": 100,
        "uncached_input_tokens": 1_000_000,
        "cache_read_input_tokens": 0,
        "cache_write_5m_input_tokens": 0,
        "cache_write_1h_input_tokens": 0,
        "output_tokens": 100_000,
        "estimated_cost_usd": Decimal(cost),
    } | more
    return [row | {"usage_date": date(2025, 6, 11) + timedelta(days=day)} for day in range(7)]


def book(**prices):
    """Prices of the small model, a million tokens."""
    found = {"uncached_input": 0.06, "output": 0.24} | prices
    return PriceBook(
        {
            ("aws.bedrock", NOVA, name, "any", "on_demand"): (DatedPrice(date.min, date.max, price, False),)
            for name, price in found.items()
            if price is not None
        }
    )


def drifts(covered=60, self_covered=60, *, asked=100, feature="docs", week=LAST, **more):
    row = {"feature_id": feature, "embedder_id": "e", "similarity": 0.85, "reference_count": 500}
    row |= {"asked_count": asked, "covered_count": covered, "self_covered_count": self_covered}
    return [row | {"week_start_date": week} | more]


def training(count=2000, *, kept=None, day=date(2025, 6, 17), feature="docs"):
    kept = count if kept is None else kept
    return [
        {"feature_id": feature, "usage_date": day, "distinct_query_count": count, "kept_query_count": kept},
    ]


def find(rows=None, *, drift=None, pairs=None, targets=None, rates=None, price_book=None, retention_days=30, **assumed):
    return distillation.find(
        calls() if rows is None else rows,
        queries=Queries.of(
            drifts() if drift is None else drift,
            training() if pairs is None else pairs,
            retention_days=retention_days,
        ),
        targets=[{"feature_id": "*", "target_model_id": NOVA}] if targets is None else targets,
        book=price_book or book(),
        rates=rates or Rates({}),
        assumptions=assumptions(**ASSUMED | assumed),
        efforts=efforts(),
        as_of=AS_OF,
    )


def only(*args, **options):
    (found,) = find(*args, **options)
    return found.opportunity


def test_saving_is_the_stable_share_of_the_difference_less_hosting():
    found = only()
    # 0.6 * 134.32 - 10; the Wilson interval of 60 in 100 is 0.502 to 0.691.
    low, high = wilson_interval(60, sample_count=100)
    assert (low, high) == (pytest.approx(0.502002, abs=1e-5), pytest.approx(0.690599, abs=1e-5))
    assert found.saving_usd == pytest.approx(70.592)
    assert found.low_saving_usd == pytest.approx(low * 134.32 - 10)
    assert found.high_saving_usd == pytest.approx(high * 134.32 - 10)
    assert (found.current_usd, found.target_usd) == (pytest.approx(136.875), pytest.approx(136.875 - 70.592))
    assert (found.ratio_name, found.ratio, found.break_even_ratio) == (
        "stable_query_ratio",
        0.6,
        pytest.approx(10 / 134.32),
    )
    assert (found.reason, found.is_measured, found.opportunity_id) == (None, False, "distillation:docs:amazon.nova")
    assert found.evidence == (
        "60 of 100 queries of the last complete week had one at a similarity of 0.85 or more among 500 of the week "
        "before, 60 among as "
        "many of their own week; 700 calls of the trailing week, same tokens, times 365/12/7 for a month; 2,000 training "
        "pairs; hosting "
        "$10.00 a month, once $88.00 for training and $500.00 for work (assumptions)"
    )
    assert found.missing_evidence == (
        "how well the small model answers is known only when it was trained: hold pairs back"
    )


def test_what_is_paid_once_comes_back_after_weeks():
    found = only()
    assert found.upfront_cost_usd == pytest.approx(588)
    # 588 / (70.592 / 4.345238).
    assert found.break_even_weeks == pytest.approx(36.1936, abs=1e-3)


@pytest.mark.parametrize(("limit", "is_rejected"), [(36.2, False), (36.1, True)])
def test_a_late_break_even_is_rejected(limit, is_rejected):
    found = only(max_break_even_weeks=limit)
    assert (
        found.reason == f"what it takes to build comes back after 36.2 weeks, {limit:g} is the limit"
    ) is is_rejected


@pytest.mark.parametrize(("count", "reason"), [(1999, "too few training pairs: 1,999 of 2,000"), (2000, None)])
def test_too_few_training_pairs_are_rejected(count, reason):
    assert only(pairs=training(count)).reason == reason


def test_pairs_are_counted_within_the_retention():
    assert only(pairs=training(day=date(2025, 5, 19))).reason is None
    assert only(pairs=training(day=date(2025, 5, 18))).reason == "too few training pairs: 0 of 2,000"
    assert only(pairs=training(day=AS_OF)).reason == "too few training pairs: 0 of 2,000"
    assert only(pairs=training(feature="chat")).reason == "too few training pairs: 0 of 2,000"


def test_no_more_pairs_are_trained_on_than_wanted():
    assert only(pairs=training(20_000)).upfront_cost_usd == pytest.approx(500 + 440)


def test_texts_that_are_not_kept_are_missing():
    assert only(pairs=training(kept=5)).missing_evidence.endswith(
        "; texts of 5 of 2,000 pairs are kept: the others have to come from the product"
    )


@pytest.mark.parametrize(
    ("self_covered", "reason"),
    # 1 - 60/75 is a fifth; 1 - 60/76 is 0.2105.
    [(75, None), (76, "the queries drift by 21.1% from one week to the next, 20% is the limit"), (50, None), (0, None)],
)
def test_drifting_queries_are_rejected(self_covered, reason):
    assert only(drift=drifts(60, self_covered)).reason == reason


@pytest.mark.parametrize(
    ("asked", "reason"), [(49, None), (50, "the queries drift by 50.0% from one week to the next, 20% is the limit")]
)
def test_few_queries_prove_no_drift(asked, reason):
    found = only(drift=drifts(20, 40, asked=asked), max_break_even_weeks=1000)
    assert found.reason == reason
    assert found.missing_evidence.endswith("; 49 of the 50 queries wanted for the drift") is (asked == 49)


def test_hosting_that_eats_the_saving_is_rejected():
    # 0.6 * 134.32 = 80.592; hosting is a little less, and as much.
    assert only(distillation_hosting_usd_per_hour=0.8059, max_break_even_weeks=1e9).reason == (
        "saves less than $1 a month"
    )
    found = only(distillation_hosting_usd_per_hour=0.80592)
    assert found.reason == (
        "small model and hosting are dearer than today: the stable 60.0% save $80.59 a month, hosting costs $80.59"
    )
    assert found.break_even_ratio == pytest.approx(0.6)
    assert only(distillation_hosting_usd_per_hour=0.9).break_even_weeks is None


@pytest.mark.parametrize(("price", "is_rejected"), [(4.499, False), (4.5, True), (4.6, True)])
def test_a_small_model_that_is_not_cheaper_is_rejected(price, is_rejected):
    found = only(price_book=book(uncached_input=price, output=0), distillation_hosting_usd_per_hour=0)
    assert (found.reason or "").startswith("amazon.nova is not cheaper: ") is is_rejected
    assert (found.break_even_ratio is None) is is_rejected


def test_a_small_model_without_a_price_is_rejected():
    found = only(price_book=book(output=None))
    assert (found.reason, found.target_usd) == ("amazon.nova has no price for tokens these calls used", None)


def test_without_a_drift_nothing_is_saved_that_can_be_shown():
    found = only(drift=[])
    assert (found.saving_usd, found.low_saving_usd, found.high_saving_usd) == (0.0, 0.0, pytest.approx(124.32))
    assert (found.ratio, found.reason) == (None, "the drift of its queries is not measured")
    assert found.missing_evidence.endswith(
        "the drift of its queries is not measured: fingerprints or embeddings of two weeks are wanted"
    )


@pytest.mark.parametrize(
    "other", [{"week": LAST - timedelta(weeks=1)}, {"feature": "chat"}, {"week": date(2025, 6, 16)}, {"asked": None}]
)
def test_only_the_last_complete_week_of_the_feature_counts(other):
    assert find(drift=drifts(**other))[0].drift is None


def test_repeats_stand_in_where_no_embedding_is_known():
    evidence = only(drift=drifts(embedder_id=None, similarity=None)).evidence
    assert evidence.startswith(
        "60 of 100 queries of the last complete week had the same text among 500 of the week before"
    )


def test_the_account_s_own_rates_count_on_both_sides():
    found = only(rates=Rates({("aws.bedrock", SONNET): 0.5}))
    assert found.current_usd == pytest.approx(136.875 / 2)
    assert found.saving_usd == pytest.approx(0.6 * 134.32 / 2 - 10)


def test_a_feature_s_own_target_goes_before_the_one_for_every_feature():
    own = [{"feature_id": "docs", "target_model_id": NOVA}, {"feature_id": "*", "target_model_id": "other"}]
    assert only(targets=own).target_model_id == NOVA
    assert find(targets=[{"feature_id": "chat", "target_model_id": NOVA}]) == []


@pytest.mark.parametrize("more", [{"model_tier": "cheap"}, {"model_tier": None}, {"is_generating": False}])
def test_other_calls_are_not_distilled(more):
    assert find(calls(**more)) == []
