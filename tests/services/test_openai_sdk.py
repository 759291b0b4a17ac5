"""Answers and streams of the OpenAI SDK, parsed by it from what a server sends."""

from __future__ import annotations

import asyncio
import gc
import json

import httpx2
import pytest
from openai import APIError, AsyncAzureOpenAI, AsyncOpenAI, OpenAI

from ai_finops.instrument.losses import losses
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.streams import follow
from ai_finops.instrument.usage import read
from tests.services.following import Followed, counts

USAGE = {
    "prompt_tokens": 1_117,
    "completion_tokens": 46,
    "total_tokens": 1_163,
    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 1_024},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 0},
}
COUNTS = {
    "input_tokens": 1_117,
    "cache_read_input_tokens": 1_024,
    "output_tokens": 46,
    "reasoning_output_tokens": 20,
}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_750_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_750_000_000,
    "model": "gpt-5-mini-2025-08-07",
    "status": "completed",
    "service_tier": "flex",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 200,
        "input_tokens_details": {"cached_tokens": 128, "cache_write_tokens": 30},
        "output_tokens": 90,
        "output_tokens_details": {"reasoning_tokens": 64},
        "total_tokens": 290,
    },
}
MESSAGES = [{"role": "user", "content": "Hi"}]


def chunk(**fields):
    return {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [],
        **fields,
    }


def delta(text, finish_reason=None):
    return chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}])


CHUNKS = [delta("He"), delta("llo"), delta("", "stop"), chunk(usage=USAGE)]


def events_of(parts, *, ends=True):
    lines = [f"data: {json.dumps(part)}\n\n" for part in parts]
    return "".join([*lines, "data: [DONE]\n\n"] if ends else lines).encode()


def serving(answer, *, status=200):
    def handle(request):
        headers = {"x-request-id": "req_1"}
        if isinstance(answer, bytes):
            return httpx2.Response(status, content=answer, headers={**headers, "content-type": "text/event-stream"})
        return httpx2.Response(status, json=answer, headers=headers)

    return httpx2.MockTransport(handle)


def client_of(answer):
    return OpenAI(api_key="k", http_client=httpx2.Client(transport=serving(answer)), max_retries=0)


def async_client_of(answer):
    return AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=serving(answer)), max_retries=0)


def test_a_chat_completion():
    reading = read(client_of(CHAT).chat.completions.create(model="gpt-4o-mini", messages=MESSAGES))
    assert reading == Reading(
        provider_name="openai",
        operation_name="chat",
        response_model="gpt-4o-mini-2024-07-18",
        response_id="chatcmpl-1",
        request_id="req_1",
        processing="default",
        finish_reason="stop",
        **COUNTS,
    )


def test_its_dump_counts_the_same():
    completion = client_of(CHAT).chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    assert counts(read(completion.model_dump())) == COUNTS


def test_a_chat_completion_of_azure():
    answer = CHAT | {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]}
    transport = httpx2.AsyncClient(transport=serving(answer))
    client = AsyncAzureOpenAI(
        api_key="k", api_version="2024-10-21", azure_endpoint="https://x.test", http_client=transport
    )
    reading = read(asyncio.run(client.chat.completions.create(model="ours", messages=MESSAGES)))
    assert (reading.provider_name, counts(reading)) == ("azure.ai.openai", COUNTS)


@pytest.mark.parametrize(
    ("model", "provider_name"),
    [("grok-4", "x_ai"), ("deepseek-chat", "deepseek"), ("Qwen/Qwen2.5-72B", "openai"), ("gpt-5", "openai")],
)
def test_whose_model_was_called_through_the_sdk(model, provider_name):
    reading = read(client_of(CHAT | {"model": model}).chat.completions.create(model=model, messages=MESSAGES))
    assert reading.provider_name == provider_name


def test_undeclared_fields_are_read():
    usage = {"prompt_tokens": 563, "prompt_cache_hit_tokens": 512, "completion_tokens": 9, "total_tokens": 572}
    answer = CHAT | {"model": "deepseek-chat", "usage": usage}
    reading = read(client_of(answer).chat.completions.create(model="deepseek-chat", messages=MESSAGES))
    assert counts(reading) == {"input_tokens": 563, "cache_read_input_tokens": 512, "output_tokens": 9}


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many"}])
def test_a_completion_without_usage_has_none(usage):
    reading = read(client_of(CHAT | {"usage": usage}).chat.completions.create(model="gpt-4o-mini", messages=MESSAGES))
    assert (reading.response_id, reading.has_usage) == ("chatcmpl-1", False)


