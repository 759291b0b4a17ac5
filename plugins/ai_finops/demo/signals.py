"""Ctrl-C, a stop from outside and a closed terminal all unwind what was started, once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

_ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop_when_asked() -> None:
    """Let SIGINT, SIGTERM and SIGHUP unwind the stack, so that all that was started is stopped; also in a background job.

    Only the first counts: a second one would break off the stopping and leave processes behind. A hang-up that `nohup` has
    switched off stays off.
    """
    for number in _ASKED_TO_STOP:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in _ASKED_TO_STOP:
        signal.signal(each, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # nobody reads any more when the terminal is gone
        os.write(sys.stderr.fileno(), b"stopping what was started; this takes some seconds\n")
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
