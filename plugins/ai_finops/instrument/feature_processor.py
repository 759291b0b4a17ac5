"""Stamp the feature on every span that starts, so that spans of other GenAI instrumentations say it too.

A team that has OpenLLMetry, OpenInference or OpenTelemetry's own instrumentations needs no decorator: it adds this processor to
its tracer provider and says the feature once, where a request comes in (`feature(…)`, or the caller's baggage).
Needs the SDK (extra `otel`).
"""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from ai_finops.instrument.attribution import FEATURE, JOURNEY, JOURNEY_NAME, asked_by, service_feature
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.names import name_or_none
from ai_finops.instrument.switch import switch


class FeatureSpanProcessor(SpanProcessor):
    """Sets `finops.feature`, `finops.journey`, `finops.journey.name` and `finops.user` where the context says them.

    It acts when a span starts, so it may stand before or after the exporting processor. What a span says itself stays.

    Args:
        default_feature: For spans that nobody asked for by name; `AI_FINOPS_FEATURE` of the environment if not given.
    """

    def __init__(self, default_feature: str | None = None) -> None:
        self.default_feature_id = name_or_none(default_feature) or service_feature()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp a span; a fault is counted and stops nothing."""
        if not switch.is_on:
            return
        try:
            asked = asked_by(parent_context)
            said = span.attributes or {}
            for key, value in (
                (FEATURE, asked.feature_id or self.default_feature_id),
                (JOURNEY, asked.journey_id),
                (JOURNEY_NAME, asked.journey_name),
                ("finops.user", asked.user_id),
            ):
                if value is not None and key not in said:
                    span.set_attribute(key, value)
        except Exception as error:  # noqa: BLE001  a processor's exception would reach the product
            count_loss("span_not_stamped", detail=type(error).__name__)

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing: a span that has ended is not changed."""

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held."""
        return True
