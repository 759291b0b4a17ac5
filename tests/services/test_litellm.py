"""Answers and streams of LiteLLM; its own mocks make them, without a network."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network for its price list

import litellm
import pytest
from litellm.types.rerank import RerankResponse
from litellm.types.utils import ModelResponse, Usage

from ai_finops.instrument.usage import read
from tests.services.following import Followed, counts

ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "mock_response": "Hello world"}


def test_a_completion():
    answer = litellm.completion(**ASKED)
    reading = read(answer)
    assert (reading.provider_name, reading.operation_name, reading.response_model) == ("openai", "chat", "gpt-4o-mini")
    assert counts(reading) == {"input_tokens": 10, "output_tokens": 20}
    assert counts(read(answer.model_dump())) == {"input_tokens": 10, "output_tokens": 20}


@pytest.mark.parametrize(
    ("said", "provider_name"),
    [("bedrock", "aws.bedrock"), ("azure", "azure.ai.openai"), ("vertex_ai", "gcp.vertex_ai"), ("groq", "groq")],
)
def test_whom_it_called(said, provider_name):
    answer = litellm.completion(**ASKED)
    answer._hidden_params["custom_llm_provider"] = said
    assert read(answer).provider_name == provider_name


def test_cached_tokens_are_part_of_its_input():
    usage = Usage(
        prompt_tokens=1_000,
        completion_tokens=50,
        total_tokens=1_050,
        cache_creation_input_tokens=300,
        cache_read_input_tokens=600,
        reasoning_tokens=20,
    )
    answer = ModelResponse(model="claude-sonnet-4-5", usage=usage)
    assert counts(read(answer)) == {
        "input_tokens": 1_000,
        "cache_read_input_tokens": 600,
        "cache_write_input_tokens": 300,
        "output_tokens": 50,
        "reasoning_output_tokens": 20,
    }


def test_embeddings():
    reading = read(litellm.embedding(model="text-embedding-3-small", input=["Hi"], mock_response=[0.1]))
    assert (reading.operation_name, counts(reading)) == ("embeddings", {"input_tokens": 10})


def test_a_rerank():
    answer = RerankResponse(
        id="r", results=[{"index": 0, "relevance_score": 0.9}], meta={"billed_units": {"search_units": 2}}
    )
    reading = read(answer)
    assert (reading.operation_name, reading.response_id, counts(reading)) == ("rerank", "r", {"search_units": 2})
    without = read(RerankResponse(id="r", results=[]))
    assert (without.operation_name, without.has_usage) == ("rerank", False)


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_a_stream_read_to_its_end(options):
    stream = litellm.completion(**ASKED, stream=True, **options)
    cls, shown = type(stream), repr(type(stream))
    followed = Followed(stream)
    assert read(stream) is None
    assert isinstance(stream, cls)
    assert repr(type(stream)) == shown
    seen = list(stream)
    assert [each is event for each, event in zip(seen, followed.events, strict=True)] == [True] * len(seen)
    assert followed.end_names == ["complete"]
    reading = followed.reading
    assert (reading.provider_name, reading.finish_reason) == ("openai", "stop")
    assert counts(reading).keys() >= {"input_tokens", "output_tokens"}
    assert reading.output_tokens > 0


def test_a_stream_that_its_caller_closes():
    stream = litellm.completion(**ASKED, stream=True)
    followed = Followed(stream)
    next(stream)
    stream.close()
    assert followed.end_names == ["GeneratorExit"]


def test_a_stream_that_is_dropped():
    import gc

    stream = litellm.completion(**ASKED, stream=True)
    followed = Followed(stream)
    next(stream)
    del stream
    gc.collect()
    assert followed.end_names == ["GeneratorExit"]


def test_a_stream_followed_twice_tells_both():
    stream = litellm.completion(**ASKED, stream=True)
    one, other = Followed(stream), Followed(stream)
    seen = list(stream)
    assert len(one.events) == len(other.events) == len(seen)
    assert one.end_names == other.end_names == ["complete"]


def test_an_async_stream():
    async def run():
        stream = await litellm.acompletion(**ASKED, stream=True)
        followed = Followed(stream)
        return followed, [event async for event in stream]

    followed, events = asyncio.run(run())
    assert len(followed.events) == len(events) > 0
    assert followed.end_names == ["complete"]
    assert followed.reading.output_tokens > 0


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_750_000_000,
    "model": "gpt-5-mini-2025-08-07",
    "status": "completed",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 200,
        "input_tokens_details": {"cached_tokens": 128},
        "output_tokens": 90,
        "output_tokens_details": {"reasoning_tokens": 64},
        "total_tokens": 290,
    },
}


class Answering(BaseHTTPRequestHandler):
    """Answers with a stream of the Responses API."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        parts = [
            {"type": "response.created", "response": RESPONSE | {"status": "in_progress", "usage": None}},
            {"type": "response.completed", "response": RESPONSE},
        ]
        body = "".join(f"event: {part['type']}\ndata: {json.dumps(part)}\n\n" for part in parts).encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


def test_a_stream_of_responses():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stream = litellm.responses(
            model="openai/gpt-5-mini",
            input="Hi",
            stream=True,
            api_key="k",
            api_base=f"http://127.0.0.1:{server.server_port}/v1",
        )
        followed = Followed(stream)
        assert followed.is_followed
        seen = list(stream)
        server.shutdown()
    assert [each is event for each, event in zip(seen, followed.events, strict=True)] == [True] * 2
    assert followed.end_names == ["complete"]
    assert counts(followed.reading) == {
        "input_tokens": 200,
        "cache_read_input_tokens": 128,
        "output_tokens": 90,
        "reasoning_output_tokens": 64,
    }
