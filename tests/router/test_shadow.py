"""Shadow runs: what is told of a comparison, which requests are taken, and that nothing reaches the product."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace

from ai_finops.instrument.attribution import feature
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.metering import instrument_llm
from ai_finops.instrument.switch import set_on
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.router.comparing import Judgement
from ai_finops.router.decision import Message, Request
from ai_finops.router.policy import Model, ModelPrice
from ai_finops.router.shadow import LONGEST_REQUEST
from tests.router.shadow_made import LARGE, REQUEST, SMALL, Client, offer, recorded, shadow_of


@pytest.fixture
def spans():
    forget_losses()
    with recorded() as spans:
        yield spans


def compared(shadow, *arguments, **changes) -> bool:
    """Offer, and wait until it is compared."""
    is_taken = offer(shadow, *arguments, **changes)
    assert shadow.wait(30)
    return is_taken


def test_a_comparison_says_all_that_the_pipeline_reads(spans):
    assert compared(shadow_of(spans, Client("oslo.")))
    (span,) = spans.named("finops.shadow")
    assert dict(span.attributes) == {
        "gen_ai.provider.name": "aws.bedrock",
        "finops.shadow.task_type": "extraction",
        "finops.shadow.baseline_model": LARGE.model_id,
        "finops.shadow.candidate_model": SMALL.model_id,
        "finops.shadow.baseline_correct": True,
        "finops.shadow.candidate_correct": True,
        "finops.shadow.baseline_input_tokens": 100,
        "finops.shadow.baseline_output_tokens": 20,
        "finops.shadow.candidate_input_tokens": 110,
        "finops.shadow.candidate_output_tokens": 10,
        "finops.shadow.method": "exact",
        "finops.shadow.score": 1.0,
    }
    assert span.instrumentation_scope.name == "ai_finops.router"
    assert losses() == {}


def test_another_answer_is_worse_because_the_model_in_use_counts_as_right(spans):
    compared(shadow_of(spans, Client("Bergen")))
    (said,) = spans.comparisons()
    assert (said["finops.shadow.baseline_correct"], said["finops.shadow.candidate_correct"]) == (True, False)


def test_the_candidates_call_is_recorded_under_who_asked(spans):
    shadow = shadow_of(spans)
    with feature("contract_review", journey="j-1", journey_name="onboarding", user="u-1"):
        compared(shadow)
    (call,) = spans.calls()
    said = dict(call.attributes)
    names = ("feature", "journey", "journey.name", "user", "pipeline", "task_type", "model_tier")
    assert [said[f"finops.{name}"] for name in names] == [
        "contract_review", "j-1", "onboarding", "u-1", "shadow", "extraction", "cheap",
    ]  # fmt: skip
    assert (said["gen_ai.request.model"], said["gen_ai.usage.input_tokens"]) == (SMALL.model_id, 110)
    assert said["finops.estimated_cost_usd"] > 0
    (comparison,) = spans.named("finops.shadow")
    assert call.parent.span_id == comparison.context.span_id


def test_a_feature_of_the_decorator_around_or_of_the_router_counts_where_nobody_said_one(spans):
    @track_llm_cost(feature="of_decorator")
    def answer():
        return compared(shadow_of(spans))

    @instrument_llm(feature="of_metrics_alone")
    def metered():
        return compared(shadow_of(spans))

    answer()
    metered()
    compared(shadow_of(spans, tools={"feature": "of_router"}))
    said = [
        span.attributes["finops.feature"] for span in spans.calls() if span.attributes["finops.pipeline"] == "shadow"
    ]
    assert said == ["of_decorator", "of_metrics_alone", "of_router"]


def test_the_comparison_has_a_trace_of_its_own_with_a_link_to_the_requests(spans):
    with spans.tracer.start_as_current_span("request") as request:
        compared(shadow_of(spans))
    (comparison,) = spans.named("finops.shadow")
    assert comparison.parent is None and comparison.context.trace_id != request.context.trace_id
    assert [link.context.span_id for link in comparison.links] == [request.context.span_id]


def test_who_is_in_the_share_by_chance(spans):
    # A number from 0 up to 1: 0.25 is not among those below it.
    for drawn, is_taken in ((0.2499, True), (0.25, False), (0.0, True)):
        shadow = shadow_of(spans, share=0.25, tools={"draw": lambda drawn=drawn: drawn})
        assert compared(shadow) is is_taken
    assert not compared(shadow_of(spans, share=0.0, tools={"draw": lambda: 0.0}))


def test_who_is_in_the_share_by_its_id(spans):
    # BLAKE2b of 8 bytes, over 2^64: "request-1" 0.9785, "request-2" 0.7641.
    shadow = shadow_of(spans, share=0.77, tools={"draw": lambda: pytest.fail("there is an id")})
    assert [compared(shadow, request_id=f"request-{number}") for number in (2, 1, 2)] == [True, False, True]
    everyone = shadow_of(spans, share=1.0)
    assert all(compared(everyone, request_id=str(number)) for number in range(20))


def test_answers_of_the_candidate_and_of_models_no_more_capable_are_not_asked_again(spans):
    client = Client()
    as_capable = Model("other", "aws.bedrock", "other-1", "cheap", SMALL.capability, ModelPrice("made", 9, 9))
    assert not compared(shadow_of(spans, client), model=SMALL)
    assert not compared(shadow_of(spans, client), model=as_capable)
    assert (client.asked, losses()) == ([], {})


def test_only_the_task_types_that_are_named(spans):
    shadow = shadow_of(spans, task_types=frozenset({"extraction"}))
    assert compared(shadow)
    assert not compared(shadow, Request("x", task_type="chat"))
    assert losses() == {}


@pytest.mark.parametrize(
    ("request_", "answer", "loss"),
    [
        (Request("x"), "Oslo", "shadow_without_task_type"),
        (Request("x" * (LONGEST_REQUEST - 1), system="sy", task_type="chat"), "Oslo", "shadow_too_long"),
        (REQUEST, "o" * (LONGEST_REQUEST + 1), "shadow_too_long"),
        (REQUEST, "It is Oslo, as far as anybody knows.", "shadow_not_comparable"),
        (REQUEST, " ", "shadow_not_comparable"),
        (REQUEST, None, "shadow_not_offered"),
    ],
)
def test_what_is_not_compared_is_counted_before_it_costs_anything(spans, request_, answer, loss):
    client = Client()
    assert not compared(shadow_of(spans, client), request_, answer_text=answer)
    assert (client.asked, losses()) == ([], {loss: 1})


def test_a_request_of_just_the_longest_length_is_compared(spans):
    assert compared(shadow_of(spans), Request("x" * (LONGEST_REQUEST - 2), system="sy", task_type="chat"))


def test_nothing_is_asked_while_recording_is_off(spans):
    client = Client()
    with set_on(False):
        assert not compared(shadow_of(spans, client))
    assert (client.asked, losses()) == ([], {})


def test_nothing_is_paid_for_a_comparison_that_nobody_would_see(spans):
    client = Client()
    shadow = shadow_of(spans, client, tools={"tracer": trace.NoOpTracer()})
    compared(shadow)
    assert (client.asked, losses(), shadow.dollars.spent_usd()) == ([], {"shadow_not_recorded": 1}, 0.0)


def test_the_candidate_is_asked_what_the_model_in_use_was_as_it_was_then(spans):
    client = Client()
    turns, tools = [Message("user", "Which city?")], {"tools": [{"name": "find"}]}
    options = {"aws.bedrock": {"toolConfig": tools, "inferenceConfig": {"maxTokens": 9999}}, "openai": {"seed": 1}}
    request = Request(turns, system="Answer with a city.", task_type="extraction", temperature=0.0, options=options)
    shadow = shadow_of(spans, client, max_output_tokens=50)
    offer(shadow, request)
    turns.append(Message("user", "And its mayor?"))
    tools["tools"].clear()
    assert shadow.wait(30)
    # The queue may be worked off before the list changes; the copy is made in `offer` either way.
    (asked,) = client.asked
    assert asked.prompt == (Message("user", "Which city?"),) and asked.prompt is not turns
    assert (asked.system, asked.temperature, asked.max_output_tokens) == ("Answer with a city.", 0.0, 50)
    assert asked.options == {"aws.bedrock": {"toolConfig": {"tools": [{"name": "find"}]}}}


@pytest.mark.parametrize(("said", "limit"), [(None, 50), (49, 49), (51, 50)])
def test_the_lower_limit_counts(spans, said, limit):
    client = Client()
    compared(
        shadow_of(spans, client, max_output_tokens=50), Request("x", task_type="extraction", max_output_tokens=said)
    )
    assert client.asked[0].max_output_tokens == limit


@pytest.mark.parametrize(("said", "marks"), [(None, 0), (2000, 0), (1024, 1), (100, 1)])
def test_an_answer_cut_off_by_our_own_limit_is_no_evidence(spans, said, marks):
    client = Client("Os", stop_reason="max_tokens")
    compared(shadow_of(spans, client), Request("x", task_type="extraction", max_output_tokens=said))
    assert len(spans.comparisons()) == marks
    assert losses() == ({} if marks else {"shadow_cut_off": 1})


def test_a_judge_is_given_prompt_and_both_answers(spans):
    given = []

    def judge(*texts):
        given.append(texts)
        return 0.9

    shadow = shadow_of(spans, Client("It is Oslo."), compare="judge", tools={"judge": judge})
    compared(shadow, answer_text="Oslo is the capital, and the answer.")
    (said,) = spans.comparisons()
    assert given == [("Which city?", "Oslo is the capital, and the answer.", "It is Oslo.")]
    assert (said["finops.shadow.method"], said["finops.shadow.score"]) == ("judge", 0.9)
    assert said["finops.shadow.candidate_correct"] is True


def test_a_judge_that_knows_the_truth_marks_both(spans):
    shadow = shadow_of(spans, compare="judge", tools={"judge": lambda *_: Judgement(False, True)})
    compared(shadow)
    (said,) = spans.comparisons()
    assert (said["finops.shadow.baseline_correct"], said["finops.shadow.candidate_correct"]) == (False, True)
    assert "finops.shadow.score" not in said


def test_embeddings_are_compared_by_their_cosine(spans):
    # (3, 4) and (4, 3): 24 of 25.
    shadow = shadow_of(
        spans, compare="embedding", least_score=0.96, tools={"embed": lambda texts: [(3, 4), (4, 3)][: len(texts)]}
    )
    compared(shadow, answer_text="Anything at all, in a sentence.")
    (said,) = spans.comparisons()
    assert (said["finops.shadow.score"], said["finops.shadow.candidate_correct"]) == (0.96, True)


def test_an_empty_answer_is_no_match_and_needs_no_embedding(spans):
    shadow = shadow_of(spans, Client(" "), compare="embedding", tools={"embed": lambda _: pytest.fail("not asked")})
    compared(shadow)
    (said,) = spans.comparisons()
    assert (said["finops.shadow.score"], said["finops.shadow.candidate_correct"]) == (0.0, False)


def test_a_candidate_that_is_not_the_policys_is_refused():
    with pytest.raises(ValueError, match="whose candidate is tiny are given small; give policy"):
        shadow_of(None, candidate="tiny")


@pytest.mark.parametrize("method", ["judge", "embedding"])
def test_a_method_without_its_callable_is_refused_when_the_service_starts(method):
    with pytest.raises(ValueError, match=f"compares by {method} need a callable"):
        shadow_of(None, compare=method)


@pytest.mark.parametrize("error", [RuntimeError("down"), KeyboardInterrupt(), SystemExit(1)])
def test_a_candidate_that_raises_is_counted_and_the_next_is_asked(spans, error):
    client = Client(error=error)
    shadow = shadow_of(spans, client)
    compared(shadow)
    assert losses() == {"shadow_candidate_failed": 1}
    client.error = None
    compared(shadow)
    assert len(spans.comparisons()) == 1
    failed = spans.named("finops.shadow")[0]
    assert failed.attributes["error.type"] == type(error).__name__
    assert "down" not in json.dumps(dict(failed.attributes)), "no text of an error, it may quote a prompt"


@pytest.mark.parametrize(
    ("method", "tools"),
    [
        ("judge", {"judge": lambda *_: 1 / 0}),
        ("judge", {"judge": lambda *_: "yes"}),
        ("judge", {"judge": lambda *_: 1.5}),
        ("judge", {"judge": lambda *_: float("nan")}),
        ("embedding", {"embed": lambda _: [(0, 0), (1, 1)]}),
        ("embedding", {"embed": lambda _: [(1, 2), (1, 2, 3)]}),
        ("embedding", {"embed": lambda _: [(1, 2)]}),
        ("embedding", {"embed": lambda _: [(float("nan"), 1), (1, 1)]}),
    ],
)
def test_a_comparison_that_fails_gives_no_marks(spans, method, tools):
    compared(shadow_of(spans, compare=method, tools=tools))
    assert (spans.comparisons(), losses()) == ([], {"shadow_comparison_failed": 1})
    assert len(spans.calls()) == 1, "the call was made and is on the bill"


def test_texts_are_on_no_span_unless_that_is_switched_on(spans, monkeypatch):
    monkeypatch.delenv("AI_FINOPS_SHADOW_KEEP_CONTENT", raising=False)
    said = {"answer_text": '{"city": "SECRET"}'}
    request = Request("SECRET question", system="SECRET", task_type="extraction")
    for value in ("", "off", "perhaps"):
        monkeypatch.setenv("AI_FINOPS_SHADOW_KEEP_CONTENT", value)
        compared(shadow_of(spans, Client("SECRET")), request, **said)
    assert "SECRET" not in "".join(span.to_json() for span in spans.all)
    monkeypatch.setenv("AI_FINOPS_SHADOW_KEEP_CONTENT", "true")
    compared(shadow_of(spans, Client("SECRET too")), request, **said)
    kept = spans.comparisons()[-1]
    assert [kept[f"finops.shadow.{name}"] for name in ("prompt", "baseline_answer", "candidate_answer")] == [
        "SECRET question",
        '{"city": "SECRET"}',
        "SECRET too",
    ]


def test_kept_texts_are_cut(spans, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_SHADOW_KEEP_CONTENT", "on")
    compared(shadow_of(spans, Client("y" * 100_001)), Request("x" * 100_000, task_type="extraction"))
    (said,) = spans.comparisons()
    assert [len(said[f"finops.shadow.{name}"]) for name in ("prompt", "candidate_answer")] == [100_000, 100_000]


def test_models_of_two_providers_have_no_provider_in_common(spans):
    other = Model("large", "openai", "gpt-4o", "expensive", 2, ModelPrice("made", 10, 40))
    compared(shadow_of(spans), model=other)
    (said,) = spans.comparisons()
    assert "gen_ai.provider.name" not in said
