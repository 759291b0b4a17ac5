"""Random JSON in the words that providers use, to try readers with."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = (
    "usage", "model", "id", "object", "type", "choices", "data", "meta", "message", "messages", "metadata", "response", "delta",
    "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details", "cached_tokens",
    "reasoning_tokens", "cache_write_tokens", "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details",
    "input_token_details", "output_token_details", "cache_read", "cache_creation", "cache_creation_input_tokens",
    "cache_read_input_tokens", "ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens", "iterations", "speed", "service_tier",
    "inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "cacheDetails", "ttl", "serviceTier",
    "performanceConfig", "latency", "trace", "promptRouter", "ResponseMetadata", "HTTPHeaders", "RequestId", "RetryAttempts",
    "x-amzn-bedrock-input-token-count", "amazon-bedrock-invocationMetrics", "inputTokenCount", "outputTokenCount", "results",
    "relevanceScore", "inputTextTokenCount", "tokenCount", "embedding", "generation", "prompt_token_count",
    "generation_token_count", "outputText", "totalOutputTextTokenCount", "billed_units", "tokens", "search_units",
    "usageMetadata", "usage_metadata", "promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "candidates",
    "response_metadata", "generations", "llm_output", "messageStop", "stopReason", "stop_reason", "chunk", "bytes",
)  # fmt: skip
_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-3, max_value=2_000)
    | st.floats(allow_nan=True)
    | st.sampled_from(
        ["", "12", "-3", "5m", "1h", "fast", "message", "response", "list", "compaction", "message_start"]
    )
)
_KEYS = st.sampled_from(WORDS) | st.text(max_size=4)
json_values = st.recursive(
    _VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=25,
)
"""Any JSON value."""
json_objects = st.dictionaries(_KEYS, json_values, max_size=6)
"""Objects that look a little like an answer."""
