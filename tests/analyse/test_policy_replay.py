"""A policy tried on ten rows by hand, and what it says when the questions and the policy do not go together."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest

from ai_finops.analyse.policy_replay import replay
from ai_finops.analyse.replay_rows import ReadingRules, ReplayRow, read_rows
from ai_finops.analyse.replay_words import replay_facts, replay_lines, verdict
from ai_finops.errors import ReplayError
from ai_finops.router.decision import Request, decide
from ai_finops.router.policy import (
    ComplexityStep,
    ComplexityStrategy,
    ConfidenceStrategy,
    FallbackLimits,
    Model,
    ModelPrice,
    TaskTypeStrategy,
    Tier,
)
from tests.analyse.replay_made import EASY_IS_CHEAP, HARD_IS_CHEAP, LARGE, SMALL, policy, write_ten

DAY = date(2026, 11, 28)
BY_COMPLEXITY = ComplexityStrategy((ComplexityStep(0.5, "cheap"),), otherwise="strong")
BY_CONFIDENCE = ConfidenceStrategy("verifier", 0.7, "cheap", {"cheap": "strong"})


def tried(rows, *strategies, **changes):
    return replay(rows, policy=policy(*strategies), day=DAY, output_tokens=0, **changes)


def row(**changes) -> ReplayRow:
    said = {"place": "q.csv, line 2", "is_cheap_correct": True, "is_strong_correct": True, "input_tokens": 1000}
    return ReplayRow(**said | changes)


@pytest.fixture
def ten(tmp_path):
    return read_rows([write_ten(tmp_path / "ten.csv", question_count=100)], rules=ReadingRules())


def test_ten_rows_by_hand(ten):
    # tests/analyse/test_coin_rule.py has the sums.
    done = tried(ten, EASY_IS_CHEAP)
    assert (done.always_cheap.accuracy_ratio, done.always_cheap.cost_usd) == (0.6, pytest.approx(1.0))
    assert (done.always_strong.accuracy_ratio, done.always_strong.cost_usd) == (0.9, pytest.approx(10.0))
    # One of the two is right on every question; only the strong one on 400: 600 * $0.001 + 400 * $0.01.
    assert (done.oracle.accuracy_ratio, done.oracle.cost_usd) == (1.0, pytest.approx(4.6))
    assert (done.routed.accuracy_ratio, done.routed.cost_usd) == (0.8, pytest.approx(5.5))
    assert done.strategies == {"task_type": 1000}
    # From 0.6 to 1.0 it is half the way; it saves 4.5 of 10 dollars and loses 0.1.
    assert done.way_to_oracle_ratio == pytest.approx(0.5)
    assert (done.saved_ratio, done.lost_ratio) == (pytest.approx(0.45), pytest.approx(0.1))
    assert done.is_recommended
    assert verdict(done) == "recommended: 5.0 points of accuracy above the coin (95 % interval 3.0 to 7.0)"


def test_the_words_and_the_json_say_the_same(ten):
    done = tried(ten, EASY_IS_CHEAP)
    assert replay_lines(done) == [
        "policy made 0123456789ab: 1,000 questions",
        "  decided 1,000 by task_type",
        "  cheap: small (small-1), $1 in and $1 out per million tokens, price made of the policy",
        "  strong: large (large-1), $10 in and $10 out per million tokens, price made of the policy",
        "                    accuracy  of the strong's  by the strong  USD per 1,000  of its cost",
        "always cheap        0.6000    66.7%            0.0%           1.0000         10.0%",
        "this policy         0.8000    88.9%            50.0%          5.5000         55.0%",
        "coin of equal cost  0.7500                     50.0%",
        "always strong       0.9000    100.0%           100.0%         10.0000        100.0%",
        "oracle              1.0000    111.1%           40.0%          4.6000         46.0%",
        "saves 45.0% of always strong's cost and loses 10.0 points of accuracy",
        # The oracle's coin: 3.6 of 9 dollars, 0.6 + 0.4 * 0.3.
        (
            "lies 50.0% of the way from always cheap to the oracle in accuracy (the oracle is 28.0 points above its own "
            "coin, this policy 5.0)"
        ),
    ]
    facts = json.loads(json.dumps(replay_facts(done, assumed={})))
    assert facts["policy_outcome"] == {"accuracy_ratio": 0.8, "cost_usd": pytest.approx(5.5), "strong_share_ratio": 0.5}
    assert (facts["is_recommended"], facts["coin"]["finding"]) == (True, "better")


def test_a_policy_that_a_coin_would_beat_is_refused(ten):
    done = tried(ten, HARD_IS_CHEAP)
    assert not done.is_recommended
    assert verdict(done) == (
        "not recommended: a coin flip between the two models that costs the same is right on 75.00% of the questions and the "
        "policy on 70.00%"
    )


def test_a_policy_that_always_cheap_dominates_is_refused():
    rows = [row(task_type="easy", is_strong_correct=False)] * 40 + [row(task_type="hard")] * 30
    rows += [row(task_type="hard", is_cheap_correct=False)] * 4 + [row(task_type="hard", is_strong_correct=False)] * 6
    done = tried(rows, EASY_IS_CHEAP)
    assert (done.is_recommended, done.coin.finding) == (False, "dominated")
    # 76 and 74 of 80; 80 * $0.001, and 40 * $0.001 + 40 * $0.01.
    assert verdict(done) == (
        "not recommended: always cheap is right on 95.00% of the questions and costs $0.08, and the policy on 92.50% for $0.44"
    )
    assert replay_facts(done, assumed={})["coin"]["dominated_by"] == "cheap"


def test_rows_of_questions_whose_lengths_are_not_known_are_refused(ten):
    done = tried([replace(each, squared_input_tokens=None) for each in ten], EASY_IS_CHEAP)
    assert (done.is_recommended, done.coin.finding) == (False, "unknown_spread")
    assert verdict(done) == (
        "not recommended: 5.0 points of accuracy above the coin (95 % interval 3.0 to 7.0), and the interval leaves out how "
        "much questions of one row differ in length; add squared_character_count, or give each question its own row"
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [(5, "differ on 25 questions, too few"), (15, "is within noise"), (16, "recommended: 5.0 points")],
)
def test_noise_is_refused_too(tmp_path, count, words):
    rows = read_rows([write_ten(tmp_path / "ten.csv", question_count=count)], rules=ReadingRules())
    done = tried(rows, EASY_IS_CHEAP)
    assert words in verdict(done)
    assert done.is_recommended == verdict(done).startswith("recommended")


def test_complexity_reads_the_prompt_or_a_score_that_is_known():
    rows = [row(complexity_score=0.5 - 1e-9), row(complexity_score=0.5), row(prompt="2 + 2?")]
    done = tried(rows, BY_COMPLEXITY)
    assert done.routed.strong_share_ratio == pytest.approx(1 / 3)
    with pytest.raises(ReplayError, match=r"q.csv, line 2: it has no prompt and no complexity_score"):
        tried([row(), row()], BY_COMPLEXITY)


def test_what_task_types_decide_needs_no_text():
    done = tried([row(task_type="easy"), row(task_type="other", prompt="x")], EASY_IS_CHEAP, BY_COMPLEXITY)
    assert done.strategies == {"complexity": 1, "task_type": 1}


def test_low_confidence_is_asked_twice_and_paid_twice():
    rows = [row(confidence=0.7), row(confidence=0.69, is_cheap_correct=False)]
    done = tried(rows, BY_CONFIDENCE)
    # $0.001 for the first, $0.001 + $0.01 for the second.
    assert (done.routed.cost_usd, done.routed.accuracy_ratio, done.escalated_count) == (pytest.approx(0.012), 1.0, 1)
    with pytest.raises(ReplayError, match=r"it has no confidence, and the policy asks again below 0.7"):
        tried([row(), row()], BY_CONFIDENCE)


def test_an_answer_without_confidence_is_enough_where_the_policy_says_so():
    lenient = ConfidenceStrategy("verifier", 0.7, "cheap", {"cheap": "strong"}, is_missing_enough=True)
    assert tried([row(), row(confidence=0.1)], lenient).escalated_count == 1


@pytest.mark.parametrize(("attempts", "escalated"), [(1, 0), (2, 1)])
def test_no_more_models_are_asked_than_the_policy_allows(attempts, escalated):
    limited = replace(policy(BY_CONFIDENCE), fallback=FallbackLimits(max_attempts=attempts))
    done = replay([row(confidence=0.9), row(confidence=0.1)], policy=limited, day=DAY, output_tokens=0)
    assert done.escalated_count == escalated


def test_an_answer_that_is_not_checked_needs_no_confidence():
    limited = replace(policy(BY_CONFIDENCE), fallback=FallbackLimits(max_attempts=1))
    assert replay([row(), row()], policy=limited, day=DAY, output_tokens=0).escalated_count == 0


def test_the_router_estimates_a_length_that_nobody_said(tmp_path):
    text = "これは日本語の文章です。" * 40
    live = decide(Request(text, task_type="x"), policy(BY_COMPLEXITY)).complexity
    (tmp_path / "q.jsonl").write_text(json.dumps({"prompt": text, "cheap_correct": 1, "strong_correct": 1}))
    (read,) = read_rows([tmp_path / "q.jsonl"], rules=ReadingRules())
    between = ComplexityStrategy((ComplexityStep(live.score, "cheap"),), otherwise="strong")
    # The score is the bound, which belongs to the next step; by characters over 4 it would lie below it.
    assert tried([read, read], between).routed.strong_share_ratio == 1.0
    said = replace(read, has_input_tokens=True)
    assert tried([said, said], between).routed.strong_share_ratio == 0.0


@pytest.fixture
def middle():
    return Model("middle", "aws.bedrock", "middle-1", "middle", 2, ModelPrice("made", 5, 5))


@pytest.fixture
def three(middle):
    top = replace(LARGE, capability=3)
    check = ConfidenceStrategy("verifier", 0.7, "cheap", {"cheap": "middle", "middle": "strong"})
    return policy(check, models=(SMALL, middle, top))


def test_a_strong_model_that_is_not_the_last_is_refused_where_its_answer_is_checked(three):
    unsure = [row(confidence=0.1), row(confidence=0.1)]
    with pytest.raises(ReplayError, match="checks the answer of middle too and goes on to large, which the questions"):
        replay(unsure, policy=three, day=DAY, output_tokens=0, strong_name="middle")
    two = replace(three, fallback=FallbackLimits(max_attempts=2))
    assert replay(unsure, policy=two, day=DAY, output_tokens=0, strong_name="middle").escalated_count == 2
    by_task = replace(three, strategies=(TaskTypeStrategy({"hard": "middle"}), *three.strategies))
    with pytest.raises(ReplayError, match="checks the answer of middle too"):
        replay([row(task_type="hard")] * 2, policy=by_task, day=DAY, output_tokens=0, strong_name="middle")


def test_a_step_without_marks_is_refused_and_one_that_is_no_step_up_is_passed_over(three, middle):
    with pytest.raises(
        ReplayError, match="the policy sends it to middle, and the questions have marks of small and large"
    ):
        replay([row(confidence=0.1)] * 2, policy=three, day=DAY, output_tokens=0)
    # A model of the next tier that is no more capable is not asked by the router either.
    equal = replace(middle, capability=1)
    models = (SMALL, equal, three.models[2])
    mixed = replace(three, models=models, tiers={each.tier: Tier(each.tier, (each,)) for each in models})
    assert replay([row(confidence=0.1)] * 2, policy=mixed, day=DAY, output_tokens=0).escalated_count == 2


def test_a_policy_by_task_type_needs_one():
    with pytest.raises(
        ReplayError, match=r"q.csv, line 2: it has no task_type, which the policy goes by; name the column"
    ):
        tried([row(), row()], EASY_IS_CHEAP)


def test_a_chained_policy_without_any_task_type_is_refused_unless_requests_have_none():
    rows = [row(prompt="2 + 2?"), row(prompt="x")]
    with pytest.raises(
        ReplayError, match=r"q.csv, line 2: it has no task_type, .* or say --no-task-types where requests"
    ):
        tried(rows, EASY_IS_CHEAP, BY_COMPLEXITY)
    assert tried(rows, EASY_IS_CHEAP, BY_COMPLEXITY, has_task_types=False).strategies == {"complexity": 2}
    assert tried(rows, EASY_IS_CHEAP, has_task_types=False).strategies == {"default": 2}
    # One that has none beside others is what a request may be; where only the default is left it is an error.
    some = [*rows, row(task_type="easy")]
    assert tried(some, EASY_IS_CHEAP, BY_COMPLEXITY).strategies == {"complexity": 2, "task_type": 1}
    with pytest.raises(ReplayError, match="line 2: it has no task_type"):
        tried(some, EASY_IS_CHEAP)


def test_models_that_the_marks_are_not_about():
    middle = Model("middle", "aws.bedrock", "middle-1", "middle", 2, ModelPrice("made", 5, 5))
    three = policy(default_tier="middle", models=(SMALL, middle, LARGE))
    with pytest.raises(
        ReplayError, match=r"line 2: the policy sends it to middle, and the questions have marks of small and"
    ):
        replay([row(), row()], policy=three, day=DAY, output_tokens=0)
    done = replay([row(), row()], policy=three, day=DAY, output_tokens=0, strong_name="middle")
    assert done.routed.strong_share_ratio == 1.0
    with pytest.raises(ReplayError, match="policy made has no model medium; it has small, middle, large"):
        replay([row()], policy=three, day=DAY, output_tokens=0, cheap_name="medium")
    with pytest.raises(ReplayError, match="small is both the cheap and the strong model"):
        replay([row()], policy=three, day=DAY, output_tokens=0, strong_name="small")


def test_a_strong_model_that_is_not_dearer_leaves_nothing_to_compare(ten):
    with pytest.raises(ReplayError, match=r"cannot be compared on these questions: .* a strong model that costs more"):
        tried(ten, EASY_IS_CHEAP, cheap_name="large", strong_name="small")


def test_the_order_of_the_questions_is_nothing_to_the_figures(ten):
    forth, back = tried(ten, EASY_IS_CHEAP), tried(ten[::-1], EASY_IS_CHEAP)
    assert all(one == other for one, other in pairwise([forth.routed, back.routed])) and forth.coin == back.coin
