"""What a tracked call says on its span."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from opentelemetry import baggage, trace
from opentelemetry.trace import SpanKind, StatusCode

from ai_finops.instrument import current_call, feature, track_llm_cost, tracking
from ai_finops.instrument.losses import losses
from ai_finops.instrument.semconv import select_names
from ai_finops.instrument.told import error_name
from tests.instrument.answers import HAIKU, converse, openai_chat


def test_a_call_says_feature_pipeline_usage_and_cost(spans):
    @track_llm_cost(
        feature="support_answer", model_tier="cheap", task_type="chat", prompt_version="7", pipeline="answer"
    )
    def answer(modelId):
        return converse(input_tokens=1_000, output_tokens=50)

    answer(HAIKU)
    span = spans.one()
    assert (span.name, span.kind, span.instrumentation_scope.name) == (
        f"chat {HAIKU}",
        SpanKind.CLIENT,
        "ai_finops.instrument",
    )
    said = spans.facts()
    assert said.pop("finops.estimated_cost_usd") == pytest.approx(0.001)  # 1,000 at 0.80 and 50 at 4.00 per million
    assert said["finops.feature"] == "support_answer"
    assert said["finops.pipeline"] == "answer"
    assert said["finops.model_tier"] == "cheap"
    assert said["finops.task_type"] == "chat"
    assert said["finops.prompt_version"] == "7"
    assert said["finops.currency"] == "USD"
    assert said["finops.price_catalog_version"] == "0.2.3"
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.provider.name"] == "aws.bedrock"
    assert said["gen_ai.request.model"] == HAIKU
    assert said["gen_ai.usage.input_tokens"] == 1_000
    assert said["gen_ai.usage.output_tokens"] == 50
    assert "finops.usage_gap" not in said
    assert span.status.status_code is StatusCode.UNSET


def test_no_text_is_on_a_span(spans):
    @track_llm_cost(feature="f")
    def answer(prompt):
        if prompt == "fail":
            raise ValueError("SECRET PROMPT could not be answered")
        return openai_chat()

    answer("SECRET PROMPT")
    with pytest.raises(ValueError, match="SECRET"):
        answer("fail")
    for span in spans.all:
        assert "SECRET" not in span.to_json()
        assert not span.events


@pytest.mark.parametrize(
    ("call", "model"),
    [
        (lambda function: function("m-1"), "m-1"),
        (lambda function: function(model="m-2"), "m-2"),
        (lambda function: function(), "m-default"),
    ],
)
def test_the_model_is_found_among_the_arguments(spans, call, model):
    @track_llm_cost()
    def answer(model="m-default"):
        return None

    call(answer)
    assert spans.facts()["gen_ai.request.model"] == model
    assert spans.one().name == f"chat {model}"


def test_a_model_that_only_the_answer_says_names_the_span(spans):
    track_llm_cost(feature="f")(lambda: openai_chat())()
    assert spans.one().name == "chat gpt-4o-2024-08-06"
    assert "gen_ai.request.model" not in spans.facts()
    assert spans.facts()["gen_ai.response.model"] == "gpt-4o-2024-08-06"


@pytest.mark.parametrize(
    ("result", "gap"),
    [(None, "no_result"), ("a text", "not_read"), ({"x": 1}, "not_read"), (iter([1]), "stream_not_followed")],
)
def test_no_usage_is_a_gap_and_not_zero(spans, result, gap):
    assert track_llm_cost(feature="f")(lambda: result)() is result
    said = spans.facts()
    assert said["finops.usage_gap"] == gap
    assert said["finops.cost_gap"] == "no_usage"
    assert not [name for name in said if name.startswith("gen_ai.usage") or name == "finops.estimated_cost_usd"]


def test_a_coroutine_that_a_plain_function_returns_is_recorded_when_it_is_awaited(spans):
    """As of `AsyncOpenAI().chat.completions.create`, a plain function around an async one."""

    async def inner(model):
        await asyncio.sleep(0)
        inside.append(trace.get_current_span())
        return openai_chat()

    inside = []
    coroutine = track_llm_cost(feature="f")(lambda model: inner(model))("m")
    assert asyncio.iscoroutine(coroutine)
    assert spans.all == ()
    assert asyncio.run(coroutine) == openai_chat()
    assert spans.facts()["gen_ai.usage.input_tokens"] == 300
    assert inside[0].get_span_context().span_id == spans.one().context.span_id


def test_a_coroutine_that_fails_when_it_is_awaited(spans):
    async def inner():
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(track_llm_cost(feature="f")(lambda: inner())())
    assert spans.facts()["error.type"] == "ConnectionError"


def test_another_awaitable_stays_itself_and_is_a_gap(spans):
    async def main():
        future = asyncio.get_running_loop().create_future()
        assert track_llm_cost(feature="f")(lambda: future)() is future

    asyncio.run(main())
    assert spans.facts()["finops.usage_gap"] == "not_awaited"


def test_an_unknown_model_has_no_cost_and_says_why(spans):
    track_llm_cost(feature="f")(lambda model: converse())(model="nobody.knows-this-1")
    said = spans.facts()
    assert said["finops.cost_gap"] == "unknown_model"
    assert "finops.estimated_cost_usd" not in said
    assert said["gen_ai.usage.input_tokens"] == 1_000


def test_bedrocks_own_id_is_priced_because_it_says_the_region_scope(spans):
    answer = {
        "id": "msg_bdrk_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1_000_000, "output_tokens": 0},
    }
    costs = {}
    for asked in ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"):
        track_llm_cost(feature="f")(lambda modelId: answer)(asked)
        costs[asked.split(".")[0]] = spans.all[-1].attributes["finops.estimated_cost_usd"]
    assert costs["global"] == pytest.approx(3.0)
    assert costs["us"] == pytest.approx(3.3)


def test_a_provider_that_the_caller_names_is_the_one(spans):
    track_llm_cost(feature="f", provider="groq")(openai_chat)()
    assert spans.facts()["gen_ai.provider.name"] == "groq"
    assert spans.facts()["finops.cost_gap"] == "unknown_model"


def test_an_error_has_its_type_and_is_the_same_object(spans):
    fault = TimeoutError("SECRET")

    @track_llm_cost(feature="f")
    def answer():
        raise fault

    with pytest.raises(TimeoutError) as caught:
        answer()
    assert caught.value is fault
    said = spans.facts()
    assert (said["error.type"], said["finops.usage_gap"]) == ("TimeoutError", "failed")
    assert spans.one().status.status_code is StatusCode.ERROR
    assert spans.one().status.description is None


def test_errors_are_named_by_class_or_by_awss_code():
    from botocore.exceptions import ClientError, ReadTimeoutError

    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "SECRET"}}, "Converse")
    assert error_name(throttled) == "ThrottlingException"
    assert error_name(ReadTimeoutError(endpoint_url="x")) == "botocore.exceptions.ReadTimeoutError"
    assert error_name(ValueError("x")) == "ValueError"


def test_a_cancelled_call_is_recorded_and_stays_cancelled(spans):
    @track_llm_cost(feature="f")
    async def answer():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(answer())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(main())
    assert spans.facts()["error.type"] == "asyncio.exceptions.CancelledError"


def test_a_block_says_what_it_read(spans):
    with track_llm_cost(feature="f", model=HAIKU, pipeline="block") as call:
        call.read(converse(input_tokens=2_000, output_tokens=0))
    said = spans.facts()
    assert said["gen_ai.usage.input_tokens"] == 2_000
    assert said["finops.estimated_cost_usd"] == pytest.approx(0.0016)
    assert said["finops.pipeline"] == "block"


def test_a_block_says_usage_by_hand_and_leaves_out_what_is_no_count(spans):
    with track_llm_cost(feature="f") as call:
        call.set_model("gpt-4o")
        call.set_usage(
            provider_name="openai", input_tokens=3, output_tokens=-1, cache_read_input_tokens=True, nonsense=1
        )
    said = spans.facts()
    assert said["gen_ai.usage.input_tokens"] == 3
    assert "gen_ai.usage.output_tokens" not in said
    assert "gen_ai.usage.cache_read.input_tokens" not in said
    assert said["gen_ai.request.model"] == "gpt-4o"
    assert losses() == {"usage_not_taken": 3}


def test_an_async_block_and_its_error(spans):
    async def main():
        async with track_llm_cost(feature="f"):
            raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(main())
    assert spans.facts()["error.type"] == "KeyError"


def test_one_recorder_may_be_shared_by_tasks(spans):
    shared = track_llm_cost(feature="f")

    async def work(number):
        async with shared as call:
            await asyncio.sleep(0)
            call.set_usage(input_tokens=number)
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(work(number) for number in range(20)))

    asyncio.run(main())
    assert sorted(span.attributes["gen_ai.usage.input_tokens"] for span in spans.all) == list(range(20))


def test_the_running_call_can_be_reached_from_inside(spans):
    @track_llm_cost(feature="f")
    def answer():
        current_call().read(openai_chat())
        return "only the text"

    assert answer() == "only the text"
    assert spans.facts()["gen_ai.usage.input_tokens"] == 300
    current_call().read(openai_chat())  # outside of any call: nothing
    assert len(spans.all) == 1


def test_a_step_that_holds_calls_is_none(spans):
    inner = track_llm_cost(feature="a", pipeline="inner")(lambda: converse())

    @track_llm_cost(feature="b", pipeline="outer")
    def outer():
        inner()
        inner()
        return "text"

    outer()
    *calls, step = spans.all
    assert [span.attributes["gen_ai.operation.name"] for span in spans.all] == ["chat", "chat", "invoke_workflow"]
    assert step.name == "outer"
    assert not [name for name in step.attributes if name.startswith("gen_ai.usage") or name.endswith("_gap")]
    assert {span.parent.span_id for span in calls} == {step.context.span_id}
    # The outer one asked: its feature pays, the inner name stays as the code.
    assert {span.attributes["finops.feature"] for span in calls} == {"b"}
    assert {span.attributes["finops.pipeline"] for span in calls} == {"inner"}


@pytest.mark.parametrize(
    ("make_outer", "operation"),
    [
        (lambda results: results[0], "invoke_workflow"),  # the same object
        (lambda results: dict(results[0]), "invoke_workflow"),  # a copy: the same counts
        (lambda results: converse(input_tokens=1_500, output_tokens=70), "invoke_workflow"),  # the sum
        (lambda results: converse(input_tokens=1_501, output_tokens=70), "chat"),  # a call of its own
    ],
)
def test_an_answer_that_repeats_inner_ones_is_not_counted_twice(spans, make_outer, operation):
    tokens = iter([(1_000, 50), (500, 20)])

    @track_llm_cost()
    def inner():
        used = next(tokens)
        return converse(input_tokens=used[0], output_tokens=used[1])

    @track_llm_cost()
    def outer():
        return make_outer([inner(), inner()][::-1])

    outer()
    span = spans.all[-1]
    assert span.attributes["gen_ai.operation.name"] == operation
    assert ("gen_ai.usage.input_tokens" in span.attributes) == (operation == "chat")


def test_what_a_tracked_function_calls_elsewhere_was_asked_by_its_feature(spans):
    @track_llm_cost(feature="f", journey="j")
    def answer():
        return dict(baggage.get_all())

    assert answer() == {"finops.feature": "f", "finops.journey": "j"}
    assert dict(baggage.get_all()) == {}


def test_a_user_is_on_spans_and_never_in_baggage(spans):
    with feature("f", journey="j", journey_name="onboarding", user="person-1"):
        said = track_llm_cost()(lambda: dict(baggage.get_all()))()
    assert said == {"finops.feature": "f", "finops.journey": "j", "finops.journey.name": "onboarding"}
    assert spans.facts()["finops.user"] == "person-1"
    assert spans.facts()["finops.journey.name"] == "onboarding"


def test_old_names_are_written_where_they_are_asked_for(spans):
    undo = tracking._use_tracer(spans.provider.get_tracer("x"), names=select_names("gen_ai_1_36"))
    try:
        track_llm_cost(feature="f")(lambda: converse())()
    finally:
        undo()
    said = spans.facts()
    assert said["gen_ai.system"] == "aws.bedrock"
    assert "gen_ai.provider.name" not in said


@pytest.mark.parametrize(
    ("opt_in", "version"),
    [
        ("", "semconv-genai 0.1.0"),
        ("http", "semconv-genai 0.1.0"),
        ("http, gen_ai_latest_experimental", "semconv-genai 0.1.0"),
        ("http,gen_ai_1_36", "semconv 1.36"),
        ("gen_ai_1_36,gen_ai_latest_experimental", "semconv-genai 0.1.0"),
    ],
)
def test_the_version_of_the_names_is_selected_by_the_opt_in(opt_in, version, monkeypatch):
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", opt_in)
    assert select_names().version == version
    assert select_names(opt_in).version == version


@dataclass
class ModelConfig:
    """Somebody's own settings of a model."""

    name: str = "gpt-4o"
    system_prompt: str = "SECRET PROMPT"
    api_key: str = "SECRET KEY"


