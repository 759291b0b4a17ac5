"""Streams of Bedrock, from the bytes of the event stream through boto3's own parser, and decoded events of all shapes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from botocore.exceptions import EventStreamError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ai_finops.instrument.losses import losses
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.streams import StreamReading, follow
from ai_finops.instrument.usage import read
from tests.instrument.bedrock_runtime import REQUEST_ID, Wire, chunk, converse_stream, event, invoke_stream
from tests.instrument.json_values import json_values
from tests.services.following import Followed, counts

ROOT = Path(__file__).resolve().parents[2]
USAGE = {
    "inputTokens": 3,
    "outputTokens": 61,
    "totalTokens": 2_435,
    "cacheReadInputTokens": 2_074,
    "cacheWriteInputTokens": 297,
    "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 97}],
}
COUNTS = {
    "input_tokens": 2_374,
    "cache_read_input_tokens": 2_074,
    "cache_write_input_tokens": 297,
    "cache_write_1h_input_tokens": 200,
    "output_tokens": 61,
}
"""Cached tokens stand beside the input: 3 + 2,074 + 297."""
EVENTS = [
    event("messageStart", {"role": "assistant"}),
    event("contentBlockDelta", {"delta": {"text": "Hel"}, "contentBlockIndex": 0}),
    event("contentBlockDelta", {"delta": {"text": "lo"}, "contentBlockIndex": 0}),
    event("messageStop", {"stopReason": "max_tokens"}),
    event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 9}, "serviceTier": {"type": "flex"}}),
]
WHOLE = Reading(
    provider_name="aws.bedrock",
    operation_name="chat",
    request_id=REQUEST_ID,
    processing="flex",
    finish_reason="max_tokens",
    retry_count=0,
    **COUNTS,
)


def test_a_converse_stream_read_to_its_end():
    answer = converse_stream(Wire(EVENTS))
    stream = answer["stream"]
    assert read(answer) is None
    followed = Followed(answer)
    assert answer["stream"] is stream
    seen = list(stream)
    assert [next(iter(each)) for each in seen] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockDelta",
        "messageStop",
        "metadata",
    ]
    assert followed.end_names == ["complete"]
    opened, *told = followed.events
    assert (type(opened), opened.request_id) == (Reading, REQUEST_ID)
    assert [each is other for each, other in zip(told, seen, strict=True)] == [True] * 5
    assert followed.reading == WHOLE


def test_messages_may_be_cut_anywhere():
    body = b"".join(EVENTS)
    answer = converse_stream(Wire([body[at : at + 7] for at in range(0, len(body), 7)]))
    followed = Followed(answer)
    assert len(list(answer["stream"])) == 5
    assert followed.reading == WHOLE


def test_the_event_stream_alone_is_followed_too():
    stream = converse_stream(Wire(EVENTS))["stream"]
    followed = Followed(stream)
    list(stream)
    assert (followed.end_names, counts(followed.reading)) == (["complete"], COUNTS)


def test_a_stream_may_be_read_in_two_goes():
    answer = converse_stream(Wire(EVENTS))
    followed = Followed(answer)
    for _ in answer["stream"]:
        break
    assert followed.ends == []
    assert len(list(answer["stream"])) == 4
    assert (followed.end_names, followed.reading) == (["complete"], WHOLE)


def test_an_exception_in_the_stream_ends_it():
    answer = converse_stream(
        Wire([*EVENTS[:2], event("throttlingException", {"message": "slow"}, message_type="exception")])
    )
    followed = Followed(answer)
    with pytest.raises(EventStreamError) as raised:
        list(answer["stream"])
    assert followed.ends == [raised.value]
    assert followed.reading == Reading(provider_name="aws.bedrock", request_id=REQUEST_ID, retry_count=0)


def test_a_connection_that_breaks_ends_it():
    answer = converse_stream(Wire(EVENTS[:4], breaks=ConnectionError("reset")))
    followed = Followed(answer)
    with pytest.raises(ConnectionError) as raised:
        list(answer["stream"])
    assert followed.ends == [raised.value]
    assert (followed.reading.finish_reason, followed.reading.has_usage) == ("max_tokens", False)


def test_a_stream_that_its_caller_closes():
    wire = Wire(EVENTS)
    answer = converse_stream(wire)
    followed = Followed(answer)
    next(iter(answer["stream"]))
    answer["stream"].close()
    assert wire.is_closed
    assert followed.end_names == ["GeneratorExit"]


def test_a_stream_that_is_dropped():
    answer = converse_stream(Wire(EVENTS))
    followed = Followed(answer)
    next(iter(answer["stream"]))
    del answer
    gc.collect()
    assert followed.end_names == ["GeneratorExit"]


def test_a_stream_followed_twice_tells_both():
    answer = converse_stream(Wire(EVENTS))
    one, other = Followed(answer), Followed(answer)
    list(answer["stream"])
    assert one.reading == other.reading == WHOLE
    assert one.end_names == other.end_names == ["complete"]
    assert len(one.events) == len(other.events) == 6


def test_a_stream_followed_by_several_and_dropped_tells_the_first_first():
    answer, ended, is_last = converse_stream(Wire(EVENTS)), [], threading.Event()

    def follower(number):
        def end(error):
            ended.append((number, type(error).__name__))
            if number == 2:
                is_last.set()

        return end

    for number in range(3):
        assert follow(answer, on_event=lambda _: None, on_end=follower(number))
    del answer
    gc.collect()
    assert is_last.wait(5)
    assert ended == [(number, "GeneratorExit") for number in range(3)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_after_a_fork_the_child_tells_of_its_own_streams_alone():
    of_parent = converse_stream(Wire(EVENTS))
    followed_by_parent = Followed(of_parent)
    into, out = os.pipe()
    child = os.fork()
    if child == 0:
        answer = converse_stream(Wire(EVENTS))
        followed = Followed(answer)
        del of_parent, answer
        gc.collect()
        os.write(out, ",".join([*followed.end_names, *map(repr, followed_by_parent.ends)]).encode())
        os._exit(0)
    os.close(out)
    told = os.read(into, 100)
    os.close(into)
    os.waitpid(child, 0)
    assert told == b"GeneratorExit"
    list(of_parent["stream"])
    assert followed_by_parent.end_names == ["complete"]


def test_a_stream_that_is_still_open_at_exit_is_told():
    code = """
