"""How much memory a call keeps, to the byte: what Python allocated and did not give back."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

TIMES = 5


def kept_by(call: Callable[[], object]) -> int:
    """Return the bytes that each of some calls keeps, after a first one that may fill caches."""
    call()
    tracemalloc.start()
    try:
        call()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(TIMES):
            call()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) // TIMES
