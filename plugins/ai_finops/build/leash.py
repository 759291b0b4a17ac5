"""dbt ends with the task that started it, however that died: else it would go on writing what the next attempt opens.

The task holds one end of a pipe and its process the other; the end of the pipe means that the task is gone, by SIGKILL too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_VARIABLE = "AI_FINOPS_LEASH"


@contextmanager
def leash() -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Hold a leash; yield what the process on it gets: environment variables and open files (`pass_fds`)."""
    ours_to_read, ours_to_hold = os.pipe()
    try:
        yield {_VARIABLE: str(ours_to_read)}, (ours_to_read,)
    finally:
        os.close(ours_to_read)
        os.close(ours_to_hold)


def follow() -> None:
    """End this process at once when the holder of its leash is gone; without a leash do nothing."""
    handle = os.environ.pop(_VARIABLE, "")
    if handle:
        threading.Thread(target=_end_with_holder, args=(int(handle),), daemon=True).start()


def _end_with_holder(handle: int) -> None:
    with suppress(OSError):
        while os.read(handle, 1024):
            pass
    os._exit(1)
