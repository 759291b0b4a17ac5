"""What a target would use, and which evidence goes first: paired answers, its own calls, the same tokens."""

from datetime import date
from decimal import Decimal

import pytest

from tests.analyse.levers import made
from tests.analyse.levers.made import AS_OF, HAIKU, NOVA, calls, shadow

LEVER = "routing_by_task_type"
# Twice the output for the same questions, and a tenth more input: 7 * (1.1 * 0.80 + 0.2 * 4) = 11.76 a week, 51.10 a month.
MORE = {
    "baseline_input_tokens": 1000,
    "baseline_output_tokens": 100,
    "candidate_input_tokens": 1100,
    "candidate_output_tokens": 200,
}
PAIRED, SAME = Decimal("51.1"), Decimal("36.5")


def target_usd(*args, **options):
    return made.only(*args, lever=LEVER, **options)["target_cost_usd_per_month"]


def test_the_same_questions_say_how_much_more_the_target_uses():
    row = made.only(calls(), lever=LEVER, shadows=shadow(50, 50, **MORE))
    assert row["target_cost_usd_per_month"] == PAIRED
    assert row["evidence"].startswith(
        "700 calls on 7 of the trailing 7 days, the target's tokens for the same questions "
        "(2.00 of the output and 1.10 of the input tokens in 50 shadow comparisons) at list prices"
    )


def test_a_mean_is_of_all_that_say_both():
    # 50 at twice and 50 at as many: 1.5 of the output and 1.05 of the input; those that leave one out say nothing.
    even = MORE | {"candidate_input_tokens": 1000, "candidate_output_tokens": 100}
    half = MORE | {"candidate_output_tokens": None}
    shadows = [*shadow(50, 50, **MORE), *shadow(50, 50, **even), *shadow(50, 50, **half), *shadow(50, 50)]
    # 7 * (1.05 * 0.80 + 0.15 * 4) = 10.08.
    assert target_usd(calls(), shadows=shadows) == Decimal("43.8")


def test_cached_input_is_input():
    rows = calls(uncached_input_tokens=500_000, cache_read_input_tokens=500_000)
    assert target_usd(rows, shadows=shadow(50, 50, **MORE)) == PAIRED


@pytest.mark.parametrize(("count", "usd"), [(49, SAME), (50, PAIRED)])
def test_few_pairs_are_no_measurement(count, usd):
    assert target_usd(calls(), shadows=shadow(count, count, **MORE)) == usd


@pytest.mark.parametrize(
    "changes", [{"candidate": NOVA}, {"task_type": "chat"}, {"day": AS_OF.day}, {"baseline_output_tokens": 0}]
)
def test_other_comparisons_say_nothing(changes):
    assert target_usd(calls(), shadows=shadow(50, 50, **MORE | changes)) == SAME


def test_pairs_go_before_the_targets_own_calls():
    own = calls(days=1, count=50, model_id=HAIKU, model_tier="cheap", output_tokens=1_000_000, first=date(2025, 6, 9))
    assert target_usd(calls() + own, shadows=shadow(50, 50, **MORE)) == PAIRED
    assert target_usd(calls() + own, shadows=shadow(49, 49, **MORE)) not in (PAIRED, SAME)


def test_a_target_that_is_dearer_for_the_same_questions_is_rejected():
    # Nine times the output: 7 * (0.88 + 3.60) = 31.36 is less than 31.50; 9.1 times 31.64.
    talks = MORE | {"candidate_output_tokens": 910}
    row = made.only(calls(), lever=LEVER, shadows=shadow(50, 50, **talks))
    assert row["reason"] == (
        "the target is not cheaper per answer: $31.64 against $31.50 a week with the tokens that it uses"
    )
    less = made.only(calls(), lever=LEVER, shadows=shadow(50, 50, **talks | {"candidate_output_tokens": 900}))
    assert less["reason"] == "saves less than $1 a month"
