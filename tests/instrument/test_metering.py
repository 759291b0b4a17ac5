"""What `instrument_llm` gives to the metric sink."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from ai_finops.instrument import configure_metrics, current_call, feature, instrument_llm, track_llm_cost
from ai_finops.instrument.switch import capture_sinks
from tests.instrument.answers import HAIKU, converse


class Kept(list):
    """A sink that keeps what it is given."""

    add = list.append


@pytest.fixture
def sink():
    kept = Kept()
    configure_metrics(sink=kept)
    yield kept
    configure_metrics("none")


def test_a_call_is_given_with_feature_model_usage_and_cost(sink):
    instrument_llm(feature="f")(lambda modelId: converse())(HAIKU)
    (call,) = sink
    assert (call.feature_id, call.model, call.reading.input_tokens, call.reading.output_tokens) == (
        "f",
        HAIKU,
        1_000,
        50,
    )
    assert call.estimated_cost_usd == pytest.approx(0.001)
    assert call.duration_ns > 0


def test_the_callers_feature_wins(sink):
    with feature("asked"):
        instrument_llm(feature="f")(lambda: converse())()
    assert [call.feature_id for call in sink] == ["asked"]


@pytest.mark.parametrize("order", [(instrument_llm, track_llm_cost), (track_llm_cost, instrument_llm)])
def test_together_with_a_span_each_counts_once(sink, spans, order):
    function = order[0](feature="f")(order[1](feature="f")(lambda: converse()))
    function()
    assert len(sink) == len(spans.all) == 1
    assert spans.facts()["gen_ai.operation.name"] == "chat"
    captured = Kept()
    with capture_sinks(captured):
        function()
    assert len(captured) == 1
    assert len(sink) == 1  # nothing while somebody captures


def test_a_function_that_hands_on_an_inner_answer_is_counted_once(sink):
    inner = instrument_llm(feature="f")(lambda: converse())
    instrument_llm(feature="f")(lambda: inner())()
    instrument_llm(feature="f")(lambda: [inner(), "text"][1])()
    assert len(sink) == 2


def test_both_decorators_on_both_functions(sink, spans):
    inner = instrument_llm(feature="f")(track_llm_cost(feature="f")(lambda: converse()))
    outer = instrument_llm(feature="f")(track_llm_cost(feature="f")(lambda: inner()))
    outer()
    assert len(sink) == 1
    assert [span.attributes["gen_ai.operation.name"] for span in spans.all] == ["chat", "invoke_workflow"]


def test_what_a_function_says_of_itself_counts_for_both_decorators(sink, spans):
    def text():
        current_call().read(converse(input_tokens=7))
        return "text"

    def texts():
        yield "text"
        current_call().read(converse(input_tokens=8))

    def nothing():
        current_call().read(converse(input_tokens=9))

    def fails():
        current_call().read(converse(input_tokens=10))
        raise ConnectionError

    for function in (text, texts, nothing, fails):
        called = instrument_llm(feature="f")(track_llm_cost(feature="f")(function))
        with contextlib.suppress(ConnectionError):
            list(called() or ())
    assert [call.reading.input_tokens for call in sink] == [7, 8, 9, 10]
    assert [span.attributes["gen_ai.usage.input_tokens"] for span in spans.all] == [7, 8, 9, 10]


def test_a_failed_call_is_given_with_its_error(sink):
    def fail():
        raise ConnectionError

    with pytest.raises(ConnectionError):
        instrument_llm(feature="f")(fail)()
    assert [(call.error_type, call.usage_gap) for call in sink] == [("ConnectionError", "failed")]


def test_async_and_blocks(sink):
    async def answer():
        return converse()

    asyncio.run(instrument_llm(feature="f")(answer)())
    with instrument_llm(feature="g", model=HAIKU) as call:
        call.read(converse(input_tokens=7))
    assert [(call.feature_id, call.reading.input_tokens) for call in sink] == [("f", 1_000), ("g", 7)]


def test_no_sink_is_no_reason_to_fail():
    configure_metrics("none")
    assert instrument_llm(feature="f")(lambda: 5)() == 5


def test_a_sink_that_fails_is_counted(sink, caplog):
    from ai_finops.instrument.losses import forget_losses, losses

    class Broken:
        def add(self, call):
            raise RuntimeError

    forget_losses()
    configure_metrics(sink=Broken())
    assert instrument_llm(feature="f")(lambda: 5)() == 5
    assert losses() == {"call_unrecorded": 1}
