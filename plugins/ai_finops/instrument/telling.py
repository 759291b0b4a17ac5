"""A thread that tells what must not be told where it was noticed.

The garbage collector frees a stream or a generator in the middle of anything, under any lock of the thread that it runs in:
the user's own, a metrics client's, the log's. What follows from that is therefore done on a thread that holds none.
"""

from __future__ import annotations

import _thread
import atexit
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue

from ai_finops.instrument.losses import count_loss

MOST_WAITING = 10_000
"""Actions that wait; each holds one ended call."""
EXIT_TIMEOUT_S = 2.0
UNTOLD = "end_untold"

Action = Callable[[], object]

# Nothing that `tell_later` touches is a lock that it waits for: the queue is made for use in destructors.
_waiting: SimpleQueue[Action] = SimpleQueue()
_untold: deque[None] = deque(maxlen=1_000_000)
"""One for each action that did not fit; counted by the teller, since counting takes a lock and logs."""
_started = _thread.allocate_lock()
"""Held from when the thread was started; never waited for."""
_teller_id: int | None = None
_is_over = False


def tell_later(action: Action) -> None:
    """Do `action` soon, in order, on the teller's thread. Never raises, never blocks, may be called by the collector.

    What does not fit, or comes after the end of the process has begun, is counted as loss `end_untold`.
    """
    try:
        if _is_over:
            if not sys.is_finalizing():  # then nobody can ask for the count, and a lock may never be released
                count_loss(UNTOLD, detail="after exit")
            return
        if _waiting.qsize() >= MOST_WAITING:
            _untold.append(None)
            return
        _waiting.put(action)
        start_teller()
    except Exception:  # noqa: BLE001, S110 - whoever calls is in a destructor, where even counting is not safe
        pass


def start_teller() -> None:
    """Start the thread, unless it was: with the module below `threading`, whose own start takes locks and waits."""
    if _started.locked() or not _started.acquire(blocking=False):
        return
    try:
        atexit.register(_finish_at_exit)  # here, so that it runs before what was set up earlier shuts down
        _thread.start_new_thread(_tell, (_waiting,))
    except BaseException:
        _started.release()  # the next call tries again
        raise


def finish_telling(timeout_s: float) -> bool:
    """Wait until everything that was said by now is told; return whether it is."""
    if _teller_id == _thread.get_ident():
        return False
    if not _started.locked():
        _tell_rest()
        return True
    told = threading.Event()
    _waiting.put(told.set)
    return told.wait(timeout_s)


def _tell(waiting: SimpleQueue[Action]) -> None:
    global _teller_id
    _teller_id = _thread.get_ident()
    threading.current_thread().name = "ai-finops-teller"
    while True:
        _do(waiting.get())


def _do(action: Action) -> None:
    try:
        action()
        _count_untold()
    except BaseException as error:  # noqa: BLE001 - the thread goes on
        count_loss(UNTOLD, detail=type(error).__name__)


def _count_untold() -> None:
    if _untold:
        count = 0
        while _untold:
            _untold.pop()
            count += 1
        count_loss(UNTOLD, count=count, detail=f"more than {MOST_WAITING} waited")


def _tell_rest() -> None:
    try:
        while True:
            _do(_waiting.get_nowait())
    except Empty:
        _count_untold()


def _finish_at_exit() -> None:
    """At exit: tell what waits, on this thread where the teller hangs."""
    global _is_over
    finish_telling(EXIT_TIMEOUT_S)
    _is_over = True
    _tell_rest()


def _forget_in_child() -> None:
    """After a fork: the thread is not there, and what waits is the parent's to tell."""
    global _waiting, _untold, _started, _teller_id
    atexit.unregister(_finish_at_exit)  # it is registered again, after what the child sets up
    _waiting, _untold, _started = SimpleQueue(), deque(maxlen=_untold.maxlen), _thread.allocate_lock()
    _teller_id = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
