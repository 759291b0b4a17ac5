"""Decorated functions that return a stream of boto3: the call ends when the stream does, with what it said by then."""

from __future__ import annotations

import gc
import time

import pytest

from ai_finops.instrument.telling import finish_telling
from ai_finops.instrument.testing import recorded_calls
from ai_finops.instrument.tracking import track_llm_cost
from tests.instrument.bedrock_runtime import REQUEST_ID, Wire, chunk, converse_stream, invoke_stream
from tests.instrument.test_streams import CLAUDE, COUNTS, EVENTS
from tests.services.following import counts

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"


@track_llm_cost(feature="search")
def converse(wire, model=MODEL):
    return converse_stream(wire)


@track_llm_cost(feature="search")
def invoke(wire, model=MODEL):
    return invoke_stream(wire)


def test_a_stream_that_was_returned_and_read():
    with recorded_calls() as calls:
        answer = invoke(Wire([chunk(part) for part in CLAUDE]))
        assert list(calls) == []
        assert len(list(answer["body"])) == 4
    (call,) = calls
    assert (call.feature_id, call.is_stream, call.usage_gap, call.cost_gap) == ("search", True, None, None)
    assert (counts(call.reading), call.reading.request_id) == (COUNTS, REQUEST_ID)
    # Regional prices: 3 x 3.30 + 2,074 x 0.33 + 97 x 4.125 + 200 x 6.60 + 61 x 16.50 = 3,420.945
    assert call.estimated_cost_usd == pytest.approx(0.003420945)
    assert 0 < call.first_token_ns <= call.duration_ns


def test_a_stream_that_was_returned_and_breaks():
    with recorded_calls() as calls:
        answer = converse(Wire(EVENTS[:2], breaks=ConnectionError("reset")))
        with pytest.raises(ConnectionError):
            list(answer["stream"])
    (call,) = calls
    assert (call.error_type, call.usage_gap, call.cost_gap) == ("ConnectionError", "failed", "no_usage")
    assert call.reading.request_id == REQUEST_ID


@track_llm_cost(feature="answers")
def converse_within(wire):
    return converse(wire)


def test_a_stream_through_two_functions_that_was_dropped_is_one_call():
    with recorded_calls() as calls:
        answer = converse_within(Wire(EVENTS))
        next(iter(answer["stream"]))
        del answer
        gc.collect()
        assert finish_telling(10)
    (call,) = calls
    assert call.pipeline_id.endswith("test_followed_calls.converse")
    assert (call.feature_id, call.usage_gap) == ("answers", "stream_not_finished")


def test_a_stream_that_was_returned_and_dropped():
    with recorded_calls() as calls:
        answer = converse(Wire(EVENTS))
        next(iter(answer["stream"]))
        del answer
        gc.collect()
        until = time.monotonic() + 5
        while not calls and time.monotonic() < until:
            time.sleep(0.001)
    (call,) = calls
    assert (call.error_type, call.usage_gap, call.cost_gap) == (None, "stream_not_finished", "no_usage")
