"""Following a stream in a test: what was told, and waiting for the end of one that was dropped."""

from __future__ import annotations

import threading
from typing import Any

from ai_finops.instrument.losses import losses
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.streams import StreamReading, follow


class Followed:
    """A stream being followed; `ends` are the errors that its end was told with."""

    def __init__(self, result: Any) -> None:
        self.events: list[Any] = []
        self.ends: list[BaseException | None] = []
        self.is_ended = threading.Event()
        self._reading = StreamReading()
        self._losses = losses()
        self.is_followed = follow(result, on_event=self._event, on_end=self._end)

    def _event(self, event: Any) -> None:
        self.events.append(event)
        self._reading.add(event)

    def _end(self, error: BaseException | None) -> None:
        self.ends.append(error)
        self.is_ended.set()

    @property
    def reading(self) -> Reading | None:
        assert losses() == self._losses
        return self._reading.reading()

    @property
    def end_names(self) -> list[str]:
        """The kinds of the ends, once there is one; empty if none came within five seconds."""
        self.is_ended.wait(5)
        return ["complete" if error is None else type(error).__name__ for error in self.ends]


def counts(reading: Reading | None) -> dict[str, int]:
    """What a reading counts, without what it does not know."""
    assert reading is not None
    names = [name for name in Reading._fields if name.endswith("_tokens") or name == "search_units"]
    return {name: getattr(reading, name) for name in names if getattr(reading, name) is not None}