from ai_finops.instrument.streams import follow
from tests.instrument.bedrock_runtime import Wire, converse_stream, event
kept = converse_stream(Wire([event("messageStart", {"role": "assistant"})]))
assert follow(kept, on_event=print, on_end=lambda error: print(type(error).__name__))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "GeneratorExit"


def test_a_stream_that_was_read_to_its_end_is_told_once():
    answer = converse_stream(Wire(EVENTS))
    followed = Followed(answer)
    list(answer["stream"])
    answer["stream"].close()
    del answer
    gc.collect()
    later = Followed(converse_stream(Wire(EVENTS)))  # dropped at once; its end is told after any other's
    gc.collect()
    assert later.end_names == ["GeneratorExit"]
    assert followed.end_names == ["complete"]


@pytest.mark.parametrize(
    "result", [None, "text", 7, [], {}, {"stream": "text"}, {"body": b""}, (n for n in [1]), object()]
)
def test_what_is_no_stream_of_an_sdk_is_not_followed(result):
    assert follow(result, on_event=pytest.fail, on_end=pytest.fail) is False


def test_a_plain_generator_is_left_as_it_is():
    numbers = (number for number in range(3))
    assert follow(numbers, on_event=pytest.fail, on_end=pytest.fail) is False
    assert list(numbers) == [0, 1, 2]


# InvokeModelWithResponseStream: each model in its own shape, Bedrock's metrics at the end.

METRICS = {
    "inputTokenCount": 3,
    "outputTokenCount": 61,
    "cacheReadInputTokenCount": 2_074,
    "cacheWriteInputTokenCount": 297,
}
CLAUDE = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_bdrk_01",
            "type": "message",
            "model": "claude-sonnet-4-5-20250929",
            "usage": {
                "input_tokens": 3,
                "cache_creation_input_tokens": 297,
                "cache_read_input_tokens": 2_074,
                "cache_creation": {"ephemeral_5m_input_tokens": 97, "ephemeral_1h_input_tokens": 200},
                "output_tokens": 1,
            },
        },
    },
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "tokens and usage"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 61}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS},
]
NOVA = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "end_turn"}},
    {
        "metadata": {
            "usage": {
                "inputTokens": 4,
                "outputTokens": 38,
                "cacheReadInputTokenCount": 20,
                "cacheWriteInputTokenCount": 7,
            },
            "metrics": {},
            "trace": {},
        },
        "amazon-bedrock-invocationMetrics": METRICS,
    },
]
TITAN = [
    {
        "outputText": "Hel",
        "index": 0,
        "totalOutputTextTokenCount": None,
        "completionReason": None,
        "inputTextTokenCount": 5,
    },
    {
        "outputText": "lo",
        "index": 0,
        "totalOutputTextTokenCount": 9,
        "completionReason": "FINISH",
        "inputTextTokenCount": None,
    },
]
LLAMA = [
    {"generation": "He", "prompt_token_count": 17, "generation_token_count": 1, "stop_reason": None},
    {"generation": "y", "prompt_token_count": None, "generation_token_count": 2, "stop_reason": "stop"},
]
MISTRAL = [{"outputs": [{"text": "Hi", "stop_reason": None}]}, {"outputs": [{"text": "", "stop_reason": "stop"}]}]
ONLY_METRICS = [{"outputs": [], "amazon-bedrock-invocationMetrics": {"inputTokenCount": 11, "outputTokenCount": 2}}]


