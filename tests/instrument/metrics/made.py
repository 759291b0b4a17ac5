"""Calls and clocks made for tests."""

from __future__ import annotations

from ai_finops.instrument.call import Call
from ai_finops.instrument.reading import Reading

MINUTE = 29_000_000
"""Minutes since 1970: 2025-02-19 21:20 UTC."""
NS_PER_S = 1_000_000_000


def call(
    feature: str | None = "search",
    model: str | None = "claude-sonnet-4",
    *,
    input_tokens: int | None = 100,
    output_tokens: int | None = 20,
    cost_usd: float | None = 0.25,
    latency_ms: float = 1_500,
    at_s: float = MINUTE * 60,
    **others,
) -> Call:
    """A call that ended."""
    made = Call()
    made.feature_id, made.model = feature, model
    made.reading = Reading(input_tokens=input_tokens, output_tokens=output_tokens)
    made.estimated_cost_usd = cost_usd
    made.duration_ns = int(latency_ms * 1_000_000)
    made.started_at_ns = int(at_s * NS_PER_S) - made.duration_ns
    for name, value in others.items():
        setattr(made, name, value)
    return made


class Clock:
    """Both clocks of a machine, moved by hand."""

    def __init__(self, at_s: float = MINUTE * 60) -> None:
        self.wall_s, self.monotonic_s = at_s, 1_000.0

    def pass_s(self, seconds: float) -> None:
        self.wall_s += seconds
        self.monotonic_s += seconds

    def wall(self) -> float:
        return self.wall_s

    def monotonic(self) -> float:
        return self.monotonic_s
