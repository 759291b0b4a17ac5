"""How much of a prompt an earlier one began with: what a provider's prompt cache could have read instead of computing.

A prompt is a list of numbers, one for each block of its tokens, each a hash of the prompt up to the end of the block. So
two prompts share exactly their first blocks with equal numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt


def reusable_block_counts(
    prompts: Sequence[Sequence[int]],
    asked_at: Sequence[int],
    scopes: Sequence[Hashable],
    *,
    lifetimes: Sequence[int],
) -> npt.NDArray[np.int64]:
    """Count for each prompt the first blocks that an earlier one of its scope had, for several lifetimes of a cache.

    Args:
        prompts: Blocks of each prompt, in order.
        asked_at: When, ascending, in any unit; of prompts at one instant the one that stands first is the earlier.
        scopes: What a cache is kept for, such as a model; prompts of different scopes share nothing.
        lifetimes: In the unit of `asked_at`. A block is held so long after it was last written or read, the end included.
    Returns:
        One row for each prompt, one column for each lifetime.
    Raises:
        ValueError: Times do not ascend.
    """
    counts = np.zeros((len(prompts), len(lifetimes)), dtype=np.int64)
    last_used: dict[tuple[Hashable, int], int] = {}
    before = asked_at[0] if len(asked_at) else 0
    for row, (blocks, now, scope) in enumerate(zip(prompts, asked_at, scopes, strict=True)):
        if now < before:
            raise ValueError("times do not ascend: sort the prompts first")
        before = now
        ages = _leading_ages(blocks, now=now, scope=scope, last_used=last_used)
        for column, lifetime in enumerate(lifetimes):
            counts[row, column] = _leading_count(ages, lifetime)
        for block in blocks:
            last_used[scope, block] = now
    return counts


def _leading_ages(
    blocks: Sequence[int], *, now: int, scope: Hashable, last_used: dict[tuple[Hashable, int], int]
) -> list[int]:
    """Return how long ago each of the first blocks was used, up to the first that was not."""
    ages = []
    for block in blocks:
        used = last_used.get((scope, block))
        if used is None:
            break
        ages.append(now - used)
    return ages


def _leading_count(ages: Sequence[int], lifetime: int) -> int:
    return next((count for count, age in enumerate(ages) if age > lifetime), len(ages))