def test_a_response():
    reading = read(client_of(RESPONSE).responses.create(model="gpt-5-mini", input="Hi"))
    assert reading == Reading(
        provider_name="openai",
        operation_name="chat",
        response_model="gpt-5-mini-2025-08-07",
        response_id="resp_1",
        request_id="req_1",
        processing="flex",
        finish_reason="completed",
        input_tokens=200,
        cache_read_input_tokens=128,
        cache_write_input_tokens=30,
        output_tokens=90,
        reasoning_output_tokens=64,
    )


def test_a_response_that_was_cut():
    answer = RESPONSE | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert read(client_of(answer).responses.create(model="gpt-5-mini", input="Hi")).finish_reason == "max_output_tokens"


def test_embeddings():
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    embeddings = client_of(answer).embeddings.create(
        model="text-embedding-3-small", input="Hi", encoding_format="float"
    )
    for result in (embeddings, embeddings.model_dump()):
        reading = read(result)
        assert (reading.provider_name, reading.operation_name) == ("openai", "embeddings")
        assert counts(reading) == {"input_tokens": 8}


def test_an_older_completion():
    answer = {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1_750_000_000,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [{"index": 0, "text": "Hi", "finish_reason": "length", "logprobs": None}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }
    reading = read(client_of(answer).completions.create(model="gpt-3.5-turbo-instruct", prompt="Hi"))
    assert (reading.operation_name, reading.finish_reason) == ("text_completion", "length")
    assert counts(reading) == {"input_tokens": 5, "output_tokens": 7}


def test_a_raw_response_is_read_and_still_to_be_parsed():
    raw = client_of(CHAT).chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES)
    reading = read(raw)
    assert (counts(reading), reading.request_id, reading.retry_count) == (COUNTS, "req_1", 0)
    assert raw.parse().usage.prompt_tokens == 1_117


def test_a_raw_response_of_a_stream_is_left_alone():
    raw = client_of(events_of(CHUNKS)).chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=True
    )
    before = losses()
    assert read(raw) is None
    assert losses() == before
    assert len(list(raw.parse())) == 4


def test_a_raw_response_that_was_not_read_yet_is_left_alone():
    class Unread(httpx2.SyncByteStream):
        def __iter__(self):
            yield json.dumps(CHAT).encode()

    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, stream=Unread(), headers={"content-type": "application/json"})
    )
    client = OpenAI(api_key="k", http_client=httpx2.Client(transport=transport))
    before = losses()
    with client.chat.completions.with_streaming_response.create(model="gpt-4o-mini", messages=MESSAGES) as raw:
        assert read(raw) is None
        assert losses() == before
        assert counts(read(raw.parse())) == COUNTS


def stream_of(parts, **options):
    return client_of(events_of(parts, **options)).chat.completions.create(
        model="gpt-4o-mini", messages=MESSAGES, stream=True
    )


def test_a_stream_read_to_its_end():
    stream = stream_of(CHUNKS)
    followed = Followed(stream)
    assert read(stream) is None
    assert followed.is_followed
    seen = list(stream)
    assert [each is event for each, event in zip(seen, followed.events, strict=True)] == [True] * 4
    assert followed.end_names == ["complete"]
    assert followed.reading == Reading(
        provider_name="openai",
        operation_name="chat",
        response_model="gpt-4o-mini-2024-07-18",
        response_id="chatcmpl-2",
        finish_reason="stop",
        **COUNTS,
    )


def test_a_stream_read_by_next_and_in_a_with_block():
    stream = stream_of(CHUNKS)
    followed = Followed(stream)
    with stream as entered:
        assert entered is stream
        assert next(stream).choices[0].delta.content == "He"
        assert len(list(stream)) == 3
    assert followed.end_names == ["complete"]


def test_a_stream_without_usage_has_none():
    stream = stream_of(CHUNKS[:3])
    followed = Followed(stream)
    list(stream)
    assert (followed.reading.has_usage, followed.reading.finish_reason) == (False, "stop")


def test_a_stream_that_its_caller_closes():
    stream = stream_of(CHUNKS)
    followed = Followed(stream)
    next(stream)
    stream.close()
    stream.close()
    assert followed.end_names == ["GeneratorExit"]
    assert stream.response.is_closed


