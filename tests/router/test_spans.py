"""The span of a decision: what it says, whose it is, what is in it, and that it can break nothing."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.trace import StatusCode

from ai_finops.instrument.attribution import asked_by, feature
from ai_finops.instrument.losses import losses
from ai_finops.instrument.metering import instrument_llm
from ai_finops.instrument.switch import capture_sinks, set_on
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.router import spans as routing_spans
from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.engine import Router
from tests.router.stand_ins import (
    BY_ASSESSMENT,
    BY_TASK_TYPE,
    HAIKU,
    LITE,
    SONNET,
    Scripted,
    answer,
    converse,
    policy_of,
)

SECRET = "the customer's secret"
CLASSIFY = Request(SECRET, system=SECRET, task_type="classification")


class Throttled(Exception):
    status_code = 429


def test_it_says_what_was_decided_and_what_it_cost_both_ways(spans):
    policy = policy_of(BY_TASK_TYPE)
    Router(policy, clients=Scripted(lite=answer("spam")), feature="inbox", pipeline="inbox.sort").complete(CLASSIFY)
    assert spans.facts() == {
        "finops.feature": "inbox",
        "finops.pipeline": "inbox.sort",
        "finops.task_type": "classification",
        "finops.routing.policy": "test",
        "finops.routing.policy_version": policy.version,
        "finops.routing.strategy": "task_type",
        "finops.routing.reason": "task type classification",
        "finops.routing.tier": "cheap",
        "finops.routing.model": LITE,
        "finops.routing.first_model": LITE,
        "finops.routing.is_escalated": False,
        "finops.routing.is_fallback": False,
        "finops.routing.attempt_count": 1,
        "finops.routing.estimated_cost_usd": pytest.approx(0.0012),
        "finops.routing.capable_cost_usd": pytest.approx(0.012),
    }
    (span,) = spans.routing()
    assert span.instrumentation_scope.name == "ai_finops.router"


def test_the_context_afterwards_is_that_of_before(spans):
    before = get_current()
    Router(policy_of(), clients=Scripted(sonnet=answer())).complete("hi")
    with pytest.raises(ValueError, match="a bug"):
        Router(policy_of(), clients=Scripted(sonnet=ValueError("a bug"))).complete("hi")
    assert get_current() == before
    assert len({span.context.trace_id for span in spans.routing()}) == 2


def test_an_escalation(spans):
    client = Scripted(lite=answer('{"confidence": 0.5}'), haiku=answer('{"confidence": 0.9}'))
    Router(policy_of(BY_ASSESSMENT), clients=client).complete("hi")
    facts = spans.facts()
    said = {name.removeprefix("finops.routing."): value for name, value in facts.items()}
    assert (said["strategy"], said["tier"], said["model"], said["first_model"]) == ("confidence", "mid", HAIKU, LITE)
    assert (said["is_escalated"], said["is_fallback"], said["attempt_count"]) == (True, False, 2)
    assert said["confidence"] == 0.9
    assert said["reason"] == "confidence first; then low confidence"
    assert said["estimated_cost_usd"] == pytest.approx(0.0036)


def test_a_fallback(spans):
    Router(policy_of(BY_TASK_TYPE), clients=Scripted(lite=TimeoutError(), sonnet=answer())).complete(CLASSIFY)
    facts = spans.facts()
    assert facts["finops.routing.model"] == SONNET
    assert facts["finops.routing.is_fallback"] is True
    assert facts["finops.routing.reason"] == "task type classification; then timeout"
    assert "finops.routing.estimated_cost_usd" not in facts  # what a call that timed out cost is not known
    assert "finops.routing.confidence" not in facts


def test_when_nobody_answers(spans):
    client = Scripted(lite=Throttled(SECRET), sonnet=Throttled(SECRET), haiku=Throttled(SECRET))
    with pytest.raises(Throttled):
        Router(policy_of(BY_TASK_TYPE), clients=client).complete(CLASSIFY)
    (span,) = spans.routing()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"].endswith("Throttled")
    assert span.attributes["finops.routing.attempt_count"] == 3
    assert span.attributes["finops.routing.tier"] == "cheap"
    assert "finops.routing.model" not in span.attributes
    assert "finops.routing.capable_cost_usd" not in span.attributes


def test_a_cost_that_is_not_known_is_left_out(spans):

    Router(policy_of(), clients=Scripted(sonnet=Answer("no usage", raw={}))).complete("hi")
    facts = spans.facts()
    assert "finops.routing.estimated_cost_usd" not in facts
    assert "finops.routing.capable_cost_usd" not in facts
    call = spans.all[0].attributes
    assert "finops.usage_gap" in call
    assert "finops.is_stream" not in call


def test_model_calls_are_its_children_with_their_tier(spans):
    client = Scripted(lite=Throttled(), sonnet=answer())
    Router(policy_of(BY_TASK_TYPE), clients=client, feature="inbox", pipeline="sort").complete(CLASSIFY)
    failed, answered, routing = spans.all
    assert [failed.name, answered.name, routing.name] == [f"chat {LITE}", f"chat {SONNET}", "finops.routing"]
    assert {failed.parent.span_id, answered.parent.span_id} == {routing.context.span_id}
    assert [span.attributes["finops.model_tier"] for span in (failed, answered)] == ["cheap", "expensive"]
    assert failed.attributes["error.type"].endswith("Throttled")
    assert answered.attributes["gen_ai.usage.input_tokens"] == 1000
    for span in (failed, answered):
        assert span.attributes["finops.feature"] == "inbox"
        assert span.attributes["finops.pipeline"] == "sort"
        assert span.attributes["finops.task_type"] == "classification"


def test_a_client_in_a_thread_works_inside_of_the_calls_span(spans):
    seen = []

    def look(request):
        seen.append((trace.get_current_span().get_span_context().span_id, asked_by().feature_id))
        return answer()

    async def ask():
        with feature("asker"):
            await Router(policy_of(), clients=Scripted(sonnet=look)).acomplete("hi")

    asyncio.run(ask())
    call, routing = spans.all
    assert call.parent.span_id == routing.context.span_id
    assert seen == [(call.context.span_id, "asker")]


def test_the_callers_feature_wins(spans):
    router = Router(policy_of(), clients=Scripted(sonnet=answer()), feature="router")
    with feature("asker", journey="j-1"):
        router.complete("hi")
    assert spans.facts()["finops.feature"] == "asker"
    assert spans.facts()["finops.journey"] == "j-1"
    assert {span.attributes["finops.feature"] for span in spans.all} == {"asker"}


def test_inside_a_recorded_function_feature_and_pipeline_are_its_own(spans):
    router = Router(policy_of(), clients=Scripted(sonnet=answer()))

    @track_llm_cost(feature="decorated", pipeline="handler")
    def handle():
        return router.complete("hi")

    handle()
    assert spans.facts()["finops.feature"] == "decorated"
    assert spans.facts()["finops.pipeline"] == "handler"
    call, routing, outer = spans.all
    assert outer.name == "handler"
    assert "gen_ai.usage.input_tokens" not in outer.attributes  # the call inside has them, once
    assert (call.parent.span_id, routing.parent.span_id) == (routing.context.span_id, outer.context.span_id)


def test_a_function_that_is_only_metered_says_its_feature_too(spans):
    router = Router(policy_of(), clients=Scripted(sonnet=answer()), feature="router")

    class Sink:
        def add(self, call):
            pass

    @instrument_llm(feature="metered")
    def handle():
        return router.complete("hi")

    with capture_sinks(Sink()):
        handle()
    assert spans.facts()["finops.feature"] == "metered"
    assert {span.attributes["finops.feature"] for span in spans.all} == {"metered"}


def test_no_text_is_on_any_span(spans):
    client = Scripted(lite=answer(SECRET), sonnet=answer(SECRET))
    Router(policy_of(BY_TASK_TYPE), clients=client).complete(CLASSIFY)
    with pytest.raises(RuntimeError):
        Router(
            policy_of(),
            clients=Scripted(sonnet=RuntimeError(SECRET), haiku=RuntimeError(SECRET), lite=RuntimeError(SECRET)),
        ).complete(SECRET)
    assert len(spans.routing()) == 2
    assert not [span for span in spans.all if SECRET in span.to_json()]


def test_switched_off_nothing_is_recorded_and_all_else_is_the_same(spans):
    with set_on(False):
        routed = Router(policy_of(BY_TASK_TYPE), clients=Scripted(lite=answer("spam"))).complete(CLASSIFY)
    assert routed.answer.text == "spam"
    assert routed.estimated_cost_usd == pytest.approx(0.0012)
    assert spans.all == ()


class BrokenTracer:
    def start_span(self, *args, **kwargs):
        raise RuntimeError


class BrokenSpan:
    def is_recording(self):
        return True

    def set_attributes(self, facts):
        raise RuntimeError

    def end(self):
        raise RuntimeError

    def get_span_context(self):
        from opentelemetry.trace import INVALID_SPAN_CONTEXT

        return INVALID_SPAN_CONTEXT


class TracerOfBrokenSpans:
    def start_span(self, *args, **kwargs):
        return BrokenSpan()


@pytest.mark.parametrize("tracer", [BrokenTracer(), TracerOfBrokenSpans()])
def test_a_span_that_fails_is_counted_and_breaks_nothing(spans, tracer):
    undo = routing_spans._use_tracer(tracer)
    try:
        routed = Router(policy_of(), clients=Scripted(sonnet=answer("hello"))).complete("hi")
        fault = ConnectionError()
        with pytest.raises(ConnectionError) as caught:
            Router(policy_of(fallback={"max_attempts": 1}), clients=Scripted(sonnet=fault)).complete("hi")
    finally:
        undo()
    assert routed.answer.text == "hello"
    assert caught.value is fault
    assert losses()["routing_unrecorded"] == 2


def test_without_the_sdk_all_works():
    code = """
