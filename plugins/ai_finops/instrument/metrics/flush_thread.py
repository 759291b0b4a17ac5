"""A daemon thread that works at an interval, when asked to, and once more at the end."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 boto3 imports it, which fails once the process ends: so it is here before
import threading
import time
from collections.abc import Callable

from ai_finops.instrument.losses import count_loss

NAME = "ai-finops-metrics"


class FlushThread:
    """Runs `work`. It is started by the first `start`, so a process that records nothing has no thread."""

    def __init__(
        self,
        work: Callable[[bool], bool],
        *,
        interval_s: float,
        pause_s: Callable[[], float] = lambda: 0.0,
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        """Get ready; nothing runs yet.

        Args:
            work: Given whether this is the last time; returns whether all is done. Raises nothing that matters.
            interval_s: Between the end of one run and the beginning of the next.
            pause_s: Asked after a run: seconds that the next one waits at least, 0 for the interval.
            prepare: Run once in the thread, when it starts.
        """
        self._work, self._interval_s, self._pause_s, self._prepare = work, interval_s, pause_s, prepare
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._asked_count = self._done_count = 0
        self._is_all_done = True
        self._is_stopping = False

    @property
    def is_running(self) -> bool:
        """Whether the thread is there."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start the thread unless it runs or has been stopped. A system without room for a thread is a counted loss."""
        if self.is_running or self._is_stopping:
            return
        with self._condition:
            if self.is_running or self._is_stopping:
                return
            self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
            try:
                self._thread.start()
            except RuntimeError as error:
                self._thread = None
                failure = str(error)
            else:
                return
        count_loss("metrics_thread_not_started", detail=failure)

    def flush(self, timeout_s: float) -> bool:
        """Have it work now and wait for it; return whether all was done within the time."""
        return self._ask(timeout_s, is_stopping=False)

    def stop(self, timeout_s: float) -> bool:
        """Have it work a last time and end; return whether all was done within the time."""
        return self._ask(timeout_s, is_stopping=True)

    def _ask(self, timeout_s: float, *, is_stopping: bool) -> bool:
        with self._condition:
            self._is_stopping |= is_stopping
            if not self.is_running:
                return False
            self._asked_count += 1
            mine = self._asked_count
            self._condition.notify_all()
            is_in_time = self._condition.wait_for(lambda: self._done_count >= mine, timeout_s)
            return is_in_time and self._is_all_done

    def _run(self) -> None:
        self._safely(self._prepare)
        due = time.monotonic() + (self._pause_s() or self._interval_s)
        is_last = False
        while not is_last:
            with self._condition:
                self._condition.wait_for(self._is_wanted, max(0.0, due - time.monotonic()))
                serving, is_last = self._asked_count, self._is_stopping
            is_all_done = bool(self._safely(self._work, is_last))
            with self._condition:
                # Nobody comes after the last time, so those who asked during it have their answer too.
                self._done_count = self._asked_count if is_last else serving
                self._is_all_done = is_all_done
                self._condition.notify_all()
            due = time.monotonic() + (self._pause_s() or self._interval_s)

    def _is_wanted(self) -> bool:
        return self._asked_count > self._done_count or self._is_stopping

    def _safely(self, action: Callable[..., object], *arguments: bool) -> object:
        try:
            return action(*arguments)
        except Exception as error:  # noqa: BLE001 a thread that ends would let the buffer fill for ever
            count_loss("metrics_flush_failed", detail=f"{type(error).__name__}: {error}")
            return False
