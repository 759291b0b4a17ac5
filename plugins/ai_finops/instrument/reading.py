"""What one answer of a provider says of its call, in the words of OpenTelemetry's GenAI conventions."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """Usage and identity of one call. None is not known; a count that the provider says is zero is 0.

    A named tuple and no dataclass: it is made on the request path, in a fifth of the time.
    """

    provider_name: str | None = None
    """As in `gen_ai.provider.name`: `aws.bedrock`, `anthropic`, `openai`, …"""
    operation_name: str | None = None
    """As in `gen_ai.operation.name`: `chat`, `text_completion`, `embeddings`, `rerank`."""
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    request_id: str | None = None
    processing: str | None = None
    """The service tier that the provider says it served: `default`, `flex`, `priority`, `batch`, …"""
    finish_reason: str | None = None
    input_tokens: int | None = None
    """Cached tokens included, whatever the provider's own count includes."""
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    """Kept for five minutes and for an hour together."""
    cache_write_1h_input_tokens: int | None = None
    output_tokens: int | None = None
    """Reasoning included."""
    reasoning_output_tokens: int | None = None
    search_units: int | None = None
    """Of a rerank, as the provider counts them."""
    retry_count: int | None = None
    """Attempts that the client made before this answer."""

    @property
    def has_usage(self) -> bool:
        """Whether anything that is billed is known."""
        return self.input_tokens is not None or self.output_tokens is not None or self.search_units is not None