import sys
sys.modules["opentelemetry.sdk"] = sys.modules["yaml"] = None
from ai_finops.router.engine import Router
from tests.router.stand_ins import BY_TASK_TYPE, Scripted, answer, converse, policy_of
routed = Router(policy_of(BY_TASK_TYPE), clients=Scripted(sonnet=answer("hello"))).complete("hi")
heavy = {"pandas", "numpy", "duckdb", "airflow", "dbt", "boto3", "openai", "pyarrow"} & set(sys.modules)
print(routed.answer.text, routed.estimated_cost_usd, sorted(heavy))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "hello 0.012 []\n"


def test_a_client_that_is_decorated_itself_is_counted_once(spans):
    class Decorated:
        @track_llm_cost(feature="own")
        def _ask(self):
            return converse("hello")

        def complete(self, request, *, model):
            return Answer("hello", raw=self._ask())

    routed = Router(policy_of(), clients=Decorated(), feature="router").complete("hi")
    counted = [span.attributes.get("gen_ai.usage.input_tokens", 0) for span in spans.all]
    assert counted == [1000, 0, 0]  # the decorated function's own, the router's around it, the decision
    assert {span.attributes["finops.feature"] for span in spans.all} == {"router"}
    assert routed.estimated_cost_usd == pytest.approx(0.012)


def test_a_decision_that_ends_in_another_context_logs_no_text_of_what_was_raised(spans, caplog):
    """As a generator's does that another task closes."""
    block = routing_spans.routing_span(CLASSIFY, feature=None, pipeline=None)
    contextvars.copy_context().run(block.__enter__)
    with pytest.raises(ValueError, match="PLANTED"):
        try:
            raise ValueError("PLANTED")
        except ValueError as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
    assert len(spans.routing()) == 1
    assert "PLANTED" not in caplog.text
    assert "Failed to detach" not in caplog.text