class Models(enum.Enum):
    SMALL = "gpt-4o-mini"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("m" * 300, "m" * 300),
        (Models.SMALL, "gpt-4o-mini"),
        (SimpleNamespace(model_name="m-1"), "m-1"),
        (SimpleNamespace(model="m-2"), "m-2"),
        (SimpleNamespace(model_id="m-3", model=7), "m-3"),
        (ModelConfig(), None),
        (object(), None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_only_a_name_is_taken_for_a_model(spans, said, name):
    track_llm_cost(feature="f")(lambda question, model: None)("hi", said)
    assert spans.facts().get("gen_ai.request.model") == name
    assert "SECRET" not in spans.one().to_json()


def test_a_very_long_model_is_cut(spans):
    track_llm_cost(feature="f")(lambda model: None)("x" * 10_000)
    assert len(spans.facts()["gen_ai.request.model"]) == 200


def test_an_inner_call_with_another_id_or_model_is_another_call(spans):
    """A cheap model's yes or no, and the large one's after it, may count alike."""
    cheap = track_llm_cost(feature="f")(lambda: openai_chat(response_id="a") | {"model": "gpt-4o-mini"})
    large = openai_chat(response_id="b")
    track_llm_cost(feature="f")(lambda: [cheap(), large][1])()
    assert [span.attributes["gen_ai.operation.name"] for span in spans.all] == ["chat", "chat"]


@pytest.mark.parametrize(
    ("inner", "outer", "operation"),
    [
        ({"id": None}, {"id": None}, "invoke_workflow"),
        ({"id": None}, {}, "invoke_workflow"),
        ({"id": None, "model": "gpt-4o-mini"}, {"id": None}, "chat"),
        ({"id": None, "model": None}, {"id": None}, "invoke_workflow"),
        ({}, {}, "invoke_workflow"),
    ],
)
def test_equal_counts_are_one_call_unless_id_or_model_tell_otherwise(spans, inner, outer, operation):
    called = track_llm_cost(feature="f")(lambda: openai_chat() | inner)
    track_llm_cost(feature="f")(lambda: [called(), openai_chat() | outer][1])()
    assert spans.all[-1].attributes["gen_ai.operation.name"] == operation


def test_what_two_functions_say_of_themselves_counts_though_they_return_the_same_thing(spans):
    @track_llm_cost(feature="f")
    def moderate():
        current_call().read(converse(input_tokens=10, output_tokens=1))
        return True

    @track_llm_cost(feature="f")
    def answer():
        current_call().read(converse(input_tokens=9_000, output_tokens=300))
        return moderate()

    assert answer() is True
    assert [span.attributes["gen_ai.usage.input_tokens"] for span in spans.all] == [10, 9_000]


def test_awss_code_is_a_code_and_no_text():
    error = ValueError()
    error.response = {"Error": {"Code": "the prompt was: SECRET"}}
    assert error_name(error) == "ValueError"

    class Fails(Exception):
        @property
        def response(self):
            raise RuntimeError

    assert error_name(Fails()).endswith("Fails")


def test_a_journey_alone_goes_to_what_is_called_too(spans):
    assert track_llm_cost(journey="j")(lambda: dict(baggage.get_all()))() == {"finops.journey": "j"}
