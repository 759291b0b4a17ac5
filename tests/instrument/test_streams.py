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


# Several answers in one stream: a function that asks again and hands both on.


def answers_of_claude(*answers):
    """Events of messages with the id, the model, and the usages of start and end."""
    for response_id, model, started, ended in answers:
        yield {
            "type": "message_start",
            "message": {"id": response_id, "type": "message", "model": model, "usage": started},
        }
        yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ended}
        yield {"type": "message_stop"}


def lost(*events):
    stream, before = StreamReading(), losses().get("answers_in_one_call", 0)
    for each in events:
        stream.add(each)
    reading = stream.reading()
    assert stream.reading() == reading  # asked twice, counted once
    return reading, losses().get("answers_in_one_call", 0) - before


def test_two_messages_in_one_stream_are_added_up():
    first = {"input_tokens": 3, "cache_read_input_tokens": 2_000, "cache_creation_input_tokens": 0, "output_tokens": 1}
    second = {"input_tokens": 10, "output_tokens": 1}
    one = ("msg_1", "claude-opus-5", first, {"output_tokens": 61})
    other = ("msg_2", "claude-opus-5", second, {"output_tokens": 9})
    reading = reading_of(*answers_of_claude(one, other))
    # Input 3 + 2,000 and 10; output 61 and 9.
    assert counts(reading) == {
        "input_tokens": 2_013,
        "cache_read_input_tokens": 2_000,
        "cache_write_input_tokens": 0,
        "output_tokens": 70,
    }
    assert (reading.provider_name, reading.response_model) == ("anthropic", "claude-opus-5")
    assert (reading.response_id, reading.finish_reason) == (None, "end_turn")
    third = ("msg_3", "claude-opus-5", second, {"output_tokens": 30})
    assert reading_of(*answers_of_claude(one, other, third)).output_tokens == 100


def test_a_message_that_is_said_twice_is_one():
    one = ("msg_1", "claude-opus-5", {"input_tokens": 3, "output_tokens": 1}, {"output_tokens": 61})
    assert counts(reading_of(*answers_of_claude(one, one))) == {"input_tokens": 3, "output_tokens": 61}


def test_a_second_message_that_breaks_leaves_no_sum():
    one = ("msg_1", "claude-opus-5", {"input_tokens": 3, "output_tokens": 1}, {"output_tokens": 61})
    other = ("msg_2", "claude-opus-5", {"input_tokens": 10, "output_tokens": 1}, {"output_tokens": 9})
    events = [*answers_of_claude(one, other)][:4]
    reading, lost_count = lost(*events)
    assert (counts(reading), lost_count) == ({}, 1)


def test_answers_of_two_models_have_no_model_together():
    one = ("msg_1", "claude-opus-5", {"input_tokens": 3}, {"output_tokens": 61})
    other = ("msg_2", "claude-haiku-4-5", {"input_tokens": 10}, {"output_tokens": 9})
    reading, lost_count = lost(*answers_of_claude(one, other))
    assert (counts(reading), lost_count) == ({"input_tokens": 13, "output_tokens": 70}, 1)
    assert (reading.response_model, reading.response_id) == (None, None)


def chunks(response_id, prompt, completion, *, ends="stop"):
    said = {"object": "chat.completion.chunk", "id": response_id, "model": "gpt-4o"}
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    yield said | {"choices": [{"delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}]}
    yield said | {"choices": [{"delta": {}, "finish_reason": ends}]}
    yield said | {"choices": [], "usage": usage}


def test_chunks_with_two_ids_are_added_up():
    reading = reading_of(*chunks("c1", 10, 5, ends="tool_calls"), *chunks("c2", 200, 30))
    assert reading == Reading("openai", "chat", response_model="gpt-4o", finish_reason="stop",
                              input_tokens=210, output_tokens=35)  # fmt: skip
    assert reading_of(*chunks("c1", 10, 5), *chunks("c1", 200, 30)).input_tokens == 200


def test_answers_of_one_chunk_each_are_added_up():
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    one = {"object": "chat.completion.chunk", "id": "c1", "model": "gpt-4o", "usage": usage,
           "choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}  # fmt: skip
    assert counts(reading_of(one, one | {"id": "c2"})) == {"input_tokens": 20, "output_tokens": 10}


def test_a_gateway_that_makes_up_an_id_for_each_chunk_gives_one_answer():
    events = [each | {"id": f"made up {number}"} for number, each in enumerate(chunks("", 10, 5))]
    assert counts(reading_of(*events)) == {"input_tokens": 10, "output_tokens": 5}
    # Azure's first chunk, with the filter's results, has none.
    first = {"object": "chat.completion.chunk", "id": "", "model": "", "choices": [], "prompt_filter_results": []}
    assert counts(reading_of(first, first, *chunks("c1", 10, 5))) == {"input_tokens": 10, "output_tokens": 5}


def test_chunks_of_an_answer_that_broke_and_of_the_next_leave_no_sum():
    reading, lost_count = lost(*[*chunks("c1", 10, 5)][:2], *chunks("c2", 200, 30))
    assert (counts(reading), lost_count) == ({}, 1)


def test_responses_with_two_ids_are_added_up():
    def events(response_id, prompt, output):
        response = {"object": "response", "id": response_id, "model": "gpt-5", "status": "completed"}
        usage = {"input_tokens": prompt, "output_tokens": output, "total_tokens": prompt + output}
        yield {"type": "response.created", "response": response | {"status": "in_progress", "usage": None}}
        yield {"type": "response.completed", "response": response | {"usage": usage}}

    assert counts(reading_of(*events("r1", 10, 5), *events("r2", 200, 30))) == {
        "input_tokens": 210,
        "output_tokens": 35,
    }
    assert counts(reading_of(*events("r1", 10, 5), *events("r1", 200, 30))) == {
        "input_tokens": 200,
        "output_tokens": 30,
    }


def test_two_streams_of_converse_are_added_up():
    def events(count, stop_reason):
        usage = {"inputTokens": count, "outputTokens": 2 * count}
        yield {"messageStart": {"role": "assistant"}}
        yield {"messageStop": {"stopReason": stop_reason}}
        yield {"metadata": {"usage": usage, "metrics": {}}}

    reading = reading_of(*events(3, "tool_use"), *events(40, "end_turn"))
    assert counts(reading) == {"input_tokens": 43, "output_tokens": 86}
    assert reading.finish_reason == "end_turn"


def test_whole_answers_with_two_ids_are_added_up():
    answer = {"object": "chat.completion", "id": "c1", "model": "gpt-4o", "choices": [{"message": {}, "finish_reason": "stop"}],
              "usage": {"prompt_tokens": 10, "completion_tokens": 5}}  # fmt: skip
    assert counts(reading_of(answer, answer | {"id": "c2"})) == {"input_tokens": 20, "output_tokens": 10}
    assert counts(reading_of(answer, answer)) == {"input_tokens": 10, "output_tokens": 5}


def test_more_answers_than_are_kept_apart_are_added_up_too():
    events = [each for number in range(200) for each in chunks(f"c{number}", 10, 5)]
    assert counts(reading_of(*events)) == {"input_tokens": 2_000, "output_tokens": 1_000}


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
    assert {**losses(), "answers_in_one_call": 0} == {**before, "answers_in_one_call": 0}
    if reading is not None:
        assert all(type(count) is int and count >= 0 for count in counts(reading).values())
