"""A stand-in for Bedrock's Converse over HTTP, which keeps to its documented body."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from urllib.parse import unquote

from tests.extract.api_server import Request, api_server, json_answer
from tests.extract.stand_in import Answer, use_endpoint


def converse_answer(text: str, *, input_tokens: int = 100, output_tokens: int = 5) -> Answer:
    return json_answer(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {
                "inputTokens": input_tokens,
                "outputTokens": output_tokens,
                "totalTokens": input_tokens + output_tokens,
            },
            "metrics": {"latencyMs": 1},
        }
    )


@contextmanager
def bedrock_that_says(monkeypatch, say: Callable[[str, dict], str]):
    """Answer each question by `say(model id, body)`; yields the server, whose `requests` tell what was asked."""

    def answer(request: Request) -> Answer:
        _, kind, model_id, verb = unquote(request.path).split("/")
        assert (request.method, kind, verb) == ("POST", "model", "converse")
        body = json.loads(request.body)
        assert body["inferenceConfig"]["temperature"] == 0 and body["inferenceConfig"]["maxTokens"] >= 1
        (message,) = body["messages"]
        assert message["role"] == "user" and [set(part) for part in message["content"]] == [{"text"}]
        return converse_answer(say(model_id, body))

    with api_server(answer) as server:
        use_endpoint(monkeypatch, server.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.endpoint)
        yield server
