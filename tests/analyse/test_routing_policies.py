"""Routes chosen on some questions and tried on others: by hand, and on the bundled marks of RouteLLM."""

from __future__ import annotations

from collections import defaultdict

import pytest

from ai_finops.analyse.routing_policies import (
    Kind,
    MarkedQuestions,
    ModelPrice,
    Outcome,
    Prices,
    choose_cheap_kinds,
    coin_accuracy_ratio,
    try_always,
    try_oracle,
    try_policy,
)
from tests.benchmarks.routing_policies import ASSUMED, complexity_of, marked, read_counts, split_of

# 1M tokens cost $1 on the cheap model and $10 on the strong one; answers have no tokens.
PRICES = Prices(ModelPrice(1, 1, 0), ModelPrice(10, 10, 0))
EASY, HARD = Kind("label", "short"), Kind("essay", "long")


def questions(
    kind: Kind, *, both=0, cheap_only=0, strong_only=0, neither=0, tokens_each=1_000
) -> list[MarkedQuestions]:
    """Return questions of one kind by their marks."""
    marks = ((True, True, both), (True, False, cheap_only), (False, True, strong_only), (False, False, neither))
    return [MarkedQuestions(kind, *marks, count, count * tokens_each) for *marks, count in marks if count]


# Of 100 easy questions both are right on 90 and the strong one alone on 2; of 100 hard ones on 40 and 50.
TRAIN = [*questions(EASY, both=90, strong_only=2, neither=8), *questions(HARD, both=40, strong_only=50, neither=10)]


def test_costs_are_of_input_and_output():
    price = ModelPrice(2.0, 8.0, output_tokens_per_answer=100)
    # 5,000 * $2 + 300 * $8, in millions.
    (three,) = questions(EASY, both=3, tokens_each=5_000 / 3)
    assert price.cost_usd(three) == pytest.approx(0.0124)


@pytest.mark.parametrize(
    ("kept", "cheap_kinds"),
    [
        # Of the strong model's 182 right answers 2 go with the easy kind: 180 of 182 are kept, 0.98901.
        (1.0, set()),
        (0.9891, set()),
        (0.9890, {EASY}),
        # Both kinds lose 52: 130 of 182 are kept, 0.71429.
        (0.7143, {EASY}),
        (0.7142, {EASY, HARD}),
        (0.0, {EASY, HARD}),
    ],
)
def test_kinds_move_while_the_limit_is_kept(kept, cheap_kinds):
    assert choose_cheap_kinds(TRAIN, prices=PRICES, smallest_kept_ratio=kept, prior_count=0) == cheap_kinds


def test_a_kind_that_loses_nothing_moves_under_any_limit():
    train = [*TRAIN, *questions(Kind("tag", "short"), both=5, cheap_only=1)]
    assert choose_cheap_kinds(train, prices=PRICES, smallest_kept_ratio=1, prior_count=0) == {Kind("tag", "short")}


def test_a_kind_that_is_better_on_the_cheap_model_pays_for_another():
    # Two right answers won pay for the two that the easy kind loses.
    train = [*TRAIN, *questions(Kind("tag", "short"), both=5, cheap_only=2)]
    chosen = choose_cheap_kinds(train, prices=PRICES, smallest_kept_ratio=1, prior_count=0)
    assert chosen == {Kind("tag", "short"), EASY}


def test_the_kind_that_saves_more_per_lost_answer_moves_first():
    # Each loses two of 100 right answers; the long ones cost ten times as much.
    long = Kind("label", "long")
    train = [
        *questions(EASY, both=98, strong_only=2),
        *questions(long, both=98, strong_only=2, tokens_each=10_000),
    ]
    # Room for 2 of 200.
    assert choose_cheap_kinds(train, prices=PRICES, smallest_kept_ratio=0.99, prior_count=0) == {long}


def test_a_kind_on_which_the_cheap_model_is_not_cheaper_stays():
    same = Prices(PRICES.cheap, PRICES.cheap)
    assert choose_cheap_kinds(TRAIN, prices=same, smallest_kept_ratio=0, prior_count=0) == frozenset()


def test_few_questions_are_drawn_towards_their_task_type_and_all():
    # Two questions of a new kind on which nothing was lost. All 202 lose 52/202 = 0.25743 each; task type `essay`, 102
    # questions with 50 lost and 50 more of all: (50 + 50 * 0.25743) / 152 = 0.41363; the kind, its two and 50 of these:
    # 50 * 0.41363 / 52 = 0.39772, so 0.79545 of two.
    few = Kind("essay", "short")
    train = [*TRAIN, *questions(few, both=2)]
    # Of 184 right answers that is 0.4323 %.
    assert few in choose_cheap_kinds(train, prices=PRICES, smallest_kept_ratio=1 - 0.00433, prior_count=50)
    assert few not in choose_cheap_kinds(train, prices=PRICES, smallest_kept_ratio=1 - 0.00432, prior_count=50)
    assert few in choose_cheap_kinds(train, prices=PRICES, smallest_kept_ratio=1, prior_count=0)


