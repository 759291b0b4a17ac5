"""The head from the cache, the torso distilled, the tail as it is.

Of the queries 20 % are answered by the cache, which saves $15 a month after its costs; 60 % are stable, so the torso is 40
%. Moving all calls would save $100, hosting costs $10: the torso saves $30, together $45; distilled alone they save $50.
"""

from dataclasses import replace

import pytest

from ai_finops.analyse.agreement import wilson_interval
from ai_finops.analyse.levers import cache_and_distillation
from ai_finops.analyse.levers.cache_and_distillation import Split
from ai_finops.analyse.levers.distillation import Distilled, Drift, Money, Pairs
from ai_finops.analyse.levers.opportunity import Opportunity
from tests.analyse.levers.seeds import assumptions, efforts

DRIFT = Drift(100, 60, 60, 500, "the same text")
CACHE = Opportunity("semantic_cache", "docs", (), 120.0, 105.0, 15.0, 12.0, 18.0, "curve", "days", head_ratio=0.2)


def distilled(*, hosting=10.0, drift=DRIFT, reason=None):
    money = Money("amazon.nova", 110.0, 10.0, hosting, 88.0, 700)
    saving = money.saving(0.6)
    alone = Opportunity("distillation", "docs", ("amazon.nova",), 110.0, 110.0 - saving, saving, 0, 0, "drift", "weeks")
    return Distilled(replace(alone, target_model_id="amazon.nova", reason=reason), money, drift, Pairs(2000, 2000))


def find(cache=CACHE, *, each=None):
    return cache_and_distillation.find(
        [each or distilled()],
        caches={"docs": cache},
        assumptions=assumptions(engineer_usd_per_person_day=100),
        efforts=efforts(cache_and_distillation=7),
    )


def only(*args, **options):
    (found,) = find(*args, **options)
    return found


@pytest.mark.parametrize(
    ("right", "stable", "split"),
    [
        (0.2, 0.6, (0.2, 0.4, 0.4)),
        (0.0, 0.6, (0.0, 0.6, 0.4)),
        (0.6, 0.6, (0.6, 0.0, 0.4)),
        (0.7, 0.6, (0.7, 0.0, 0.3)),
    ],
)
def test_the_parts_are_all_of_the_queries(right, stable, split):
    found = Split.of(right_hit_ratio=right, stable_ratio=stable)
    assert (found.head_ratio, found.torso_ratio, found.tail_ratio) == pytest.approx(split)
    assert found.head_ratio + found.torso_ratio + found.tail_ratio == pytest.approx(1)


def test_less_than_the_better_of_both_is_rejected():
    found = only()
    assert found.saving_usd == pytest.approx(15 + 0.4 * 100 - 10)
    assert found.reason == "saves $45.00 a month, and distillation alone $50.00"


def test_more_than_either_alone_is_open():
    # The cache saves more than its 20 % of the calls would on the small model: 25 + 30 = 55.
    found = only(replace(CACHE, saving_usd=25.0, low_saving_usd=22.0, high_saving_usd=28.0))
    low, high = wilson_interval(60, sample_count=100)
    assert (found.saving_usd, found.reason) == (pytest.approx(55), None)
    assert found.low_saving_usd == pytest.approx(22 + (low - 0.2) * 100 - 10)
    assert found.high_saving_usd == pytest.approx(28 + (high - 0.2) * 100 - 10)
    assert (found.current_usd, found.target_usd) == (120.0, pytest.approx(65))
    assert (found.head_ratio, found.torso_ratio, found.tail_ratio) == pytest.approx((0.2, 0.4, 0.4))
    assert (found.ratio_name, found.ratio) == ("head_and_torso_ratio", pytest.approx(0.6))
    assert found.upfront_cost_usd == pytest.approx(88 + 700)
    assert found.opportunity_id == "cache_and_distillation:docs:amazon.nova"
    assert found.evidence == (
        "head 20.0% from the cache ($25.00 a month after its costs), torso 40.0% on amazon.nova ($30.00 after hosting), "
        "tail 40.0% as it is"
    )


def test_as_much_as_the_better_of_both_is_not_more():
    found = only(replace(CACHE, saving_usd=20.0))
    assert found.reason == "saves $50.00 a month, and distillation alone $50.00"


def test_the_cache_may_be_the_better_of_both():
    found = only(replace(CACHE, saving_usd=80.0), each=distilled(hosting=45.0))
    assert found.reason == "saves $75.00 a month, and semantic_cache alone $80.00"


def test_what_speaks_against_distilling_speaks_against_both():
    found = only(each=distilled(reason="too few training pairs: 1 of 2,000"))
    assert found.reason == "its distilled part does not hold: too few training pairs: 1 of 2,000"


def test_without_a_drift_or_a_cache_there_is_nothing_to_combine():
    assert find(each=distilled(drift=None)) == []
    none = cache_and_distillation.find(
        [distilled()],
        caches={},
        assumptions=assumptions(engineer_usd_per_person_day=1),
        efforts=efforts(),
    )
    assert none == []
