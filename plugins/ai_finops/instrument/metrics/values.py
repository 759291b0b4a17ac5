"""The values of one call that metrics count."""

from __future__ import annotations

from ai_finops.instrument.call import Call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.metrics.names import MAX_VALUE

Values = tuple[int, float | None, float | None, float | None]
"""Latency in nanoseconds, input tokens, output tokens, estimated cost in USD; None is not known."""


def values_of(call: Call) -> Values:
    """Return what is known of a call. What is negative, infinite or no number is counted as a loss, and not known."""
    reading = call.reading
    input_tokens, output_tokens, cost_usd = reading.input_tokens, reading.output_tokens, call.estimated_cost_usd
    try:
        # NaN compares as False with everything, a word with nothing at all.
        if (
            (input_tokens is None or 0 <= input_tokens <= MAX_VALUE)
            and (output_tokens is None or 0 <= output_tokens <= MAX_VALUE)
            and (cost_usd is None or 0 <= cost_usd <= MAX_VALUE)
        ):
            return call.duration_ns, input_tokens, output_tokens, cost_usd
    except TypeError:
        pass
    return call.duration_ns, _number(input_tokens), _number(output_tokens), _number(cost_usd)


def _number(value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and 0 <= value <= MAX_VALUE):
        return value
    count_loss("metric_value_refused", detail="tokens or a cost that are no number from 0 on")
    return None
