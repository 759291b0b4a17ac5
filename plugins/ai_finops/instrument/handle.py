"""What a block or a function can say of the call that it is."""

from __future__ import annotations

from time import perf_counter_ns

from ai_finops.instrument.call import Call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.run import Run, running
from ai_finops.instrument.told import model_name
from ai_finops.instrument.usage import read


class CallHandle:
    """What a block or a function can say of the call that it is."""

    __slots__ = ("_run",)

    def __init__(self, run: Run | None) -> None:
        self._run = run

    @property
    def call(self) -> Call:
        """What is known of the call so far; an empty one where nothing is recorded."""
        return Call() if self._run is None else self._run.call

    def read(self, result: object) -> None:
        """Read usage and model out of a provider's answer, or take one event of a stream."""
        if self._run is None:
            return
        reading = read(result)
        if reading is not None:
            self._run.call.reading = reading
        elif not self._run.follows(result):
            self._run.event(result)

    def set_usage(self, **facts: object) -> None:
        """Say usage by hand: any field of `Reading`. A count that is none is left out, and counted as a loss."""
        if self._run is not None:
            self._run.call.reading = self._run.call.reading._replace(**_checked(facts))

    def set_model(self, name: str) -> None:
        """Say which model is asked."""
        if self._run is not None:
            self._run.call.request_model = model_name(name)

    def first_token(self) -> None:
        """Say that the answer begins to come in."""
        if self._run is not None and self._run.call.first_token_ns is None:
            self._run.call.first_token_ns = perf_counter_ns() - self._run._started


def current_call() -> CallHandle:
    """The call that is being recorded here; outside of any, a handle that does nothing."""
    return CallHandle(running())


def _checked(facts: dict[str, object]) -> dict[str, object]:
    kept = {}
    for name, value in facts.items():
        is_count = name.endswith(("_tokens", "_units", "_count"))
        fits = type(value) is int and value >= 0 if is_count else isinstance(value, str) and bool(value)
        if name in Reading._fields and (fits or value is None):
            kept[name] = value
        else:
            count_loss("usage_not_taken", detail=name[:50])
    return kept
