"""Making an OpenTelemetry context current and undoing it, so that undoing in the wrong place says nothing of the product.

OpenTelemetry's own `detach` logs a traceback when a block is left in another `contextvars.Context` than it was entered in
(a generator that another task closes, a dependency that a framework runs in a copied context). Inside exception handling that
traceback is chained to the product's exception, whose text may quote a prompt. Here it is counted instead.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

from opentelemetry.context import Context, attach, detach

from ai_finops.instrument.losses import count_loss

_MOST_NESTED = 1_000
"""Blocks that are remembered around one another; deeper, blocks were entered and never left here."""


class Attached:
    """One context made current; the blocks around it, so that leaving it a second time, or after them, is noticed."""

    __slots__ = ("around", "depth", "token")

    def __init__(self, token: Any, around: Attached | None) -> None:
        self.token = token
        self.depth = 0 if around is None else around.depth + 1
        self.around = around
        if self.depth >= _MOST_NESTED:
            self.around, self.depth = None, 0


_innermost: ContextVar[Attached | None] = ContextVar("ai_finops_attached", default=None)


def attach_context(context: Context) -> Attached:
    """Make a context current; returns what `detach_quietly` undoes it with."""
    attached = Attached(attach(context), _innermost.get())
    _innermost.set(attached)
    return attached


def detach_quietly(attached: Attached) -> None:
    """Make current again what was before `attach_context`. Never raises and logs no traceback.

    Where it is not current here any more, because it was entered in another context or a block around it has been left already,
    nothing is changed, and `context_not_restored` is counted.
    """
    innermost = _innermost.get()
    while innermost is not None and innermost is not attached:
        innermost = innermost.around
    if innermost is None:
        count_loss("context_not_restored")
        return
    _innermost.set(attached.around)
    token = attached.token
    if not isinstance(token, Token):  # a runtime context of somebody's own (OTEL_PYTHON_CONTEXT)
        detach(token)
        return
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):  # of a context that this one is a copy of
        count_loss("context_not_restored")
