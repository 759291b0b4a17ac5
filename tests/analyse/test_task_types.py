"""What calls are taken for: each rule on both sides of its bounds, samples, and what is said of a group."""

from __future__ import annotations

import pytest

from ai_finops.analyse.task_rules import RULES, CallFacts, Guess, guess_task_type
from ai_finops.analyse.task_types import CallGroup, find_task_type, sample_calls

KNOWN = {"extraction", "classification", "form_filling", "summarization", "chat", "document_review"}
GROUP = CallGroup("chat", "answer", "chat")


def guess(form: str | None, inputs: int | None, outputs: int | None, *, operation: str = "chat", known=KNOWN) -> Guess:
    return guess_task_type(CallFacts(operation, inputs, outputs, form), known_task_types=known)


@pytest.mark.parametrize(
    ("form", "inputs", "outputs", "task_type", "confidence", "how"),
    [
        ("label", 50, 3, "classification", "high", "answer_is_a_label"),
        ("label", None, None, "classification", "high", "answer_is_a_label"),
        ("json", 200, 100, "extraction", "high", "data_out_of_a_longer_input"),
        ("json", 200, 101, "form_filling", "low", "data_as_long_as_the_input"),
        ("json", 199, 50, "form_filling", "low", "data_as_long_as_the_input"),
        ("json", None, None, "form_filling", "low", "data_as_long_as_the_input"),
        ("code", 50, 300, None, None, "answer_is_code"),
        ("list", 1000, 500, "document_review", "low", "points_about_a_document"),
        ("list", 1000, 501, None, None, "no_rule"),
        ("list", 999, 100, None, None, "no_rule"),
        ("list", 499, 100, "chat", "medium", "prose_to_a_few_words"),
        ("prose", 500, 175, "summarization", "medium", "short_prose_of_a_document"),
        ("prose", 500, 176, None, None, "no_rule"),
        ("prose", 499, 400, "chat", "medium", "prose_to_a_few_words"),
        ("prose", None, None, None, None, "no_rule"),
        (None, 100, 8, "classification", "medium", "a_few_tokens_out"),
        (None, 100, 9, None, None, "no_rule"),
        (None, 500, 25, "extraction", "low", "little_out_of_a_long_input"),
        (None, 499, 20, None, None, "no_rule"),
        (None, 500, 26, None, None, "no_rule"),
        (None, 1000, 51, "summarization", "low", "a_part_of_a_long_input"),
        (None, 1000, 350, "summarization", "low", "a_part_of_a_long_input"),
        (None, 1000, 351, None, None, "no_rule"),
        (None, 999, 100, None, None, "no_rule"),
        (None, 100, 0, None, None, "no_rule"),
        (None, 0, 5, "classification", "medium", "a_few_tokens_out"),
        (None, None, None, None, None, "no_rule"),
    ],
)
def test_each_rule_on_both_sides_of_its_bounds(form, inputs, outputs, task_type, confidence, how):
    assert guess(form, inputs, outputs) == Guess(task_type, confidence, how)


def test_every_rule_is_tried():
    tried = {row[5] for row in test_each_rule_on_both_sides_of_its_bounds.pytestmark[0].args[1]}
    assert {rule.name for rule in RULES} <= tried


def test_a_call_that_generates_nothing_has_no_task_type():
    assert guess("label", 50, 3, operation="embeddings") == Guess(None, None, "not_generating")


def test_a_task_type_that_the_seed_does_not_have_is_none():
    assert guess("label", 50, 3, known={"chat"}) == Guess(None, None, "answer_is_a_label")


def call(call_id: str, **changes) -> dict:
    return {"call_id": call_id, **GROUP._asdict()} | changes


def test_sample_is_the_same_in_any_order_and_of_each_group():
    calls = [call(str(number)) for number in range(20)] + [call("other", pipeline_id="second")]
    sampled = sample_calls(calls, most_per_group=5)
    assert {group: len(chosen) for group, chosen in sampled.items()} == {
        GROUP: 5,
        GROUP._replace(pipeline_id="second"): 1,
    }
    assert sample_calls(reversed(calls), most_per_group=5) == sampled
    # By hash: not the first five, and a larger sample holds the smaller.
    ids = [each["call_id"] for each in sampled[GROUP]]
    assert ids != ["0", "1", "2", "3", "4"]
    assert [each["call_id"] for each in sample_calls(calls, most_per_group=9)[GROUP]][:5] == ids


def find(*guesses: Guess, bound: float = 0.8):
    return find_task_type(GROUP, guesses, call_count=100, smallest_share_ratio=bound)


LABEL, SURE_LABEL = Guess("classification", "medium", "few"), Guess("classification", "high", "label")
CHAT, NOTHING = Guess("chat", "medium", "prose"), Guess(None, None, "no_rule")


def test_a_group_is_of_a_task_type_from_the_bound_on():
    found = find(*[LABEL] * 4, CHAT)
    assert (found.task_type, found.status, found.agreeing_count, found.sample_count) == (
        "classification",
        "applied",
        4,
        5,
    )
    assert found.agreement_ratio == 0.8
    # Wilson: (0.8 + 0.38415 - 1.95996 * sqrt(0.032 + 0.03842)) / 1.76829.
    assert found.low_agreement_ratio == pytest.approx(0.37553, abs=1e-5)
    assert find(*[LABEL] * 3, CHAT).status == "mixed"


def test_calls_that_are_taken_for_nothing_count_in_the_share():
    assert find(*[LABEL] * 4, NOTHING).status == "applied"
    assert find(*[LABEL] * 3, NOTHING).status == "mixed"


def test_a_finding_is_as_sure_as_its_least_sure_call_and_says_how():
    found = find(SURE_LABEL, LABEL)
    assert (found.confidence, found.how) == ("medium", "few+label")
    assert find(SURE_LABEL, SURE_LABEL, CHAT, bound=0.5).confidence == "high"


def test_calls_of_low_confidence_agree_and_are_not_used():
    low = Guess("classification", "low", "lengths")
    assert (find(*[low] * 5).status, find(*[low] * 5).confidence) == ("unsure", "low")
    # Four sure ones of five are enough, three are not.
    found = find(*[LABEL] * 4, low)
    assert (found.status, found.confidence, found.agreeing_count) == ("applied", "medium", 5)
    assert find(*[LABEL] * 3, low, low).status == "unsure"
    assert find(*[low] * 3, CHAT).status == "mixed"


def test_a_group_of_calls_that_are_taken_for_nothing_is_unclassified():
    found = find(NOTHING, Guess(None, None, "answer_is_code"))
    assert (found.task_type, found.status, found.confidence, found.how, found.agreeing_count) == (
        None,
        "unclassified",
        None,
        "answer_is_code+no_rule",
        0,
    )


def test_ties_go_to_the_first_by_name():
    assert find(LABEL, CHAT).task_type == "chat"
