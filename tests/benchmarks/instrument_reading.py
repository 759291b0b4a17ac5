"""Measure how long reading usage and pricing a call take, beside genai-prices' own functions in the same run.

    make bench BENCH=instrument_reading                        50,000 calls of each
    make bench BENCH=instrument_reading BENCH_CALLS=200000

Each function is called alone, and each call is timed; the time that the clock itself takes is measured and taken off. SDK
objects are read where their SDK is installed (`.venv-services`), dictionaries everywhere. Figures are of this machine.
"""

from __future__ import annotations

import gc
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import genai_prices

from ai_finops.instrument.price import estimate_cost_usd
from ai_finops.instrument.streams import StreamReading
from ai_finops.instrument.usage import read

DAY = int(time.time()) // 86_400
CONVERSE = {
    "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {
        "inputTokens": 3,
        "outputTokens": 61,
        "totalTokens": 2_435,
        "cacheReadInputTokens": 2_074,
        "cacheWriteInputTokens": 297,
    },
    "metrics": {"latencyMs": 900},
}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_750_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1_117,
        "completion_tokens": 46,
        "total_tokens": 1_163,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 1_024},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    },
}
MESSAGE = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 3,
        "cache_creation_input_tokens": 700,
        "cache_read_input_tokens": 2_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
        "output_tokens": 61,
        "service_tier": "standard",
    },
}
OTHER = {"answer": "Hi", "sources": ["a", "b"], "score": 0.5}
DELTA = {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}}


def measured(call: Callable[[], Any], *, count: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of one call in microseconds, without the clock's own time."""
    clock = time.perf_counter_ns
    for _ in range(1_000):
        call()
    times, nothing = [0] * count, [0] * count
    gc.collect()
    for at in range(count):
        began = clock()
        call()
        times[at] = clock() - began
    for at in range(count):
        began = clock()
        nothing[at] = clock() - began
    own = sorted(nothing)[count // 2]
    times.sort()
    return (times[count // 2] - own) / 1_000, (times[count * 99 // 100] - own) / 1_000


def sdk_objects() -> dict[str, Any]:
    """Return answers as the SDKs that are installed parse them."""
    found: dict[str, Any] = {}
    try:
        from openai._models import construct_type
        from openai.types.chat import ChatCompletion

        found["OpenAI ChatCompletion"] = construct_type(value=CHAT, type_=ChatCompletion)
    except ImportError:
        pass
    try:
        from anthropic._models import construct_type as construct
        from anthropic.types import Message

        found["Anthropic Message"] = construct(value=MESSAGE, type_=Message)
    except ImportError:
        pass
    return found


def main() -> None:
    """Print the table."""
    count = int(os.environ.get("BENCH_CALLS", "50000"))
    stream = StreamReading()
    priced = [(read(body), model) for body, model in ((CHAT, CHAT["model"]), (MESSAGE, MESSAGE["model"]))]
    bedrock = read(CONVERSE), "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    usage = genai_prices.Usage(input_tokens=1_117, cache_read_tokens=1_024, output_tokens=46)

    def estimating(reading: Any, model: Any) -> Callable[[], Any]:
        return lambda: estimate_cost_usd(reading, model=model, day_number=DAY)

    calls: dict[str, Callable[[], Any]] = {
        "read: Converse dict": lambda: read(CONVERSE),
        "read: OpenAI chat dict": lambda: read(CHAT),
        "read: Anthropic dict": lambda: read(MESSAGE),
        "read: a dict of the caller's own": lambda: read(OTHER),
        "read: a text": lambda: read("Hi"),
        **{f"read: {name}": (lambda answer=answer: read(answer)) for name, answer in sdk_objects().items()},
        "stream: one Converse delta": lambda: stream.add(DELTA),
        "price: OpenAI": estimating(*priced[0]),
        "price: Anthropic, cached tokens": estimating(*priced[1]),
        "price: Bedrock, cached tokens": estimating(*bedrock),
        "genai-prices extract_usage: OpenAI chat dict": lambda: genai_prices.data_snapshot.get_snapshot().extract_usage(
            CHAT, provider_id="openai", api_flavor="chat"
        ),
        "genai-prices calc_price: OpenAI": lambda: genai_prices.calc_price(usage, "gpt-4o-mini", provider_id="openai"),
    }
    print(f"{count:,} calls each, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    print("| What | median µs | p99 µs |\n|---|---|---|")
    for name, call in calls.items():
        median, p99 = measured(call, count=count)
        print(f"| {name} | {median:.2f} | {p99:.2f} |")


if __name__ == "__main__":
    main()
