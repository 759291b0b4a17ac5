"""One call of a model while it runs and after it: what every sink is given."""

from __future__ import annotations

from typing import Protocol

from ai_finops.instrument.reading import Reading

NO_READING = Reading()


class Call:
    """Facts of one call, filled in as they become known.

    Defaults stand on the class, so that making one costs only what is set. Times are nanoseconds: `started_at_ns` of the wall
    clock (for timestamps only), `duration_ns` and `first_token_ns` of the monotonic clock, so a clock that jumps makes no
    negative latency.
    """

    feature_id: str | None = None
    """The product capability that asked, and pays."""
    pipeline_id: str | None = None
    """The code that made the call."""
    journey_id: str | None = None
    journey_name: str | None = None
    user_id: str | None = None
    task_type: str | None = None
    model_tier: str | None = None
    prompt_version: str | None = None
    request_model: str | None = None
    """As the caller asked for it; the answer's own word is in `reading`."""
    model: str | None = None
    """The model that answered, else the one that was asked; known when the call has ended."""
    provider_name: str | None = None
    """As the caller named it; the answer's own word is in `reading`."""
    operation_name: str = "chat"
    reading: Reading = NO_READING
    estimated_cost_usd: float | None = None
    cost_gap: str | None = None
    """Why there is no estimate: `no_usage`, `no_model`, `unknown_model`, `no_price`."""
    usage_gap: str | None = None
    """Why there is no usage: `no_result`, `not_read`, `stream_not_followed`, `stream_not_finished`, `not_awaited`, `failed`."""
    error_type: str | None = None
    is_stream: bool = False
    holds_calls: bool = False
    """Calls were recorded inside of this one and it repeats their usage or has none: a step, and no call of its own."""
    started_at_ns: int = 0
    duration_ns: int = 0
    first_token_ns: int | None = None

    @property
    def ended_at_ns(self) -> int:
        """Wall clock of the start and the monotonic duration."""
        return self.started_at_ns + self.duration_ns

    def __repr__(self) -> str:
        said = {name: value for name, value in vars(self).items() if value is not None}
        return f"Call({', '.join(f'{name}={value!r}' for name, value in said.items())})"


class CallSink(Protocol):
    """Where ended calls go. `add` is on the request path: it must not block, call a network, or raise."""

    def add(self, call: Call) -> None:
        """Take one ended call."""
