"""Answers of providers as their clients return them; shapes from the vendors' documentation, texts made up."""

from __future__ import annotations

HAIKU = "anthropic.claude-3-5-haiku-20241022-v1:0"
"""0.80 and 4.00 USD per million tokens in and out (genai-prices 0.2.3, provider aws)."""


def converse(*, input_tokens: int = 1_000, output_tokens: int = 50, request_id: str = "r-1") -> dict:
    """An answer of Bedrock's Converse."""
    return {
        "ResponseMetadata": {"RequestId": request_id, "HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0},
        "output": {"message": {"role": "assistant", "content": [{"text": "SECRET ANSWER"}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": input_tokens,
            "outputTokens": output_tokens,
            "totalTokens": input_tokens + output_tokens,
        },
        "metrics": {"latencyMs": 300},
    }


def openai_chat(*, response_id: str = "chatcmpl-1", prompt_tokens: int = 300, completion_tokens: int = 20) -> dict:
    """The body of an OpenAI chat completion."""
    return {
        "id": response_id,
        "object": "chat.completion",
        "created": 1_764_000_000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "SECRET ANSWER"}}
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }
