"""The spans of what is recorded beside model calls: one way to start, to fail and to end them. Never raises."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from ai_finops.instrument.attaching import attach_context, detach_quietly
from ai_finops.instrument.attribution import FEATURE, JOURNEY, JOURNEY_NAME, asked_by, service_feature
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.switch import switch
from ai_finops.instrument.told import error_name

P = ParamSpec("P")
R = TypeVar("R")
_tracer = trace.get_tracer("ai_finops.instrument")


def guarded(function: Callable[P, R]) -> Callable[P, R | None]:
    """Make a function that records harmless: switched off it does nothing, and what it cannot record is counted."""

    @functools.wraps(function)
    def guarded_function(*args: P.args, **kwargs: P.kwargs) -> R | None:
        if not switch.is_on:
            return None
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  a fault of what somebody passed is not to reach the product
            count_loss("record_failed", detail=f"{function.__name__}: {type(error).__name__}")
            return None

    return guarded_function


def start(name: str, attributes: Mapping[str, AttributeValue]) -> Span:
    """Start a span below the current one, with who asked on it."""
    feature_id, journey_id, journey_name, _ = asked_by()
    who = ((FEATURE, feature_id or service_feature()), (JOURNEY, journey_id), (JOURNEY_NAME, journey_name))
    said: dict[str, Any] = {key: value for key, value in who if value is not None}
    return _tracer.start_span(name, attributes=said | dict(attributes))


class Block:
    """A span around a block of code. It does nothing when recording is switched off; what the block raises goes on."""

    def __init__(self, name: str, attributes: Callable[[], Mapping[str, AttributeValue]]) -> None:
        self._name, self._attributes = name, attributes
        self._span: Span | None = None
        self._token: Any = None

    def __enter__(self) -> Self:
        """Start the span and make it the current one."""
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it; an exception goes on."""
        self._end(error)

    async def __aenter__(self) -> Self:
        """Start the span in a coroutine."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it; an exception goes on."""
        self.__exit__(kind, error, traceback)

    @guarded
    def _start(self) -> None:
        self._span = start(self._name, self._attributes())
        self._token = attach_context(trace.set_span_in_context(self._span))

    def _end(self, error: BaseException | None) -> None:
        """Also when recording was switched off meanwhile: what was started is ended."""
        span, self._span = self._span, None
        if span is None:
            return
        try:
            detach_quietly(self._token)
            if error is not None:
                span.set_attribute("error.type", error_name(error))
                span.set_status(Status(StatusCode.ERROR))
            self._finish(span)
        except Exception as fault:  # noqa: BLE001 - what somebody passed may be at fault, and is not to reach the product
            count_loss("record_failed", detail=f"{self._name}: {type(fault).__name__}")
            span.end()

    def _finish(self, span: Span) -> None:
        """Say what is only known at the end, and end the span."""
        span.end()
