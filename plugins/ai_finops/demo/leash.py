"""Run a command on a leash: it and its children end when whoever started it is gone, however that one died.

    python -m ai_finops.demo.leash COMMAND...

Standard input is the leash: its end means that the holder is gone, be it by SIGKILL. The command runs in the leash's own
process group, which the holder made, so that one signal reaches all of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

GRACE_SECONDS = 2.0
"""After the holder is gone nobody waits for an orderly end."""


def leashed(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` on a leash; start it with a pipe as standard input and as a new session."""
    return [sys.executable, "-m", "ai_finops.demo.leash", *command]


def run(command: Sequence[str]) -> int:
    """Run the command until it ends; return its exit code. Never returns when the leash is let go."""
    # A handler, unlike SIG_IGN, is not inherited: the command gets the signals of its group and ends, and we report how.
    signal.signal(signal.SIGTERM, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_holder, daemon=True).start()
    return child.wait()


def _end_with_holder() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):  # not through sys.stdin, whose lock a thread must not hold when Python ends
            pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    code = run(sys.argv[1:])
    sys.exit(code if code >= 0 else 128 - code)
