"""Streams: interim."""

from ai_finops.instrument.reading import Reading
from ai_finops.instrument.usage import read


class StreamReading:
    def __init__(self) -> None:
        self._last: Reading | None = None

    def add(self, event: object) -> None:
        self._last = read(event) or self._last

    def reading(self) -> Reading | None:
        return self._last


def follow(result, *, on_event, on_end) -> bool:
    return False
