"""One line a step, with the time since the start and the time the step took."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """Prints steps as they finish; the clock only ever measures, it decides nothing."""

    write: Callable[[str], None] = lambda line: print(line, flush=True)
    _started: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Time a step; what is passed to the yielded function is added to its line."""
        notes: list[str] = []
        begun = time.monotonic()
        try:
            yield notes.append
        except BaseException:
            self._line(title, begun, ["stopped here"])
            raise
        self._line(title, begun, notes)

    def detail(self, text: str, seconds: float) -> None:
        """Print one part of a step that is still going on."""
        self.write(f"           · {text} ({seconds:.1f} s)")

    def _line(self, title: str, begun: float, notes: list[str]) -> None:
        now = time.monotonic()
        note = f": {'; '.join(notes)}" if notes else ""
        self.write(f"[{now - self._started:6.1f} s] {title}{note} ({now - begun:.1f} s)")
