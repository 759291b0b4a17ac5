"""Who asked for a call: feature and journey, carried by W3C baggage over threads, queues and HTTP.

**The caller's feature wins.** The first that says one: baggage (of this process or a calling one) · an enclosing recorded
call · the call's own decorator · `AI_FINOPS_FEATURE` of the service. So one shared pipeline, called from four services, is
charged to the feature that asked, and its own name is only used when nobody asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar

from opentelemetry import baggage, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, create_key, get_current, get_value, set_value

from ai_finops.instrument.attaching import attach_context, detach_quietly
from ai_finops.instrument.names import name_or_none

FEATURE = "finops.feature"
JOURNEY = "finops.journey"
JOURNEY_NAME = "finops.journey.name"
_USER_KEY = create_key("ai-finops-user")
"""A person's id stays in this process: baggage would hand it to every service that is called, outside ones too."""

P = ParamSpec("P")
R = TypeVar("R")


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


@contextmanager
def feature(
    name: str | None = None,
    *,
    journey: str | None = None,
    journey_name: str | None = None,
    user: str | None = None,
    override: bool = False,
) -> Iterator[None]:
    """Say which feature asks for all that is called in this block, here and in the services that are called from it.

    An outer block or a calling service that has said a feature keeps it (they asked), unless `override` is set: for work that
    a service does on its own account while it serves somebody else.

    Args:
        name: The feature, as in seed `features`: a word of few, no id of a person or a request.
        journey: Id of one user's task across several calls.
        journey_name: What the user is doing; one of few names.
        user: Id of the user; written on spans of this process, and never sent along to other services.
        override: Replace what is said already.
    """
    token = attach_context(
        with_attribution(
            get_current(), feature=name, journey=journey, journey_name=journey_name, user=user, override=override
        )
    )
    try:
        yield
    finally:
        detach_quietly(token)


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """Bind a function to the current context: for thread pools and executors, which begin without one.

    `pool.submit(carry(work), item)` charges what `work` calls to the feature that submitted it.
    """
    context = get_current()

    @wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        token = attach_context(context)
        try:
            return function(*args, **kwargs)
        finally:
            detach_quietly(token)

    return carried


def write_headers(carrier: MutableMapping[str, str] | None = None) -> MutableMapping[str, str]:
    """Write who asked, and the trace, into the headers of a message to a queue; returns them.

    HTTP clients that OpenTelemetry instruments do it themselves. Baggage is written also where the global propagators leave
    it out.
    """
    headers: MutableMapping[str, str] = {} if carrier is None else carrier
    propagate.inject(headers)
    W3CBaggagePropagator().inject(headers)
    return headers


@contextmanager
def from_headers(headers: Mapping[str, str]) -> Iterator[None]:
    """Run the block as asked by the sender of a message: reads what `write_headers` wrote, or W3C headers of any service.

    Anybody who can send these headers can name a feature: at the edge of your system, take `baggage` off what comes from
    outside.
    """
    lowered = {str(name).lower(): value for name, value in headers.items()}
    context = W3CBaggagePropagator().extract(lowered, propagate.extract(lowered))
    token = attach_context(context)
    try:
        yield
    finally:
        detach_quietly(token)
