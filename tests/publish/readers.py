"""Readers that go on reading while builds are published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from typing import Any


class Readers:
    """Threads that read until they are told to end, and keep what they saw."""

    def __init__(self, ways: Sequence[Callable[[Any], set[int]]], *, connect: Callable[[], Any] = nullcontext) -> None:
        self.seen: dict[str, list[set[int]]] = {_name(way): [] for way in ways}
        self.errors: list[str] = []
        self._turns = threading.Condition()
        self._is_over = False
        self._threads = [threading.Thread(target=self._read, args=(connect, way)) for way in ways]

    def _read(self, connect: Callable[[], Any], way: Callable[[Any], set[int]]) -> None:
        try:
            with connect() as session:
                while not self._is_over:
                    found = way(session)
                    with self._turns:
                        self.seen[_name(way)].append(found)
                        self._turns.notify_all()
                    time.sleep(0.001)  # or the readers would keep the writer, in the same interpreter, from its work
        except Exception as error:  # noqa: BLE001 - any error at all is what the test looks for
            self.errors.append(f"{_name(way)}: {error!r}")
            with self._turns:
                self._turns.notify_all()

    def wait_for(self, number: int) -> None:
        """Wait until every reader has seen a build."""

        def is_seen() -> bool:
            return bool(self.errors) or all(any(number in each for each in own) for own in self.seen.values())

        with self._turns:
            assert self._turns.wait_for(is_seen, timeout=60), f"build {number} is not seen: {self.seen}"

    def require_whole_builds(self, build_count: int) -> None:
        """Require that no reader saw an error, two builds at once, a build older than one before, or too few of them."""
        assert not self.errors, self.errors
        for way, seen in self.seen.items():
            assert all(len(found) == 1 for found in seen), (
                f"{way} saw a mix: {[found for found in seen if len(found) != 1]}"
            )
            order = [number for found in seen for number in found]
            assert order == sorted(order), way
            assert set(order) == set(range(1, build_count + 1)), way

    def require_builds_in_order(self, *, whole: Collection[str]) -> None:
        """Require that no reader saw an error, an older build after a newer one, or more of two builds than a swap may show.

        A statement that is being planned, or a transaction that is open, while a schema takes the name of another can see both,
        once (docs/querying.md). The ways named in `whole` cannot.
        """
        assert not self.errors, self.errors
        for way, seen in self.seen.items():
            order = [number for found in seen for number in sorted(found)]
            assert order and order == sorted(order), way
            mixes = [tuple(sorted(found)) for found in seen if len(found) != 1]
            assert way not in whole or not mixes, f"{way} saw a mix: {mixes}"
            assert all(len(mix) == 2 and mix[1] == mix[0] + 1 for mix in mixes), (
                f"{way} saw what no swap shows: {mixes}"
            )
            assert len(mixes) == len(set(mixes)), f"{way} saw a mix twice: {mixes}"

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True  # also when the test fails, or its threads would go on
        for thread in self._threads:
            thread.join()


def _name(way: Callable[[Any], set[int]]) -> str:
    return getattr(way, "func", way).__name__
