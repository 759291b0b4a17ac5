"""Spans of other instrumentations say the feature too."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ai_finops.instrument import FeatureSpanProcessor, feature, track_llm_cost, tracking
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.switch import set_on


def recorded(processor=None, *, first=True):
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    processors = [processor or FeatureSpanProcessor(), SimpleSpanProcessor(exporter)]
    for each in processors if first else reversed(processors):
        provider.add_span_processor(each)
    return provider, exporter.get_finished_spans


@pytest.mark.parametrize("first", [True, False])
def test_a_span_of_another_library_is_stamped_wherever_the_processor_stands(first):
    provider, spans = recorded(first=first)
    tracer = provider.get_tracer("opentelemetry.instrumentation.openai.v1")
    with feature("search", journey="j", journey_name="checkout", user="u"), tracer.start_as_current_span("openai.chat"):
        pass
    (span,) = spans()
    assert dict(span.attributes) == {
        "finops.feature": "search",
        "finops.journey": "j",
        "finops.journey.name": "checkout",
        "finops.user": "u",
    }


def test_children_are_stamped_by_their_parents_context_and_nobody_by_none():
    provider, spans = recorded()
    tracer = provider.get_tracer("x")
    with tracer.start_as_current_span("unasked"), feature("search"):
        tracer.start_span("asked").end()
    tracer.start_span("after").end()
    assert [(span.name, span.attributes.get("finops.feature")) for span in spans()] == [
        ("asked", "search"),
        ("unasked", None),
        ("after", None),
    ]


def test_what_a_span_says_itself_stays():
    provider, spans = recorded()
    with feature("search"):
        provider.get_tracer("x").start_span("own", attributes={"finops.feature": "its own"}).end()
    assert spans()[0].attributes["finops.feature"] == "its own"


def test_a_span_inside_a_decorated_call_is_stamped_with_the_decorators_feature():
    provider, spans = recorded()
    undo = tracking._use_tracer(provider.get_tracer("ai_finops.instrument"))
    try:
        track_llm_cost(feature="summarise")(lambda: provider.get_tracer("openai").start_span("openai.chat").end())()
    finally:
        undo()
    assert [span.attributes["finops.feature"] for span in spans()] == ["summarise", "summarise"]


def test_a_default_is_for_what_nobody_asked(monkeypatch):
    provider, spans = recorded(FeatureSpanProcessor("the_service"))
    provider.get_tracer("x").start_span("a").end()
    monkeypatch.setenv("AI_FINOPS_FEATURE", "by_environment")
    provider.add_span_processor(FeatureSpanProcessor())
    with feature("asked"):
        provider.get_tracer("x").start_span("b").end()
    assert [span.attributes["finops.feature"] for span in spans()] == ["the_service", "asked"]
    assert FeatureSpanProcessor().default_feature_id == "by_environment"


def test_a_fault_is_counted_and_stops_nothing(monkeypatch):
    forget_losses()
    provider, spans = recorded()
    monkeypatch.setattr("ai_finops.instrument.feature_processor.asked_by", lambda _: 1 / 0)
    provider.get_tracer("x").start_span("a").end()
    assert len(spans()) == 1
    assert losses() == {"span_not_stamped": 1}


def test_the_switch_is_heeded():
    provider, spans = recorded()
    with set_on(False), feature("f"):
        provider.get_tracer("x").start_span("a").end()
    assert dict(spans()[0].attributes) == {}
    assert FeatureSpanProcessor().force_flush()
