"""Answers and streams of the Anthropic SDK, parsed by it from what a server sends."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from anthropic import Anthropic, APIStatusError, AsyncAnthropic

from ai_finops.instrument import current_call, track_llm_cost
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.testing import recorded_calls
from ai_finops.instrument.usage import read
from tests.services.following import Followed, counts

USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 700,
    "cache_read_input_tokens": 2_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
    "output_tokens": 61,
    "service_tier": "standard",
}
COUNTS = {
    "input_tokens": 2_703,
    "cache_read_input_tokens": 2_000,
    "cache_write_input_tokens": 700,
    "cache_write_1h_input_tokens": 300,
    "output_tokens": 61,
}
"""Cached tokens stand beside the input: 3 + 700 + 2,000."""
MESSAGE = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}
ASKED = {"model": "claude-opus-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}

STARTED = MESSAGE | {"content": [], "stop_reason": None, "usage": USAGE | {"output_tokens": 1}}
EVENTS = [
    {"type": "message_start", "message": STARTED},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 61},
    },
    {"type": "message_stop"},
]


def events_of(parts):
    return "".join(f"event: {part['type']}\ndata: {json.dumps(part)}\n\n" for part in parts).encode()


def serving(answer):
    def handle(request):
        headers = {"request-id": "req_1"}
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer, headers={**headers, "content-type": "text/event-stream"})
        return httpx2.Response(200, json=answer, headers=headers)

    return httpx2.MockTransport(handle)


def client_of(answer):
    return Anthropic(api_key="k", http_client=httpx2.Client(transport=serving(answer)), max_retries=0)


def test_a_message():
    message = client_of(MESSAGE).messages.create(**ASKED)
    assert read(message) == Reading(
        provider_name="anthropic",
        operation_name="chat",
        response_model="claude-sonnet-4-5-20250929",
        response_id="msg_01",
        request_id="req_1",
        processing="standard",
        finish_reason="end_turn",
        **COUNTS,
    )
    assert counts(read(message.model_dump())) == COUNTS
    assert read(message.model_dump()).provider_name == "anthropic"


@pytest.mark.parametrize(
    ("message_id", "provider_name"),
    [("msg_bdrk_01", "aws.bedrock"), ("msg_vrtx_01", "gcp.vertex_ai"), ("msg_01", "anthropic")],
)
def test_who_sold_it(message_id, provider_name):
    message = client_of(MESSAGE | {"id": message_id}).messages.create(**ASKED)
    assert read(message).provider_name == read(message.model_dump()).provider_name == provider_name


def test_a_compaction_is_billed_beside_the_answer():
    iterations = [
        {"type": "compaction", "input_tokens": 170_000, "cache_read_input_tokens": 10_000, "output_tokens": 3_500},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
    ]
    usage = {"input_tokens": 23_000, "output_tokens": 1_000, "iterations": iterations}
    message = client_of(MESSAGE | {"usage": usage}).messages.create(**ASKED)
    assert counts(read(message)) == {
        "input_tokens": 203_000,
        "cache_read_input_tokens": 10_000,
        "output_tokens": 4_500,
    }


def test_fast_mode_has_a_processing_of_its_own():
    message = client_of(MESSAGE | {"usage": USAGE | {"speed": "fast"}}).messages.create(**ASKED)
    assert read(message).processing == "fast"


def test_a_raw_response():
    raw = client_of(MESSAGE).messages.with_raw_response.create(**ASKED)
    reading = read(raw)
    assert (counts(reading), reading.request_id, reading.retry_count) == (COUNTS, "req_1", 0)
    assert raw.parse().usage.output_tokens == 61


def test_a_stream_read_to_its_end():
    stream = client_of(events_of(EVENTS)).messages.create(**ASKED, stream=True)
    followed = Followed(stream)
    assert read(stream) is None
    assert len(list(stream)) == 6
    assert followed.end_names == ["complete"]
    assert followed.reading == read(client_of(MESSAGE).messages.create(**ASKED))._replace(request_id=None)


def test_a_stream_whose_end_says_the_whole_usage():
    """Tools of the server add input after the start; the last counts are the sum."""
    later = {"input_tokens": 50, "cache_read_input_tokens": 2_100, "output_tokens": 70}
    stream = client_of(events_of([*EVENTS[:4], EVENTS[4] | {"usage": later}, EVENTS[5]])).messages.create(
        **ASKED, stream=True
    )
    followed = Followed(stream)
    list(stream)
    assert counts(followed.reading) == COUNTS | {
        "input_tokens": 50 + 2_100 + 700,
        "cache_read_input_tokens": 2_100,
        "output_tokens": 70,
    }


def test_a_stream_that_breaks_has_said_its_input():
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    stream = client_of(events_of([*EVENTS[:3], error])).messages.create(**ASKED, stream=True)
    followed = Followed(stream)
    with pytest.raises(APIStatusError) as raised:
        list(stream)
    assert followed.ends == [raised.value]
    assert counts(followed.reading) == {name: count for name, count in COUNTS.items() if name != "output_tokens"}


def test_a_stream_that_its_caller_closes():
    stream = client_of(events_of(EVENTS)).messages.create(**ASKED, stream=True)
    followed = Followed(stream)
    with stream:
        next(stream)
    assert followed.end_names == ["GeneratorExit"]


def test_a_stream_that_is_dropped_is_freed_at_once():
    """The SDK keeps a dropped stream out of the garbage collector's hands, and so do we."""
    stream = client_of(events_of(EVENTS)).messages.create(**ASKED, stream=True)
    followed, response = Followed(stream), stream.response
    next(stream)
    del stream
    assert response.is_closed
    assert followed.end_names == ["GeneratorExit"]


def test_the_helper_around_a_stream():
    with client_of(events_of(EVENTS)).messages.stream(**ASKED) as stream:
        followed = Followed(stream)
        assert list(stream.text_stream) == ["Hi"]
        assert stream.get_final_message().usage.output_tokens == 61
    assert (followed.end_names, counts(followed.reading)) == (["complete"], COUNTS)
    assert len(followed.events) == 6


@pytest.mark.parametrize("reads_final_message", [False, True])
def test_a_generator_of_texts_is_a_gap_unless_it_reads_the_final_message(reads_final_message):
    @track_llm_cost(feature="f")
    def texts():
        with client_of(events_of(EVENTS)).messages.stream(**ASKED) as stream:
            yield from stream.text_stream
            if reads_final_message:
                current_call().read(stream.get_final_message())

    with recorded_calls() as calls:
        assert list(texts()) == ["Hi"]
    call = calls.one()
    assert call.usage_gap == (None if reads_final_message else "not_read")
    assert call.reading.output_tokens == (61 if reads_final_message else None)


def test_async_streams():
    async def run(helper):
        transport = httpx2.AsyncClient(transport=serving(events_of(EVENTS)))
        client = AsyncAnthropic(api_key="k", http_client=transport, max_retries=0)
        if not helper:
            stream = await client.messages.create(**ASKED, stream=True)
            followed = Followed(stream)
            return followed, [event async for event in stream]
        async with client.messages.stream(**ASKED) as stream:
            followed = Followed(stream)
            return followed, [event async for event in stream]

    for helper in (False, True):
        followed, events = asyncio.run(run(helper))
        assert len(events) >= 6
        assert (followed.end_names, counts(followed.reading)) == (["complete"], COUNTS)
