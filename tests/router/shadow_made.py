"""Two models, a client that answers by hand, and a shadow whose spans are kept in memory."""

from __future__ import annotations

from contextlib import contextmanager

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ai_finops.instrument import tracking
from ai_finops.instrument.reading import Reading
from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.policy import Model, ModelPrice
from ai_finops.router.shadow import Shadow
from ai_finops.router.shadow_policy import ShadowPolicy

# $1 and $4 per million tokens in and out on the small model, $10 and $40 on the large one.
SMALL = Model("small", "aws.bedrock", "amazon.nova-lite-v1:0", "cheap", 1, ModelPrice("made", 1, 4))
LARGE = Model("large", "aws.bedrock", "anthropic.claude-sonnet-4", "expensive", 2, ModelPrice("made", 10, 40))
READING = Reading(provider_name="aws.bedrock", input_tokens=100, output_tokens=20)
REQUEST = Request("Which city?", task_type="extraction")
DAY_S = 86_400
NOON = 20_000 * DAY_S + DAY_S // 2


def converse(text: str, *, input_tokens: int = 110, output_tokens: int = 10, stop_reason: str = "end_turn") -> dict:
    """Return an answer as Bedrock's Converse gives it."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": stop_reason,
        "usage": {
            "inputTokens": input_tokens,
            "outputTokens": output_tokens,
            "totalTokens": input_tokens + output_tokens,
        },
        "metrics": {"latencyMs": 5},
    }


class Client:
    """Answers every request alike, and remembers what it was asked."""

    def __init__(self, text: str = "Oslo", *, error: BaseException | None = None, **usage) -> None:
        self.text, self.error, self.usage = text, error, usage
        self.asked: list[Request] = []

    def complete(self, request: Request, *, model: Model) -> Answer:
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        raw = converse(self.text, **self.usage)
        return Answer(self.text, raw, finish_reason=raw["stopReason"])


class Recorded:
    """Spans in the order in which they ended."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("ai_finops.router")

    @property
    def all(self):
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list:
        return [span for span in self.all if span.name == name]

    def comparisons(self) -> list[dict]:
        """Attributes of the comparisons that have marks."""
        return [
            dict(span.attributes)
            for span in self.named("finops.shadow")
            if "finops.shadow.baseline_correct" in span.attributes
        ]

    def calls(self) -> list:
        return [span for span in self.all if span.name.startswith("chat")]


@contextmanager
def recorded():
    """Record spans of decorators too, while the block runs."""
    spans = Recorded()
    undo = tracking._use_tracer(spans.provider.get_tracer(tracking.SCOPE))
    try:
        yield spans
    finally:
        undo()
        spans.provider.shutdown()


def shadow_of(spans: Recorded | None, client: object | None = None, *, tools: dict | None = None, **said) -> Shadow:
    """Return a shadow of these settings: every request, a dollar a day."""
    policy = ShadowPolicy(**{"share": 1.0, "candidate": "small", "daily_usd": 1.0} | said)
    return Shadow(
        policy,
        candidate=SMALL,
        client=client or Client(),
        **{"clock": lambda: NOON, "tracer": spans and spans.tracer} | (tools or {}),
    )


def offer(shadow: Shadow, request: Request = REQUEST, **changes) -> bool:
    """Offer an answer of the large model."""
    return shadow.offer(request, **{"answer_text": "Oslo", "model": LARGE, "reading": READING} | changes)
