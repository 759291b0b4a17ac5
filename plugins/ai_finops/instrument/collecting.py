"""Whether this thread is in the middle of Python's cyclic garbage collection.

What the collector frees may end a call (a generator that was left), and it frees in the middle of anything: also while the
thread holds a lock of somebody else's that cannot be taken twice. Whatever takes locks is then left to another thread.
"""

from __future__ import annotations

import gc
from threading import get_ident

_collector: int | None = None


def is_collecting() -> bool:
    """Whether the caller was called by the collector."""
    return _collector is not None and _collector == get_ident()


def _note(phase: str, _info: dict[str, int]) -> None:
    global _collector
    _collector = get_ident() if phase == "start" else None


gc.callbacks.append(_note)