@pytest.mark.parametrize(
    ("parts", "expected", "finish_reason"),
    [
        (CLAUDE, COUNTS, "end_turn"),
        (
            NOVA,
            {
                "input_tokens": 31,
                "cache_read_input_tokens": 20,
                "cache_write_input_tokens": 7,
                "output_tokens": 38,
            },
            "end_turn",
        ),
        (TITAN, {"input_tokens": 5, "output_tokens": 9}, "FINISH"),
        (LLAMA, {"input_tokens": 17, "output_tokens": 2}, "stop"),
        ([*MISTRAL, *ONLY_METRICS], {"input_tokens": 11, "output_tokens": 2}, None),
    ],
)
def test_invoked_streams(parts, expected, finish_reason):
    answer = invoke_stream(Wire([chunk(part) for part in parts]))
    assert read(answer) is None
    followed = Followed(answer)
    assert len(list(answer["body"])) == len(parts)
    reading = followed.reading
    assert counts(reading) == expected
    assert (reading.provider_name, reading.finish_reason) == ("aws.bedrock", finish_reason)
    assert (reading.request_id, reading.processing) == (REQUEST_ID, "default")


def test_a_stream_of_claude_that_breaks_has_said_its_input():
    answer = invoke_stream(Wire([chunk(part) for part in CLAUDE[:2]], breaks=ConnectionError("reset")))
    followed = Followed(answer)
    with pytest.raises(ConnectionError):
        list(answer["body"])
    assert counts(followed.reading) == {name: count for name, count in COUNTS.items() if name != "output_tokens"}
    assert followed.reading.response_model == "claude-sonnet-4-5-20250929"


# Decoded events, as a service's own client or a gateway hands them on.


def reading_of(*events):
    stream, before = StreamReading(), losses()
    for each in events:
        stream.add(each)
    reading = stream.reading()
    assert losses() == before
    return reading


def test_decoded_chunks_in_openais_shape():
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    said = {"object": "chat.completion.chunk", "id": "c", "model": "gpt-4o"}
    delta = said | {"choices": [{"delta": {"content": "Hi"}, "finish_reason": None}]}
    last = said | {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    reading = reading_of(delta, last, said | {"choices": [], "usage": usage})
    assert reading == Reading("openai", "chat", response_model="gpt-4o", response_id="c", finish_reason="stop",
                              input_tokens=10, output_tokens=5)  # fmt: skip
    # Usage in each chunk is what was used until there: the last counts.
    early = last | {"usage": usage | {"completion_tokens": 1}}
    assert reading_of(early, last | {"usage": usage}) == reading
    assert reading_of(delta).has_usage is False


def test_decoded_events_of_responses():
    response = {"object": "response", "id": "r", "model": "gpt-5", "status": "completed"}
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    created = {"type": "response.created", "response": response | {"status": "in_progress", "usage": None}}
    completed = {"type": "response.completed", "response": response | {"usage": usage}}
    assert reading_of(created).has_usage is False
    assert counts(reading_of(created, {"type": "response.output_text.delta", "delta": "Hi"}, completed)) == {
        "input_tokens": 10,
        "output_tokens": 5,
    }


def test_a_stream_of_texts_with_an_answer_at_its_end():
    answer = {"usage": {"inputTokens": 4, "outputTokens": 38}}
    assert counts(reading_of("Hel", "lo", b"!", 3, None, answer)) == {"input_tokens": 4, "output_tokens": 38}
    assert reading_of("Hel", "lo", [], {"text": "no usage"}) is None
    assert reading_of() is None


def test_the_end_of_a_stream_alone_is_half_a_usage():
    assert counts(reading_of(CLAUDE[2])) == {"output_tokens": 61}


def test_an_event_that_cannot_be_read_is_counted():
    class Broken(dict):
        def get(self, *_):
            raise RuntimeError

    stream, before = StreamReading(), losses().get("reader_failed", 0)
    stream.add(Broken())
    assert stream.reading() is None
    assert losses()["reader_failed"] == before + 1


@settings(deadline=None)
@example(events=[{"choices": True}])
@given(st.lists(json_values | st.sampled_from([*CLAUDE, *NOVA, *TITAN, *LLAMA]), max_size=6))
def test_no_event_raises_or_counts_below_zero(events):
    stream, before = StreamReading(), losses()
    for each in events:
        stream.add(each)
    reading = stream.reading()
    assert losses() == before
    if reading is not None:
        assert all(type(count) is int and count >= 0 for count in counts(reading).values())
