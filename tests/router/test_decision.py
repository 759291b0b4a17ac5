"""Which model is asked first, why, and what follows; every rule, and what holds for any request."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.router.decision import Message, Request, decide
from ai_finops.router.read_policy import read_policy
from tests.router.stand_ins import BY_ASSESSMENT, BY_TASK_TYPE, models, policy_of

BY_COMPLEXITY = {
    "strategy": "complexity",
    "steps": [{"below": 0.3, "tier": "cheap"}, {"below": 0.6, "tier": "mid"}],
}


def chosen(request: Request, policy, **more) -> tuple:
    decision = decide(request, policy, **more)
    return decision.strategy, decision.model.name, decision.reason


def test_a_listed_task_type_has_its_tier():
    policy = policy_of(BY_TASK_TYPE)
    request = Request("hi", task_type="classification")
    assert chosen(request, policy) == ("task_type", "lite", "task type classification")


@pytest.mark.parametrize("task_type", [None, "", "other", "Classification"])
def test_any_other_goes_on_to_the_default(task_type):
    assert chosen(Request("hi", task_type=task_type), policy_of(BY_TASK_TYPE)) == (
        "default",
        "sonnet",
        "no strategy decides",
    )


@pytest.mark.parametrize(
    ("score", "model", "reason"),
    [
        (0.0, "lite", "complexity below 0.3"),
        (0.2999, "lite", "complexity below 0.3"),
        (0.3, "haiku", "complexity below 0.6"),
        (0.5999, "haiku", "complexity below 0.6"),
    ],
)
def test_a_bound_belongs_to_the_step_above_it(score, model, reason):
    request = Request(complexity_score=score)
    assert chosen(request, policy_of(BY_COMPLEXITY)) == ("complexity", model, reason)


def test_a_score_above_all_steps_goes_on_unless_there_is_an_otherwise():
    request = Request(complexity_score=0.6)
    assert chosen(request, policy_of(BY_COMPLEXITY))[0] == "default"
    policy = policy_of(BY_COMPLEXITY | {"otherwise": "mid"})
    assert chosen(request, policy) == ("complexity", "haiku", "complexity 0.6 or more")


def test_the_reason_names_the_largest_part():
    code = "def f(x): return {k: [v for v in x[k] if v == 1] for k in x}; print(f({}))"
    decision = decide(Request(code), policy_of(BY_COMPLEXITY))
    assert decision.reason == "complexity below 0.3, most by code"
    assert decision.complexity.largest_part == "code"


def test_a_known_length_counts_and_not_the_characters():
    policy = policy_of({"strategy": "complexity", "steps": [{"below": 0.3, "tier": "cheap"}]})
    assert chosen(Request("hi", input_tokens=2000), policy)[0] == "complexity"
    assert chosen(Request("hi", input_tokens=8192), policy)[0] == "default"  # 0.35 by length alone


def test_a_chain_is_asked_in_its_order():
    policy = policy_of(BY_TASK_TYPE, BY_COMPLEXITY, BY_ASSESSMENT)
    assert chosen(Request(task_type="review", complexity_score=0.1), policy)[:2] == ("task_type", "sonnet")
    assert chosen(Request(complexity_score=0.4), policy)[:2] == ("complexity", "haiku")
    assert chosen(Request(complexity_score=0.9), policy) == ("confidence", "lite", "confidence first")
    turned = policy_of(BY_COMPLEXITY, BY_TASK_TYPE)
    assert chosen(Request(task_type="review", complexity_score=0.1), turned)[:2] == ("complexity", "lite")


def test_what_is_not_sure_goes_up_tier_by_tier():
    decision = decide(Request("hi"), policy_of(BY_ASSESSMENT))
    assert [model.name for model in decision.escalation] == ["haiku", "sonnet"]
    assert decision.check.threshold == 0.8


def test_escalation_follows_the_policy_and_passes_over_the_unhealthy():
    policy = policy_of(BY_ASSESSMENT | {"escalate": {"cheap": "expensive"}})
    assert [model.name for model in decide(Request("hi"), policy).escalation] == ["sonnet"]
    all_up = decide(Request("hi"), policy_of(BY_ASSESSMENT), unhealthy=frozenset({"haiku"}))
    assert [model.name for model in all_up.escalation] == ["sonnet"]


def test_without_anywhere_to_go_an_answer_is_not_checked():
    decision = decide(Request("hi", task_type="review"), policy_of(BY_TASK_TYPE, BY_ASSESSMENT))
    assert decision.model.name == "sonnet"
    assert (decision.check, decision.escalation) == (None, ())


def test_answers_of_other_strategies_are_checked_unless_the_policy_says_own():
    request = Request("hi", task_type="classification")
    assert decide(request, policy_of(BY_TASK_TYPE, BY_ASSESSMENT)).check is not None
    own = policy_of(BY_TASK_TYPE, BY_ASSESSMENT | {"checks": "own_answers"})
    assert decide(request, own).check is None
    assert decide(Request("hi"), own).check is not None


def test_an_unhealthy_model_gives_way_to_one_of_its_tier_then_above_then_below():
    content = {
        "policy": "test",
        "default_tier": "mid",
        "models": models() | {"nova": {"provider": "aws.bedrock", "model": "n", "tier": "mid", "capability": 2}},
    }
    policy = read_policy(content)
    assert chosen(Request("hi"), policy) == ("default", "haiku", "no strategy decides")
    rerouted = "no strategy decides; then unhealthy"
    assert chosen(Request("hi"), policy, unhealthy=frozenset({"haiku"})) == ("default", "nova", rerouted)
    assert chosen(Request("hi"), policy, unhealthy=frozenset({"haiku", "nova"})) == ("default", "sonnet", rerouted)
    # Nobody is above sonnet: of those below it the most capable
    review = read_policy(content | {"default_tier": "expensive"})
    assert chosen(Request("hi"), review, unhealthy=frozenset({"sonnet"}))[1] == "haiku"
    most = frozenset({"haiku", "nova", "sonnet"})
    decision = decide(Request("hi"), policy, unhealthy=most)
    assert (decision.model.name, decision.tier, decision.is_rerouted) == ("lite", "cheap", True)


def test_when_all_are_unhealthy_the_most_capable_is_tried():
    policy = policy_of(BY_TASK_TYPE)
    everyone = frozenset({"lite", "haiku", "sonnet"})
    decision = decide(Request(task_type="classification"), policy, unhealthy=everyone)
    assert decision.model is policy.most_capable


def test_a_conversation_counts_as_all_that_was_said():
    turns = [Message("user", "one"), Message("assistant", "two"), Message("user", "three")]
    assert Request(turns, system="never").text == "one\ntwo\nthree"


def test_a_decision_says_by_which_policy():
    policy = policy_of(BY_TASK_TYPE)
    decision = decide(Request("hi"), policy)
    assert (decision.policy_id, decision.policy_version) == ("test", policy.version)


NAMES = ("lite", "haiku", "sonnet")
POLICIES = [
    policy_of(),
    policy_of(BY_TASK_TYPE),
    policy_of(BY_COMPLEXITY),
    policy_of(BY_TASK_TYPE, BY_COMPLEXITY | {"otherwise": "mid"}, BY_ASSESSMENT),
    policy_of(BY_COMPLEXITY, BY_ASSESSMENT | {"escalate": {"cheap": "expensive"}, "checks": "own_answers"}),
]
REQUESTS = st.builds(
    Request,
    st.text(st.characters(codec=None), max_size=1500),
    task_type=st.none() | st.sampled_from(["classification", "review", "chat", "?"]) | st.text(max_size=5),
    input_tokens=st.none() | st.integers(-5, 10**7),
    complexity_score=st.none() | st.floats(0, 1),
)


@settings(deadline=None, max_examples=150)
@given(REQUESTS, st.sampled_from(POLICIES), st.frozensets(st.sampled_from(NAMES)))
def test_any_request_has_one_decision_and_no_unhealthy_model_while_another_is_left(request, policy, unhealthy):
    decision = decide(request, policy, unhealthy=unhealthy)
    assert decision == decide(request, policy, unhealthy=unhealthy)
    assert decision.model in policy.models
    assert decision.tier == decision.model.tier
    if len(unhealthy) < len(NAMES):
        assert decision.model.name not in unhealthy
    assert not {model.name for model in decision.escalation} & unhealthy
    capabilities = [decision.model.capability, *(model.capability for model in decision.escalation)]
    assert capabilities == sorted(set(capabilities))
    assert (decision.check is None) == (not decision.escalation)