def test_a_close_that_is_all_that_is_left_still_closes():
    stream = stream_of(CHUNKS)
    followed = Followed(stream)
    close, response = stream.close, stream.response
    del stream
    gc.collect()
    close()
    assert response.is_closed
    assert followed.end_names == ["GeneratorExit"]


def test_a_stream_that_is_dropped():
    stream = stream_of(CHUNKS)
    followed = Followed(stream)
    next(stream)
    del stream
    gc.collect()
    assert followed.end_names == ["GeneratorExit"]


def test_a_stream_that_breaks():
    stream = stream_of([CHUNKS[0], {"error": {"message": "server is overloaded"}}])
    followed = Followed(stream)
    with pytest.raises(APIError, match="overloaded") as raised:
        list(stream)
    assert followed.ends == [raised.value]
    assert followed.reading.response_id == "chatcmpl-2"


def test_a_stream_followed_twice_tells_both():
    stream = stream_of(CHUNKS)
    one, other = Followed(stream), Followed(stream)
    list(stream)
    assert [len(one.events), len(other.events)] == [4, 4]
    assert one.end_names == other.end_names == ["complete"]


def test_a_follower_that_fails_does_not_break_the_stream():
    def fail(_):
        raise RuntimeError

    stream = stream_of(CHUNKS)
    before = losses().get("stream_event_unread", 0), losses().get("stream_end_unread", 0)
    assert follow(stream, on_event=fail, on_end=fail)
    assert len(list(stream)) == 4
    assert losses()["stream_event_unread"] == before[0] + 4
    assert losses()["stream_end_unread"] == before[1] + 1


async def _read_async(answer, *, until=None, closes=False):
    client = async_client_of(answer)
    stream = await client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
    followed = Followed(stream)
    seen = 0
    async for _ in stream:
        seen += 1
        if seen == until:
            break
    if closes:
        await stream.close()
    return followed, seen


def test_an_async_stream():
    followed, seen = asyncio.run(_read_async(events_of(CHUNKS)))
    assert (seen, followed.end_names, counts(followed.reading)) == (4, ["complete"], COUNTS)


def test_an_async_stream_that_its_caller_closes():
    followed, _ = asyncio.run(_read_async(events_of(CHUNKS), until=1, closes=True))
    assert followed.end_names == ["GeneratorExit"]


def test_an_async_stream_that_is_cancelled():
    class Stalling(httpx2.AsyncByteStream):
        async def __aiter__(self):
            yield events_of(CHUNKS[:1], ends=False)
            await asyncio.sleep(60)

    async def cancel():
        transport = httpx2.MockTransport(
            lambda _: httpx2.Response(200, stream=Stalling(), headers={"content-type": "text/event-stream"})
        )
        client = AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=transport))
        stream = await client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        followed = Followed(stream)
        task = asyncio.ensure_future(_drain(stream))
        while not followed.events:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return followed

    assert asyncio.run(cancel()).end_names == ["CancelledError"]


async def _drain(stream):
    return [event async for event in stream]


def test_a_stream_of_responses():
    created = RESPONSE | {"status": "in_progress", "usage": None}
    parts = [
        {"type": "response.created", "sequence_number": 0, "response": created},
        {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "m", "output_index": 0, "content_index": 0,
         "delta": "Hi", "logprobs": []},
        {"type": "response.completed", "sequence_number": 2, "response": RESPONSE},
    ]  # fmt: skip
    stream = client_of(events_of(parts)).responses.create(model="gpt-5-mini", input="Hi", stream=True)
    followed = Followed(stream)
    events = list(stream)
    assert followed.end_names == ["complete"]
    assert followed.reading == read(client_of(RESPONSE).responses.create(model="gpt-5-mini", input="Hi"))._replace(
        request_id=None
    )
    broken = Followed(None)
    broken._event(events[0])
    assert (broken.reading.response_id, broken.reading.has_usage) == ("resp_1", False)


def test_the_helper_around_a_stream():
    client = client_of(events_of(CHUNKS))
    with client.chat.completions.stream(model="gpt-4o-mini", messages=MESSAGES) as stream:
        followed = Followed(stream)
        assert stream.get_final_completion().usage.prompt_tokens == 1_117
    assert (followed.end_names, counts(followed.reading)) == (["complete"], COUNTS)
