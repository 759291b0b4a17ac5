"""Spans of decisions and of the calls in them, in memory, through the real SDK."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ai_finops.instrument import tracking
from ai_finops.instrument.losses import forget_losses
from ai_finops.router import spans as routing_spans
from ai_finops.router.decision import Request
from ai_finops.router.engine import Router
from tests.router.stand_ins import AsyncScripted, Scripted

CLASSIFY = Request("spam?", task_type="classification")


class RecordedSpans:
    """What an exporter was given, in the order in which spans ended."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def all(self):
        return self._exporter.get_finished_spans()

    def routing(self) -> list:
        return [span for span in self.all if span.name == "finops.routing"]

    def facts(self) -> dict:
        (span,) = self.routing()
        return dict(span.attributes)


@pytest.fixture
def spans():
    recorded = RecordedSpans()
    undone = (
        tracking._use_tracer(recorded.provider.get_tracer(tracking.SCOPE)),
        routing_spans._use_tracer(recorded.provider.get_tracer(routing_spans.SCOPE)),
    )
    forget_losses()
    yield recorded
    for undo in undone:
        undo()
    recorded.provider.shutdown()


@pytest.fixture(params=["sync", "async", "sync client in coroutines"])
def ask(request):
    """Ask a router in each of the ways."""

    def run(policy, client: Scripted, prompt: object = CLASSIFY, **more):
        if request.param == "async":
            asynchronous = AsyncScripted()
            asynchronous._by_model, asynchronous.asked = client._by_model, client.asked
            client = asynchronous
        router = Router(policy, clients=client, **more)
        if request.param == "sync":
            return router.complete(prompt)
        return asyncio.run(router.acomplete(prompt))

    return run
