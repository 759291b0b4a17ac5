"""The span of a decision, `finops.routing`: which strategy chose which model, why, and what it cost both ways.

Texts of requests and answers are on no span. Whatever fails here is counted as a loss and never reaches the request.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import trace

from ai_finops.instrument.attaching import attach_context, detach_quietly
from ai_finops.instrument.attribution import Attribution, asked_by, service_feature
from ai_finops.instrument.handle import current_call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.names import name_or_none
from ai_finops.instrument.switch import is_on
from ai_finops.instrument.told import error_name
from ai_finops.router.course import Course
from ai_finops.router.decision import Request

SCOPE = "ai_finops.router"
SPAN_NAME = "finops.routing"

_tracer = trace.get_tracer(SCOPE)


class routing_span:
    """The block inside it is the span of a decision, and tells it the course; what the block raises goes on.

    A class and no generator: `contextlib` writes on each exception that passes, and a frozen one refuses that.
    """

    __slots__ = ("_feature", "_opened", "_pipeline", "_request", "course")

    def __init__(self, request: Request, *, feature: str | None, pipeline: str | None) -> None:
        self._request, self._feature, self._pipeline = request, feature, pipeline
        self._opened: tuple[trace.Span, Any] | None = None
        self.course: Course | None = None

    def __enter__(self) -> routing_span:
        self._opened = _open() if is_on() else None
        return self

    def __exit__(self, kind: object, failure: BaseException | None, traceback: object) -> None:
        if self._opened is None:
            return
        span, token = self._opened
        try:
            detach_quietly(token)
            if span.is_recording():
                _describe(span, self._request, self.course, failure, feature=self._feature, pipeline=self._pipeline)
            span.end()
        except Exception as error:  # noqa: BLE001  see the first lines
            count_loss("routing_unrecorded", detail=type(error).__name__)


def _open() -> tuple[trace.Span, Any] | None:
    try:
        span = _tracer.start_span(SPAN_NAME)
        return span, attach_context(trace.set_span_in_context(span))
    except Exception as error:  # noqa: BLE001  see the first lines
        count_loss("routing_unrecorded", detail=type(error).__name__)
        return None


def _describe(
    span: trace.Span,
    request: Request,
    course: Course | None,
    failure: BaseException | None,
    *,
    feature: str | None,
    pipeline: str | None,
) -> None:
    facts = _asked(request, feature=feature, pipeline=pipeline)
    if course is not None:
        facts |= _routing(course)
    if failure is not None:
        facts["error.type"] = error_name(failure)
        span.set_status(trace.Status(trace.StatusCode.ERROR))
    span.set_attributes({name: value for name, value in facts.items() if value is not None})


def _asked(request: Request, *, feature: str | None, pipeline: str | None) -> dict[str, Any]:
    """Who asked, by the same order as for a recorded call."""
    said: Attribution = asked_by()
    around = current_call().call
    return {
        "finops.feature": said.feature_id or around.feature_id or feature or service_feature(),
        "finops.journey": said.journey_id or around.journey_id,
        "finops.pipeline": pipeline or around.pipeline_id,
        "finops.task_type": name_or_none(request.task_type),
    }


def _routing(course: Course) -> dict[str, Any]:
    decision = course.decision
    answered = None if course.taken is None else course.taken[1]
    return {
        "finops.routing.policy": decision.policy_id,
        "finops.routing.policy_version": decision.policy_version,
        "finops.routing.strategy": decision.strategy,
        "finops.routing.reason": course.reason,
        "finops.routing.tier": decision.tier if answered is None else answered.tier,
        "finops.routing.model": None if answered is None else answered.model_id,
        "finops.routing.first_model": decision.model.model_id,
        "finops.routing.is_escalated": course.is_escalated,
        "finops.routing.is_fallback": course.is_fallback,
        "finops.routing.confidence": course.confidence,
        "finops.routing.attempt_count": len(course.attempts),
        "finops.routing.estimated_cost_usd": course.estimated_cost_usd,
        "finops.routing.capable_cost_usd": course.capable_cost_usd,
    }


def _use_tracer(tracer: trace.Tracer) -> Any:
    """Record with another tracer; returns how to undo it. For tests and benches."""
    global _tracer
    before, _tracer = _tracer, tracer

    def undo() -> None:
        global _tracer
        _tracer = before

    return undo
