"""For the tests of those who use the decorators: what was recorded, without a network, a thread or an SDK; or nothing at all.

    with recorded_calls() as calls:
        answer_ticket("Where is my card?")
    assert calls.one().feature_id == "support_answer"

`AI_FINOPS_INSTRUMENT=off` in the environment switches a whole test run off; `ai_finops.instrument.pytest_plugin` has a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import overload

from ai_finops.instrument.call import Call
from ai_finops.instrument.switch import capture_sinks, set_on


class RecordedCalls(Sequence[Call]):
    """The model calls that have ended since the block began, in the order in which they ended; of all threads and tasks.

    A decorated function that only holds decorated calls is a step and no call: it is in `steps`.
    """

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self.steps: list[Call] = []

    def add(self, call: Call) -> None:
        """Take one ended call; appending to a list is safe from every thread."""
        (self.steps if call.holds_calls else self._calls).append(call)

    def one(self) -> Call:
        """Return the only call; an AssertionError lists what there is otherwise."""
        if len(self._calls) != 1:
            raise AssertionError(f"one call was expected, and there are {len(self._calls)}: {self!r}")
        return self._calls[0]

    def of(self, feature: str | None) -> list[Call]:
        """Return the calls of a feature; None for those that nobody pays for."""
        return [call for call in self._calls if call.feature_id == feature]

    @property
    def features(self) -> set[str | None]:
        """Who was charged."""
        return {call.feature_id for call in self._calls}

    @property
    def gaps(self) -> list[str]:
        """Why usage or cost is not known, a word for each gap: an empty list says that everything was read."""
        return [gap for call in self._calls for gap in (call.usage_gap, call.cost_gap) if gap is not None]

    @overload
    def __getitem__(self, place: int) -> Call: ...
    @overload
    def __getitem__(self, place: slice) -> list[Call]: ...
    def __getitem__(self, place: int | slice) -> Call | list[Call]:
        return self._calls[place]

    def __len__(self) -> int:
        return len(self._calls)

    def __repr__(self) -> str:
        """One call a line, as a failing assert shows it."""
        return "\n".join(["[", *(f"  {call!r}," for call in list(self._calls)), "]"]) if self._calls else "[]"


@contextmanager
def recorded_calls() -> Iterator[RecordedCalls]:
    """Collect what the decorators of this process record while the block runs; metrics are given nothing meanwhile.

    It records also where `AI_FINOPS_INSTRUMENT=off` is set for the test run. Blocks may be nested: each gets all calls.
    """
    calls = RecordedCalls()
    with set_on(True), capture_sinks(calls):
        yield calls


def switched_off() -> AbstractContextManager[None]:
    """Record nothing while the block runs."""
    return set_on(False)
