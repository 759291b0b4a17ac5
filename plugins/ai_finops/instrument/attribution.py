"""Who asked for a call: feature and journey, carried by W3C baggage over threads, queues and HTTP.

**The caller's feature wins.** The first that says one: baggage (of this process or a calling one) · an enclosing recorded
call · the call's own decorator · `AI_FINOPS_FEATURE` of the service. So one shared pipeline, called from four services, is
charged to the feature that asked, and its own name is only used when nobody asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from opentelemetry import baggage
from opentelemetry.context import Context, create_key, get_current, get_value, set_value

from ai_finops.instrument.attaching import Stay, attach_context, detach_owned
from ai_finops.instrument.binding import bind
from ai_finops.instrument.names import name_or_none

FEATURE = "finops.feature"
JOURNEY = "finops.journey"
JOURNEY_NAME = "finops.journey.name"
_USER_KEY = create_key("ai-finops-user")
"""A person's id stays in this process: baggage would hand it to every service that is called, outside ones too."""

F = TypeVar("F", bound=Callable[..., Any])


class Attribution(NamedTuple):
    """Who asked; None where nobody said."""

    feature_id: str | None = None
    journey_id: str | None = None
    journey_name: str | None = None
    user_id: str | None = None


NOBODY = Attribution()


def asked_by(context: Context | None = None) -> Attribution:
    """Return who asked, by the baggage of a context (the current one by default)."""
    found = get_current() if context is None else context
    if not found:
        return NOBODY
    said, user = baggage.get_all(found), get_value(_USER_KEY, found)
    if not said:
        return NOBODY if user is None else Attribution(user_id=name_or_none(user))
    return Attribution(
        name_or_none(said.get(FEATURE)),
        name_or_none(said.get(JOURNEY)),
        name_or_none(said.get(JOURNEY_NAME)),
        name_or_none(user),
    )


def service_feature() -> str | None:
    """The feature of a service that has only one, `AI_FINOPS_FEATURE`: used when nobody says another."""
    return name_or_none(os.environ.get("AI_FINOPS_FEATURE"))


def with_attribution(
    context: Context,
    *,
    feature: str | None = None,
    journey: str | None = None,
    journey_name: str | None = None,
    user: str | None = None,
    override: bool = False,
) -> Context:
    """Return the context with what is not said in it yet; with `override` also in place of what is said."""
    said = baggage.get_all(context)
    for key, value in ((FEATURE, feature), (JOURNEY, journey), (JOURNEY_NAME, journey_name)):
        name = name_or_none(value)
        if name is not None and (override or not said.get(key)):
            context = baggage.set_baggage(key, name, context)
    if user is not None and (override or get_value(_USER_KEY, context) is None):
        context = set_value(_USER_KEY, name_or_none(user), context)
    return context


class ContextBlock:
    """A block that runs in a context, or a decorator of functions of every kind that do. Usable again, also by many at once."""

    def __init__(self, make_context: Callable[[], Context]) -> None:
        self._make_context = make_context

    def __enter__(self) -> None:
        """Make the context current."""
        attach_context(self._make_context(), owner=self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Make current again what was before; an exception goes on."""
        detach_owned(self)

    def __call__(self, function: F) -> F:
        """Run each call of a function, and each step of a generator, in the context, made when the call begins."""
        return bind(function, lambda: Stay(self._make_context(), {}))


def feature(
    name: str | None = None,
    *,
    journey: str | None = None,
    journey_name: str | None = None,
    user: str | None = None,
    override: bool = False,
) -> ContextBlock:
    """Say which feature asks for all that is called in this block, here and in the services that are called from it.

    An outer block or a calling service that has said a feature keeps it (they asked), unless `override` is set: for work that
    a service does on its own account while it serves somebody else. Also a decorator: `@feature("search")` on functions,
    `async` ones and generators.

    A block is not to be held over a `yield`: what takes the items would run in it too. Decorate the generator instead.

    Args:
        name: The feature, as in seed `features`: a word of few, no id of a person or a request.
        journey: Id of one user's task across several calls.
        journey_name: What the user is doing; one of few names.
        user: Id of the user; written on spans of this process, and never sent along to other services.
        override: Replace what is said already.
    """
    return ContextBlock(
        lambda: with_attribution(
            get_current(), feature=name, journey=journey, journey_name=journey_name, user=user, override=override
        )
    )


_carried: list[ContextVar[Any]] = []


def carry_along(variable: ContextVar[Any]) -> None:
    """Have `carry` carry a variable of this package too, whose None says nothing; for modules that this one cannot import."""
    if variable not in _carried:
        _carried.append(variable)


def carry(function: F) -> F:
    """Bind a function to the current context: for thread pools and executors, which begin without one.

    `pool.submit(carry(work), item)` charges what `work` calls to the feature that submitted it, as part of the call that is
    recorded here. A coroutine function or a generator function stays one; generators are bound for each of their steps.
    """
    context, values = get_current(), {variable: variable.get(None) for variable in _carried}
    return bind(function, lambda: Stay(context, values))
