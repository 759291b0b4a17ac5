"""Policies of a few lines and clients that answer what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.policy import Model, Policy
from ai_finops.router.read_policy import read_policy

LITE, HAIKU, SONNET = (
    "amazon.nova-lite-v1:0",
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
)


def models(provider: str = "aws.bedrock") -> dict:
    """Three models in three tiers, with prices of round numbers."""

    def price(input_usd: float, output_usd: float) -> dict:
        return {"name": "test", "input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd}

    return {
        "lite": {"provider": provider, "model": LITE, "tier": "cheap", "capability": 1, "price": price(1, 2)},
        "haiku": {"provider": provider, "model": HAIKU, "tier": "mid", "capability": 2, "price": price(2, 4)},
        "sonnet": {"provider": provider, "model": SONNET, "tier": "expensive", "capability": 3, "price": price(10, 20)},
    }


def policy_of(*strategies: dict, provider: str = "aws.bedrock", **more) -> Policy:
    """A policy of these strategies, whose default is the most capable tier."""
    content = {"policy": "test", "models": models(provider), "default_tier": "expensive"}
    return read_policy(content | {"strategies": list(strategies)} | more)


BY_TASK_TYPE = {"strategy": "task_type", "tiers": {"classification": "cheap", "review": "expensive", "chat": "mid"}}
BY_ASSESSMENT = {"strategy": "confidence", "source": "self_assessment", "threshold": 0.8}
BY_VERIFIER = {"strategy": "confidence", "source": "verifier", "threshold": 0.8}


def converse(text: str = "yes", *, input_tokens: int = 1000, output_tokens: int = 100) -> dict:
    """What Converse returns, by AWS's documentation."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": input_tokens,
            "outputTokens": output_tokens,
            "totalTokens": input_tokens + output_tokens,
        },
        "metrics": {"latencyMs": 3},
        "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
    }


def answer(text: str = "yes", **tokens: int) -> Answer:
    """An answer of Bedrock."""
    return Answer(text, raw=converse(text, **tokens))


class Scripted:
    """A client that answers, or raises, what was said for a model; the last is repeated."""

    def __init__(self, **by_model: object) -> None:
        self._by_model = {name: list(said) if isinstance(said, list) else [said] for name, said in by_model.items()}
        self.asked: list[str] = []

    def complete(self, request: Request, *, model: Model) -> Answer:
        self.asked.append(model.name)
        said = self._by_model[model.name]
        now = said.pop(0) if len(said) > 1 else said[0]
        if isinstance(now, BaseException):
            raise now
        return now(request) if isinstance(now, Callable) else now


class AsyncScripted(Scripted):
    """The same in coroutines, after a turn of the loop."""

    complete = None

    async def acomplete(self, request: Request, *, model: Model) -> Answer:
        await asyncio.sleep(0)
        return Scripted.complete(self, request, model=model)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now
