"""Where spans go, as far as this process knows: provider, processors, exporters, sampler, propagators, other instrumentations.

The SDK says little of itself in public, so some of it is read from attributes of its own; what is not there is told as unknown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from opentelemetry import propagate, trace

from ai_finops.instrument.addresses import shown_address
from ai_finops.instrument.findings import Finding, hint, ok, wrong

PROVIDER, PROCESSORS, SAMPLER, PROPAGATORS, OTHERS = (
    "tracer provider", "processors", "sampler", "propagators", "other instrumentations"
)  # fmt: skip
_ALWAYS_ON = ("AlwaysOnSampler", "ParentBased{root:AlwaysOnSampler")
_GEN_AI = (
    "anthropic", "bedrock", "botocore", "cohere", "crewai", "google", "groq", "langchain", "litellm", "llama", "mistral",
    "ollama", "openai", "openlit", "vertexai",
)  # fmt: skip
"""Words in the names of instrumentations that write spans of model calls."""
_PACKAGES = {"openlit": "OpenLIT", "traceloop": "OpenLLMetry", "langfuse": "Langfuse", "logfire": "Logfire"}


def tracing_findings() -> Iterator[Finding]:
    """Tell what becomes of spans that are started now."""
    provider = trace.get_tracer_provider()
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield wrong(PROVIDER, "OTEL_SDK_DISABLED is true: no span is made", "take it out of the environment")
    elif type(provider).__name__ in ("ProxyTracerProvider", "NoOpTracerProvider"):
        yield wrong(
            PROVIDER,
            "none is set: spans of decorated calls go nowhere",
            "set one where the service starts; here, --import that module, or run under opentelemetry-instrument",
        )
    else:
        yield ok(PROVIDER, _named(provider))
        yield from _of_sdk(provider)
    yield from _propagators()
    yield from _others(provider)


def processors_of(provider: Any) -> list[Any]:
    """Return the processors of a provider of the SDK, in their order; none where it says nothing."""
    return list(getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ()))


def exporter_of(processor: Any) -> Any:
    """Return the exporter behind a processor, or None."""
    batch = getattr(processor, "_batch_processor", None)
    return getattr(processor, "span_exporter", None) or getattr(batch, "_exporter", None)


def _of_sdk(provider: Any) -> Iterator[Finding]:
    processors = processors_of(provider)
    exporters = [exporter for exporter in map(exporter_of, processors) if exporter is not None]
    if not processors:
        advice = "add a BatchSpanProcessor with an OTLPSpanExporter (extra otel)"
        yield wrong(PROCESSORS, "none that can be seen: spans are made and dropped", advice)
    elif not exporters:
        yield hint(
            PROCESSORS, f"{_list(processors)}: none with an exporter that can be seen", "see that one of them sends"
        )
    for exporter in exporters:
        yield _exporter(exporter)
    if any(type(processor).__name__ == "SimpleSpanProcessor" for processor in processors):
        advice = "use BatchSpanProcessor outside of tests"
        yield wrong(PROCESSORS, "SimpleSpanProcessor exports on the request path", advice)
    if any(type(processor).__name__ == "FeatureSpanProcessor" for processor in processors):
        yield ok(PROCESSORS, "FeatureSpanProcessor stamps the feature on spans of other instrumentations")
    yield from _sampler(provider)
    limits = getattr(provider, "_span_limits", None)
    if getattr(limits, "max_span_attribute_length", None) is not None:
        length = limits.max_span_attribute_length
        advice = "leave OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT unset: lists of documents are cut in the middle by it"
        yield hint(PROCESSORS, f"texts on spans are cut after {length} characters", advice)


def _exporter(exporter: Any) -> Finding:
    endpoint, name = getattr(exporter, "_endpoint", None), type(exporter).__name__
    if name in ("ConsoleSpanExporter", "InMemorySpanExporter"):
        return hint(PROCESSORS, f"{name}: spans stay in this process", "send them with OTLPSpanExporter to a collector")
    return ok(PROCESSORS, f"{name} to {shown_address(endpoint)}" if endpoint else _named(exporter))


def _sampler(provider: Any) -> Iterator[Finding]:
    sampler = getattr(provider, "sampler", None)
    if sampler is None:
        return
    said = sampler.get_description()
    if said.startswith(_ALWAYS_ON):
        yield ok(SAMPLER, said.partition(",")[0].replace("{", " of ").rstrip("}"))
    else:
        advice = "sample in the collector by tail, or keep all traces (OTEL_TRACES_SAMPLER=parentbased_always_on)"
        yield wrong(SAMPLER, f"{said}: cost of calls that are not sampled is lost", advice)


def _propagators() -> Iterator[Finding]:
    fields = propagate.get_global_textmap().fields
    if "baggage" in fields:
        yield ok(PROPAGATORS, f"{', '.join(sorted(fields))}")
    else:
        advice = "add baggage to OTEL_PROPAGATORS (tracecontext,baggage)"
        yield wrong(PROPAGATORS, "without baggage: services that this one calls do not learn who asked", advice)
    if "baggage" in fields and not fields & {"traceparent", "x-amzn-trace-id", "b3", "x-b3-traceid"}:
        yield hint(PROPAGATORS, "no propagator of traces: calls of other services are in traces of their own")


def _others(provider: Any) -> Iterator[Finding]:
    active = sorted({*_active_instrumentors(), *(name for module, name in _PACKAGES.items() if module in sys.modules)})
    if not active:
        return
    processors = processors_of(provider)
    if any(type(processor).__name__ == "FeatureSpanProcessor" for processor in processors):
        yield ok(OTHERS, ", ".join(active))
    else:
        advice = "provider.add_span_processor(FeatureSpanProcessor()) puts the feature on them"
        yield wrong(OTHERS, f"{', '.join(active)}: their spans name no feature", advice)


def _active_instrumentors() -> Iterator[str]:
    """Those of model calls that have been switched on; what is only installed is not imported for it."""
    for entry in metadata.entry_points(group="opentelemetry_instrumentor"):
        module = sys.modules.get(entry.module)
        if module is None or not any(word in entry.value.lower() for word in _GEN_AI):
            continue
        kind = getattr(module, entry.attr, None)
        if getattr(kind, "_instance", None) is not None and getattr(
            kind._instance, "is_instrumented_by_opentelemetry", False
        ):
            yield entry.module


def _named(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _list(values: list[Any]) -> str:
    return ", ".join(type(value).__name__ for value in values)
