"""The instruments of Prometheus, each declared once with its unit and its help."""

from __future__ import annotations

from typing import Any, NamedTuple

LABELS = ("feature", "model")
SECONDS_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Upper bounds of the buckets of durations, those that OpenTelemetry's GenAI conventions advise."""


class Instruments(NamedTuple):
    """All instruments, without the values of their labels."""

    duration_s: Any
    first_token_s: Any
    input_tokens: Any
    output_tokens: Any
    cost_usd: Any
    without_usage: Any
    without_cost: Any
    failed: Any


class _Declared(NamedTuple):
    kind: str
    name: str
    unit: str
    help: str


_DECLARED = Instruments(
    _Declared("Histogram", "ai_finops_call_duration_seconds", "seconds", "Time from the call to its end."),
    _Declared(
        "Histogram", "ai_finops_time_to_first_token_seconds", "seconds", "Time from the call to the first token."
    ),
    _Declared("Counter", "ai_finops_input_tokens", "tokens", "Input tokens, cached ones included."),
    _Declared("Counter", "ai_finops_output_tokens", "tokens", "Output tokens, reasoning included."),
    _Declared("Counter", "ai_finops_estimated_cost_usd", "usd", "Cost by list price, of calls for which there is one."),
    _Declared(
        "Counter",
        "ai_finops_calls_without_usage",
        "",
        "Calls of which no usage is known; they are in no count of tokens.",
    ),
    _Declared("Counter", "ai_finops_calls_without_cost", "", "Calls without an estimate; they are in no cost."),
    _Declared("Counter", "ai_finops_failed_calls", "", "Calls that ended in an error."),
)


def instruments_on(registry: Any = None) -> Instruments:
    """Return the instruments of a registry, declared on it unless they are.

    Raises:
        ImportError: The extra `prometheus` is not installed.
        ValueError: The registry has one of the names with other labels.
    """
    import prometheus_client

    registry = prometheus_client.REGISTRY if registry is None else registry
    return Instruments(*(_declared_on(registry, each, prometheus_client) for each in _DECLARED))


def _declared_on(registry: Any, declared: _Declared, client: Any) -> Any:
    options = {"buckets": SECONDS_BOUNDS} if declared.kind == "Histogram" else {}
    try:
        kind = getattr(client, declared.kind)
        return kind(declared.name, declared.help, LABELS, unit=declared.unit, registry=registry, **options)
    except ValueError:
        found = _on(registry, declared)
        if found is None:
            raise
        return found


def _on(registry: Any, declared: _Declared) -> Any:
    """Return an instrument that was declared before: by another sink, or another copy of this module."""
    # The client has no public way to ask for a collector by its name.
    suffix = "_total" if declared.kind == "Counter" else "_count"
    found = getattr(registry, "_names_to_collectors", {}).get(declared.name + suffix)
    is_same = type(found).__name__ == declared.kind and tuple(getattr(found, "_labelnames", ())) == LABELS
    return found if is_same else None
