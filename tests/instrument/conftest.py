"""Spans of the decorators in memory, through the real SDK."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ai_finops.instrument import tracking
from ai_finops.instrument.losses import forget_losses


class RecordedSpans:
    """What an exporter was given, in the order in which spans ended."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def all(self):
        return self._exporter.get_finished_spans()

    def one(self):
        (span,) = self.all
        return span

    def facts(self) -> dict:
        return dict(self.one().attributes)


@pytest.fixture
def spans():
    recorded = RecordedSpans()
    undo = tracking._use_tracer(recorded.provider.get_tracer(tracking.SCOPE))
    forget_losses()
    yield recorded
    undo()
    recorded.provider.shutdown()
