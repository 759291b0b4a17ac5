"""The router over the OpenAI SDK, sync and async, which speaks HTTP to a small stand-in for chat completions."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import log

import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI, RateLimitError

from ai_finops.router.adapters.openai_style import AsyncOpenAIStyleClient, OpenAIStyleClient
from ai_finops.router.decision import Request
from ai_finops.router.engine import Router
from ai_finops.router.read_policy import read_policy

POLICY = read_policy(
    {
        "policy": "openai",
        "models": {
            "mini": {"provider": "openai", "model": "gpt-4o-mini", "tier": "cheap", "capability": 1},
            "full": {"provider": "openai", "model": "gpt-4o", "tier": "expensive", "capability": 2},
        },
        "default_tier": "expensive",
        "strategies": [{"strategy": "confidence", "source": "logprobs", "threshold": 0.8}],
    }
)


def completion(model: str, text: str, probability: float) -> dict:
    """By OpenAI's reference of chat completions; 1,000 tokens in and 100 out."""
    token = {"token": text, "logprob": log(probability), "bytes": None, "top_logprobs": []}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_750_000_000,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": {"content": [token], "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }


class StandIn(BaseHTTPRequestHandler):
    """Answers by the model that is asked: a body, or (status, code)."""

    said: dict
    seen: list

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(sent)
        said = self.said[sent["model"]]
        status, body = 200, said
        if isinstance(said, tuple):
            status, body = said[0], {"error": {"message": "no", "type": "x", "param": None, "code": said[1]}}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def provider():
    handler = type("Handler", (StandIn,), {"said": {}, "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    handler.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["sync", "async", "sync client in coroutines"])
def ask(request, provider):
    def run():
        more = {"api_key": "k", "base_url": provider.url, "max_retries": 0}
        if request.param == "async":

            async def once():
                async with AsyncOpenAI(**more) as client:
                    style = AsyncOpenAIStyleClient(client, with_logprobs=True)
                    return await Router(POLICY, clients=style).acomplete(Request("spam?", max_output_tokens=5))

            return asyncio.run(once())
        with OpenAI(**more) as client:
            router = Router(POLICY, clients=OpenAIStyleClient(client, with_logprobs=True))
            if request.param == "sync":
                return router.complete(Request("spam?", max_output_tokens=5))
            return asyncio.run(router.acomplete(Request("spam?", max_output_tokens=5)))

    return run


def test_a_sure_answer_is_taken(ask, provider):
    provider.said = {"gpt-4o-mini": completion("gpt-4o-mini", "spam", 0.81)}
    routed = ask()
    assert routed.answer.text == "spam"
    assert routed.confidence == pytest.approx(0.81)
    (sent,) = provider.seen
    assert (sent["logprobs"], sent["max_completion_tokens"]) == (True, 5)
    # list prices: $0.15 and $0.60 per million tokens; $2.50 and $10 on GPT-4o
    assert routed.estimated_cost_usd == pytest.approx(0.00015 + 0.00006)
    assert routed.capable_cost_usd == pytest.approx(0.0025 + 0.001)


def test_one_that_is_not_goes_up(ask, provider):
    provider.said = {
        "gpt-4o-mini": completion("gpt-4o-mini", "spam", 0.79),
        "gpt-4o": completion("gpt-4o", "ham", 0.5),
    }
    routed = ask()
    assert (routed.answer.text, routed.is_escalated) == ("ham", True)
    assert routed.estimated_cost_usd == pytest.approx(0.00021 + 0.0035)


def test_throttling_gives_way_and_a_bad_request_does_not(ask, provider):
    provider.said = {"gpt-4o-mini": (429, "rate_limit_exceeded"), "gpt-4o": completion("gpt-4o", "ham", 0.5)}
    assert ask().reason == "confidence first; then throttled"
    provider.said = {"gpt-4o-mini": (400, "content_filter")}
    with pytest.raises(BadRequestError):
        ask()
    assert [sent["model"] for sent in provider.seen] == ["gpt-4o-mini", "gpt-4o", "gpt-4o-mini"]


def test_when_all_fail_the_sdks_own_exception_is_raised(ask, provider):
    provider.said = {"gpt-4o-mini": (500, None), "gpt-4o": (429, None)}
    with pytest.raises(RateLimitError) as caught:
        ask()
    assert caught.value.__notes__ == ["ai_finops.router asked mini (server error), full (throttled) by policy openai"]
