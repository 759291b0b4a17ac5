"""Making an OpenTelemetry context current and undoing it, so that undoing in the wrong place says nothing of the product.

OpenTelemetry's own `detach` logs a traceback when a block is left in another `contextvars.Context` than it was entered in
(a generator that another task closes, a dependency that a framework runs in a copied context). Inside exception handling that
traceback is chained to the product's exception, whose text may quote a prompt. Here it is counted instead.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current

from ai_finops.instrument.losses import count_loss

_MOST_NESTED = 1_000
"""Blocks that are remembered around one another; deeper, blocks were entered and never left here."""


class Attached:
    """One context made current; the blocks around it, so that leaving it a second time, or after them, is noticed."""

    __slots__ = ("around", "depth", "owner", "token")

    def __init__(self, token: Any, around: Attached | None, owner: object = None) -> None:
        self.token, self.owner = token, owner
        is_remembered = around is not None and around.depth < _MOST_NESTED - 1
        self.around: Attached | None = around if is_remembered else None
        self.depth: int = 0 if self.around is None else self.around.depth + 1


_innermost: ContextVar[Attached | None] = ContextVar("ai_finops_attached", default=None)


def attach_context(context: Context, *, owner: object = None) -> Attached:
    """Make a context current; returns what `detach_quietly` undoes it with. `owner` is for `detach_owned`."""
    attached = Attached(attach(context), _innermost.get(), owner)
    _innermost.set(attached)
    return attached


def detach_quietly(attached: Attached) -> bool:
    """Make current again what was before `attach_context`. Never raises and logs no traceback.

    Where it is not current here any more, because it was entered in another context or a block around it has been left already,
    nothing is changed. That is counted (`context_not_restored`), and False is returned.
    """
    innermost = _innermost.get()
    while innermost is not None and innermost is not attached:
        innermost = innermost.around
    return _detach_found(innermost)


def detach_owned(owner: object) -> bool:
    """`detach_quietly` of what `owner` attached here last, so that one block can be used by many threads and tasks."""
    innermost = _innermost.get()
    while innermost is not None and innermost.owner is not owner:
        innermost = innermost.around
    return _detach_found(innermost)


def _detach_found(attached: Attached | None) -> bool:
    if attached is None:
        count_loss("context_not_restored")
        return False
    _innermost.set(attached.around)
    token = attached.token
    if not isinstance(token, Token):  # a runtime context of somebody's own (OTEL_PYTHON_CONTEXT)
        detach(token)
        return True
    try:
        token.var.reset(token)
    except (ValueError, RuntimeError):
        # This context is a copy of the one that it was entered in: here it can be left, there nobody has.
        attach(Context() if token.old_value is Token.MISSING else token.old_value)
        count_loss("context_not_restored")
        return False
    return True


class Stay:
    """A place to run a function in, or each step of one generator: a context, and values of variables of this package.

    What a step leaves behind (a block that is held over a `yield`) is kept for the next one, and never stays with whoever
    takes the items. One object serves one call.
    """

    __slots__ = ("_attached", "_before", "_context", "_top", "_values")

    def __init__(self, context: Context, values: dict[ContextVar[Any], Any]) -> None:
        self._context, self._values = context, values
        self._attached: Attached | None = None
        self._top: Attached | None = None

    def __enter__(self) -> None:
        """Begin a step."""
        around = _innermost.get()
        if self._attached is None:
            self._attached = self._top = Attached(None, around)
        self._attached.token, self._attached.around = attach(self._context), around
        _innermost.set(self._top)
        self._before = [(variable, variable.get(None)) for variable in self._values]
        for variable, value in self._values.items():
            variable.set(value)

    def __exit__(self, *_: object) -> None:
        """End it: as before, if this is where it began."""
        attached = self._attached
        context, top, values = (
            get_current(),
            _innermost.get(),
            {variable: variable.get(None) for variable in self._values},
        )
        if attached is None or not detach_quietly(attached):
            return
        for variable, value in self._before:
            variable.set(value)
        self._context, self._top, self._values = context, top, values