def test_outcomes_by_hand():
    # 200 questions of 1,000 tokens: $0.20 on the cheap model, $2.00 on the strong one.
    assert try_always(TRAIN, is_strong=False, prices=PRICES) == Outcome(200, 130 / 200, pytest.approx(0.2), 0)
    assert try_always(TRAIN, is_strong=True, prices=PRICES) == Outcome(200, 182 / 200, pytest.approx(2.0), 1)
    # The easy ones cheaply: 90 right for $0.10, the hard ones 90 right for $1.00.
    routed = try_policy(TRAIN, cheap_kinds=frozenset({EASY}), prices=PRICES)
    assert routed == Outcome(200, 180 / 200, pytest.approx(1.1), 0.5)
    # The 52 that only the strong model gets right: $0.52 and 148 * $0.001.
    assert try_oracle(TRAIN, prices=PRICES) == Outcome(200, 182 / 200, pytest.approx(0.668), 0.26)


def test_a_kind_that_nobody_has_seen_goes_to_the_strong_model():
    unseen = questions(Kind("poem", "short"), both=1, strong_only=1)
    assert try_policy(unseen, cheap_kinds=frozenset({EASY}), prices=PRICES).strong_share_ratio == 1


def test_nothing_is_tried_on_no_questions():
    with pytest.raises(ValueError, match="no questions"):
        try_oracle([], prices=PRICES)
    assert choose_cheap_kinds([], prices=PRICES, smallest_kept_ratio=0.9) == frozenset()


def test_a_coin_lies_on_the_line_between_the_two_models():
    cheap, strong = Outcome(10, 0.6, 1.0, 0), Outcome(10, 0.8, 5.0, 1)
    assert coin_accuracy_ratio(1.0, cheap=cheap, strong=strong) == pytest.approx(0.6)
    assert coin_accuracy_ratio(2.0, cheap=cheap, strong=strong) == pytest.approx(0.65)
    assert coin_accuracy_ratio(5.0, cheap=cheap, strong=strong) == pytest.approx(0.8)
    assert coin_accuracy_ratio(1.0, cheap=cheap, strong=cheap) == 0.6


def test_length_and_split_of_a_question():
    lengths = (199, 200, 349, 350, 599, 600)
    assert [complexity_of("q" * length) for length in lengths] == [
        "short",
        "middle",
        "middle",
        "long",
        "long",
        "longest",
    ]
    # SHA-256 of "a" begins with ca, that of "b" with 3e, that of "d" with 18, that of "e" with 3f.
    assert [split_of(text) for text in "abde"] == ["train", "train", "train", "test"]


def test_bundled_marks_are_those_of_routellm():
    rows = read_counts()
    total = sum(int(row["question_count"]) for row in rows)

    def share(is_right) -> float:
        right = sum(
            int(row["question_count"])
            for row in rows
            if is_right(row["is_cheap_right"] == "True", row["is_strong_right"] == "True")
        )
        return round(right / total, 4)

    assert (total, len({row["task_type"] for row in rows})) == (10_558, 40)
    assert share(lambda cheap, _: cheap) == 0.6650
    assert share(lambda _, strong: strong) == 0.8093
    assert share(lambda cheap, strong: cheap or strong) == 0.8593


@pytest.mark.parametrize(
    ("kept", "accuracy", "cost_usd_per_1000"), [(0.98, 0.7876, 1.1021), (0.95, 0.7586, 0.6396), (0.90, 0.7128, 0.2872)]
)
def test_routes_on_the_other_half_equal_a_direct_computation_and_lie_between_cheap_and_oracle(
    kept, accuracy, cost_usd_per_1000
):
    rows = read_counts()
    train, test = marked(rows, split="train"), marked(rows, split="test")
    kinds = choose_cheap_kinds(train, prices=ASSUMED, smallest_kept_ratio=kept)
    routed = try_policy(test, cheap_kinds=kinds, prices=ASSUMED)
    # Directly, question by question, with no code of the policies: a quarter token a character, 10 tokens an answer.
    right = count = 0
    dollars = []
    for row in rows:
        if row["split"] != "test":
            continue
        is_cheap = (row["task_type"], row["complexity"]) in kinds
        each_tokens = int(row["character_count"]) / 4 / int(row["question_count"])
        for _ in range(int(row["question_count"])):
            count += 1
            right += row["is_cheap_right" if is_cheap else "is_strong_right"] == "True"
            dollars.append((each_tokens * 0.45 + 10 * 0.70) / 1e6 if is_cheap else (each_tokens * 10 + 10 * 30) / 1e6)
    assert (routed.question_count, routed.accuracy_ratio) == (count, right / count)
    assert routed.cost_usd == pytest.approx(sum(dollars), rel=1e-9)
    # The figures of docs/routing.md.
    assert round(routed.accuracy_ratio, 4) == accuracy
    assert round(1000 * routed.cost_usd / count, 4) == cost_usd_per_1000

    cheap, strong = (try_always(test, is_strong=each, prices=ASSUMED) for each in (False, True))
    oracle = try_oracle(test, prices=ASSUMED)
    assert cheap.accuracy_ratio < routed.accuracy_ratio < strong.accuracy_ratio < oracle.accuracy_ratio
    assert cheap.cost_usd < routed.cost_usd < strong.cost_usd
    assert routed.accuracy_ratio > coin_accuracy_ratio(routed.cost_usd, cheap=cheap, strong=strong)


def test_no_question_is_in_both_halves():
    seen = defaultdict(set)
    for row in read_counts():
        seen[row["split"]].add((row["task_type"], row["complexity"], row["is_cheap_right"], row["is_strong_right"]))
    assert seen.keys() == {"train", "test"}
    # Halves by question: nearly each kind is on both sides, and none of them is a subject left out.
    assert {key[0] for key in seen["train"]} == {key[0] for key in seen["test"]}
