"""Routing by task type, priced by hand: 31.50 dollars a week on Sonnet, 8.40 on Haiku, 100.375 less a month (`made.calls`)."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.levers.distillation import Queries
from ai_finops.analyse.levers.evidence import Evidence
from ai_finops.analyse.schemas import CACHE_CURVES, SAVINGS
from tests.analyse.levers import made
from tests.analyse.levers.made import AS_OF, HAIKU, NOVA, PRICES, SONNET, calls, shadow, target
from tests.analyse.levers.seeds import efforts
from tests.analyse.levers.test_prompt_cache import prompts
from tests.analyse.levers.test_semantic_cache import SAME, point

LEVER = "routing_by_task_type"


def find(*args, **options):
    return made.found(*args, lever=LEVER, **options)


def only(*args, **options):
    return made.only(*args, lever=LEVER, **options)


def test_saving_on_the_same_tokens_scaled_by_the_interval():
    row = only(calls(), shadows=shadow(90, 100))
    assert row["current_cost_usd_per_month"] == Decimal("136.875")
    assert row["target_cost_usd_per_month"] == Decimal("36.5")
    # 100.375 * 0.9; the Wilson interval of 90 in 100 is 0.825634 to 0.944771.
    assert row["saving_usd_per_month"] == Decimal("90.3375")
    assert float(row["low_saving_usd_per_month"]) == pytest.approx(100.375 * 0.825634, abs=1e-3)
    assert float(row["high_saving_usd_per_month"]) == pytest.approx(100.375 * 0.944771, abs=1e-3)
    assert (row["agreement_ratio"], row["agreement_sample_count"]) == (0.9, 100)
    assert (row["status"], row["reason"], row["missing_evidence"], row["rank"]) == ("open", None, None, 1)
    assert (row["owner"], row["effort"]) == ("dana@example.com", "small")
    assert row["opportunity_id"] == f"routing_by_task_type:docs:summarization:{SONNET}:{HAIKU}"
    assert row["evidence"] == (
        "700 calls on 7 of the trailing 7 days, same tokens at list prices, times 365/12/7 for a month; "
        "100.0% of the feature's summarization calls are on the expensive tier; "
        "no worse in 90 of 100 shadow comparisons of this task type, all features (90.0%, 95 % interval 82.6% to 94.5%); "
        # A tenth of 700 * 4.345238 calls.
        "all moved it is $100.38 less a month, with about 304 worse answers"
    )


def test_without_shadow_rows_the_evidence_is_missing_and_said():
    row = only(calls())
    assert (row["agreement_ratio"], row["agreement_sample_count"], row["status"]) == (None, 0, "open")
    assert row["saving_usd_per_month"] == row["high_saving_usd_per_month"] == Decimal("100.375")
    assert row["low_saving_usd_per_month"] == 0
    assert row["missing_evidence"] == (
        "no shadow comparison of these two models on this task type: quality is not known"
    )


def test_a_measured_saving_ranks_above_a_larger_one_without_evidence():
    rows = calls(count=10) + calls(feature="chat", count=10, task_type="chat", cost="450.00")
    table = find(rows, targets=[target(), target(task_type="chat")], shadows=shadow(90, 100))
    assert [(row["rank"], row["feature_id"]) for row in table] == [(1, "docs"), (2, "chat")]
    assert table[1]["saving_usd_per_month"] > table[0]["saving_usd_per_month"]


@pytest.mark.parametrize(("sample_count", "missing"), [(49, "49 of the 50 shadow comparisons wanted"), (50, None)])
def test_fewer_comparisons_than_wanted_are_missing_evidence(sample_count, missing):
    row = only(calls(), shadows=shadow(sample_count, sample_count))
    assert (row["missing_evidence"], row["status"]) == (missing, "open")


def test_too_few_comparisons_do_not_reject_while_the_target_may_be_good_enough():
    # The interval of 10 in 20 is 0.299298 to 0.700702.
    just_met = only(calls(), shadows=shadow(10, 20), targets=[target(limit=0.7007)])
    missed = only(calls(), shadows=shadow(10, 20), targets=[target(limit=0.7008)])
    assert (just_met["status"], missed["status"]) == ("open", "rejected")
    assert missed["reason"] == "no worse in 70.1% of comparisons at most, wanted are 70.1%"


def test_a_fifth_no_worse_is_too_few_from_any_sample():
    row = only(calls(), shadows=shadow(40, 199), targets=[target(limit=0.9, min_samples=200)])
    # The interval of 40 in 199 is 0.151 to 0.262.
    assert (row["reason"], row["is_measured"]) == (
        "no worse in 26.2% of comparisons at most, wanted are 90.0%",
        False,
    )


def test_agreement_is_rejected_just_below_the_limit():
    # The low end for 90 in 100 is 0.825634.
    just_met = only(calls(), shadows=shadow(90, 100), targets=[target(limit=0.8256)])
    missed = only(calls(), shadows=shadow(90, 100), targets=[target(limit=0.8257)])
    assert (just_met["status"], missed["status"]) == ("open", "rejected")
    assert missed["reason"] == "no worse in 82.6% of comparisons at least, wanted are 82.6%"


def test_a_dearer_target_is_rejected():
    # Haiku at 4 and 20 dollars: 6 a day, 42 a week.
    row = only(calls(), shadows=shadow(100, 100), price_table=PRICES | {HAIKU: ("4", "20")})
    assert (row["status"], row["reason"]) == (
        "rejected",
        "the target is not cheaper: $42.00 against $31.50 a week on the same tokens",
    )
    assert "all moved" not in row["evidence"]
    # 31.5 - 42 = -10.5 a week, -45.625 a month; the interval of 100 in 100 reaches from 0.963 to 1.
    assert row["saving_usd_per_month"] == row["low_saving_usd_per_month"] == Decimal("-45.625")
    assert row["high_saving_usd_per_month"] > row["low_saving_usd_per_month"]


def test_an_equally_dear_target_is_rejected():
    row = only(calls(), price_table=PRICES | {HAIKU: ("3", "15")})
    assert (row["status"], row["reason"].split(":")[0]) == ("rejected", "the target is not cheaper")


def test_a_target_without_a_price_is_rejected():
    row = only(calls(), price_table={SONNET: PRICES[SONNET]})
    assert (row["status"], row["reason"]) == ("rejected", "the target has no price for tokens these calls used")
    assert row["target_cost_usd_per_month"] is None
    assert row["saving_usd_per_month"] == 0


def test_a_cache_class_without_a_price_is_missing_evidence():
    # 500,000 of the input written to the cache; at the target it costs 0.8 a million like other input.
    rows = calls(count=10, uncached_input_tokens=500_000, cache_write_5m_input_tokens=500_000)
    row = only(rows, shadows=shadow(90, 100))
    assert row["target_cost_usd_per_month"] == Decimal("36.5")
    assert (
        row["missing_evidence"] == "the target has no price of its own for cache_write_5m_input: taken as other input"
    )
    assert row["status"] == "open"


@pytest.mark.parametrize(
    ("cost", "status"),
    # A month of (7 * cost - 8.4) * 4.345238 dollars: 0.9999… and 1.0003…
    [("1.232876", "rejected"), ("1.232890", "open")],
)
def test_a_saving_below_a_dollar_is_not_open(cost, status):
    row = only(calls(count=1, cost=cost))
    assert row["status"] == status
    assert (row["reason"] == "saves less than $1 a month") == (status == "rejected")


def test_only_the_trailing_seven_days_count():
    row = only(calls(first=date(2025, 6, 8), days=9, count=10))
    assert row["current_cost_usd_per_month"] == Decimal("136.875")


def test_missing_days_are_named_and_not_made_up():
    row = only(calls(days=5))
    assert row["current_cost_usd_per_month"] == Decimal("97.767857")
    assert row["evidence"].startswith("500 calls on 5 of the trailing 7 days")


@pytest.mark.parametrize(("days", "missing"), [(6, "6 of the trailing 7 days"), (7, None)])
def test_fewer_than_seven_days_measure_nothing(days, missing):
    row = only(calls(first=date(2025, 6, 16 - days), days=days), shadows=shadow(90, 100))
    assert (row["is_measured"], row["missing_evidence"], row["status"]) == (missing is None, missing, "open")


def test_missing_days_come_first_of_what_is_missing():
    missing = only(calls(days=1))["missing_evidence"]
    assert missing.startswith("1 of the trailing 7 days; no shadow comparison of these two models")


@pytest.mark.parametrize("feature", [None, "unattributed", "chat"])
def test_a_day_on_which_others_called_is_there(feature):
    other = calls(feature=feature, days=1, first=date(2025, 6, 15), model_tier="cheap")
    assert only(calls(days=6) + other, shadows=shadow(90, 100))["is_measured"]


@pytest.mark.parametrize("day", [date(2025, 6, 8), AS_OF])
def test_the_day_before_the_week_and_the_date_of_issue_are_none_of_its_days(day):
    assert not only(calls(days=6) + calls(days=1, first=day), shadows=shadow(90, 100))["is_measured"]


@pytest.mark.parametrize(
    "more",
    [
        {"model_tier": "mid"},
        {"model_tier": None},
        {"is_generating": False},
        {"task_type": "chat"},
        {"task_type": None},
        {"model_id": HAIKU},
        {"feature": None},
        {"feature": "unattributed"},
    ],
)
def test_other_calls_are_no_opportunity(more):
    assert find(calls(**more)) == []


def test_comparisons_of_other_models_and_tasks_are_no_evidence():
    others = shadow(90, 100, candidate=NOVA) + shadow(90, 100, task_type="chat")
    assert only(calls(), shadows=others)["agreement_sample_count"] == 0


def test_each_date_sees_only_what_was_before_it():
    rows = calls(days=14, first=date(2025, 6, 2), count=10)
    shadows = shadow(90, 100, day=10)
    table = find(rows, shadows=shadows, as_of_dates=[AS_OF, date(2025, 6, 9)])
    assert [(row["as_of_date"], row["agreement_sample_count"], row["rank"]) for row in table] == [
        (date(2025, 6, 9), 0, 1),
        (AS_OF, 100, 1),
    ]


def test_of_two_open_targets_for_the_same_calls_only_the_better_stays_open():
    # Nova at 0.06 and 0.24 dollars saves more, but only Haiku was compared.
    table = find(calls(count=10), targets=[target(), target(NOVA)], shadows=shadow(90, 100))
    assert [(row["target_model_id"], row["status"]) for row in table] == [(HAIKU, "open"), (NOVA, "rejected")]
    assert table[1]["reason"] == f"{HAIKU} is the better target for the same calls"


def test_a_rejected_target_does_not_stand_in_the_way_of_another():
    table = find(calls(count=10), targets=[target(limit=0.99), target(NOVA)], shadows=shadow(90, 100))
    assert [(row["target_model_id"], row["status"]) for row in table] == [(NOVA, "open"), (HAIKU, "rejected")]


def test_rejected_rows_come_last():
    rows = calls(count=10) + calls(feature="ownerless", count=10, task_type="chat")
    table = made.find(rows, targets=[target(), target("unpriced", task_type="chat")]).to_pylist()
    assert (table[0]["status"], table[0]["owner"]) == ("open", "dana@example.com")
    assert [row["status"] for row in table[1:]] == ["rejected"] * 3
    assert {row["owner"] for row in table if row["feature_id"] == "ownerless"} == {"nobody named"}
    assert [row["rank"] for row in table] == [1, 2, 3, 4]


def on_target(count, *, output_tokens, feature="docs", **more):
    """Calls of one day on Haiku already, each of 10,000 input tokens and so many of output."""
    tokens = {"uncached_input_tokens": 10_000 * count, "output_tokens": output_tokens * count}
    return calls(feature=feature, days=1, count=count, cost="1", model_id=HAIKU, model_tier="cheap", **tokens | more)


def test_a_target_that_talks_more_is_priced_by_what_it_says():
    # 700 answers of 10,000 and 5,000 tokens: 700 * (0.008 + 0.020) = 19.60 a week; 31.50 - 19.60 = 11.90, 51.708333 a month.
    row = only(calls() + on_target(50, output_tokens=5_000))
    assert row["target_cost_usd_per_month"] == Decimal("85.166667")
    assert row["saving_usd_per_month"] == Decimal("51.708333")
    assert (
        "the target's own tokens (5,000 output tokens per answer against 1,000, 50 of its calls in 28 days)"
        in row["evidence"]
    )
    # 700 of 750 calls.
    assert "93.3% of the feature's summarization calls are on the expensive tier" in row["evidence"]


def test_too_few_calls_on_the_target_do_not_speak_for_it():
    row = only(calls() + on_target(49, output_tokens=5_000))
    assert row["target_cost_usd_per_month"] == Decimal("36.5")
    assert "same tokens" in row["evidence"]


@pytest.mark.parametrize(
    ("output_tokens", "reason"),
    # 700 * (0.008 + 4 * output / 1,000,000) is 31.50 at 9,250: the price is a quarter, and the answer is as dear.
    [
        (10_000, "the target is not cheaper per answer: $33.60 against $31.50 a week with the tokens that it uses"),
        (9_250, "the target is not cheaper per answer: $31.50 against $31.50 a week with the tokens that it uses"),
        (9_249, "saves less than $1 a month"),
        (9_000, None),
    ],
)
def test_a_cheaper_model_that_is_dearer_per_answer_is_rejected(output_tokens, reason):
    row = only(calls() + on_target(50, output_tokens=output_tokens))
    assert (row["reason"], row["status"]) == (reason, "rejected" if reason else "open")


def test_calls_of_other_features_tasks_and_older_days_are_not_the_targets_own():
    others = [
        *on_target(50, output_tokens=10_000, feature="chat"),
        *on_target(50, output_tokens=10_000, task_type="chat"),
        *on_target(50, output_tokens=10_000, first=date(2025, 5, 18)),
    ]
    assert only(calls() + others)["target_cost_usd_per_month"] == Decimal("36.5")
    oldest = on_target(50, output_tokens=5_000, first=date(2025, 5, 19))
    assert only(calls() + oldest)["target_cost_usd_per_month"] == Decimal("85.166667")


def test_both_sides_are_at_what_the_account_pays():
    # Billed at 90 per cent: 123.1875 and, as nothing of Haiku was billed, 32.85.
    row = only(calls(billed="4.05"))
    assert row["current_cost_usd_per_month"] == Decimal("123.1875")
    assert row["target_cost_usd_per_month"] == Decimal("32.85")
    assert "same tokens at 90.0% of list prices, as billed" in row["evidence"]


def test_a_target_that_was_billed_has_its_own_rate():
    haiku = calls(count=10, days=1, cost="1.20", billed="1.20", model_id=HAIKU, model_tier="cheap")
    row = only(calls(billed="4.05") + haiku)
    assert row["target_cost_usd_per_month"] == Decimal("36.5")


def test_one_model_at_two_providers_is_one_opportunity():
    # At the other provider nothing has a price, so that there is nothing to hold its calls against.
    row = only(calls() + calls(provider_name="elsewhere"))
    assert (row["status"], row["reason"]) == ("rejected", "the target has no price for tokens these calls used")


def evidence(**person_days):
    """Nothing of documents and queries, and what levers take: 5 days each, unless given otherwise."""
    queries = Queries.of([], [], retention_days=30)
    return Evidence({}, (), {}, queries=queries, targets=(), efforts=efforts(**person_days))


@pytest.mark.parametrize(
    ("limit", "reason"),
    # 3 days at $600 are $1,800; 90.3375 a month are $20.79 a week: 86.5804 weeks.
    [(86.59, None), (86.57, "what it takes to build comes back after 86.6 weeks, 86.57 is the limit")],
)
def test_work_counts_for_every_lever(limit, reason):
    known = {
        "evidence": evidence(routing_by_task_type=3),
        "assumptions": made.assumed_table(max_break_even_weeks=limit),
    }
    row = only(calls(), shadows=shadow(90, 100), **known)
    assert (row["upfront_cost_usd"], row["reason"]) == (Decimal(1800), reason)
    assert row["break_even_weeks"] == pytest.approx(86.5804, abs=1e-3)


def test_a_target_whose_work_comes_back_too_late_does_not_stand_in_the_way_of_another():
    # Haiku is measured and saves $90.34 a month, $20.79 a week: 86.6 weeks. Nova is not compared and saves $134.32: 58.2.
    known = {"evidence": evidence(routing_by_task_type=3), "assumptions": made.assumed_table(max_break_even_weeks=60)}
    table = find(calls(), targets=[target(), target(NOVA)], shadows=shadow(90, 100), **known)
    assert [(row["target_model_id"], row["status"]) for row in table] == [(NOVA, "open"), (HAIKU, "rejected")]


def test_without_the_seed_of_efforts_no_work_is_made_up():
    row = only(calls(), shadows=shadow(90, 100))
    assert (row["upfront_cost_usd"], row["break_even_weeks"]) == (None, None)


def test_what_it_takes_is_said_by_the_seed_and_of_routes_by_their_own():
    prefixes = pa.Table.from_pylist([prompts()])
    curves = pa.Table.from_pylist([SAME, point()], schema=CACHE_CURVES)
    table = made.find(
        calls(), delay_tolerant=["summarization"], cache_curves=curves, prompt_prefixes=prefixes, evidence=evidence()
    )
    assert {row["lever"]: row["effort"] for row in table.to_pylist()} == {
        "routing_by_task_type": "small",
        "confidence_cascade": "medium: a confidence for each answer and a threshold; small",
        "semantic_cache": "build semantic_cache",
        "prompt_cache": "build prompt_cache",
        "batch_or_flex": "build batch_or_flex",
    }


def test_no_calls_give_a_typed_empty_table():
    result = made.find([])
    assert (result.schema, result.num_rows) == (SAVINGS, 0)
