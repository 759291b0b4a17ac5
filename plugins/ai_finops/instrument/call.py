"""One call of a model while it runs and after it: what every sink is given."""

from __future__ import annotations

from typing import Protocol

from ai_finops.instrument.reading import Reading

NO_READING = Reading()


class Call:
    """Facts of one call, filled in as they become known.

    Times are nanoseconds: `started_at_ns` and `ended_at_ns` of the wall clock (for timestamps only), `duration_ns` and
    `first_token_ns` of the monotonic clock, so a clock that jumps makes no negative latency.
    """

    __slots__ = (
        "cost_gap",
        "duration_ns",
        "ended_at_ns",
        "error_type",
        "estimated_cost_usd",
        "feature_id",
        "first_token_ns",
        "inner_call_count",
        "is_stream",
        "journey_id",
        "journey_name",
        "model_tier",
        "pipeline_id",
        "prompt_version",
        "reading",
        "request_model",
        "started_at_ns",
        "task_type",
        "usage_gap",
    )

    def __init__(self) -> None:
        self.feature_id: str | None = None
        """The product capability that asked, and pays."""
        self.pipeline_id: str | None = None
        """The code that made the call."""
        self.journey_id: str | None = None
        self.journey_name: str | None = None
        self.task_type: str | None = None
        self.model_tier: str | None = None
        self.prompt_version: str | None = None
        self.request_model: str | None = None
        """As the caller asked for it; the answer's own word is in `reading`."""
        self.reading: Reading = NO_READING
        self.estimated_cost_usd: float | None = None
        self.cost_gap: str | None = None
        """Why there is no estimate: `no_usage`, `no_model`, `unknown_model`, …"""
        self.usage_gap: str | None = None
        """Why there is no usage: `no_result`, `not_read`, `stream_not_followed`, `failed`, …"""
        self.error_type: str | None = None
        self.is_stream: bool = False
        self.inner_call_count: int = 0
        """Calls that were recorded inside of this one; then this one is a step that holds calls."""
        self.started_at_ns: int = 0
        self.ended_at_ns: int = 0
        self.duration_ns: int = 0
        self.first_token_ns: int | None = None

    @property
    def model(self) -> str | None:
        """The model that answered, else the one that was asked."""
        reading = self.reading
        return reading.response_model or reading.request_model or self.request_model


class CallSink(Protocol):
    """Where ended calls go. `add` is on the request path: it must not block, call a network, or raise."""

    def add(self, call: Call) -> None:
        """Take one ended call."""
