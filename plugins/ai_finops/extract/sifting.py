"""Find the items that cannot be read among many that are read at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def sift(
    items: Sequence[Item], *, attempt: Callable[[Sequence[Item]], object], errors: tuple[type[Exception], ...]
) -> tuple[list[Item], list[tuple[Item, type[Exception]]]]:
    """Give items to `attempt`, all together and then in ever smaller parts, until those that it refuses stand alone.

    Each item is in just one part that was accepted, or is refused. Few refused ones among many take few attempts.

    Args:
        attempt: Refuses a part by raising one of `errors`, and then has done nothing.
    Returns:
        The accepted items in their order, and each refused one with the kind of its error: an error itself would hold on to
        what was in memory when it was raised.
    """
    if not items:
        return [], []
    try:
        attempt(items)
    except errors as error:
        if len(items) == 1:
            return [], [(items[0], type(error))]
    else:
        return list(items), []
    middle = len(items) // 2
    first, second = (sift(part, attempt=attempt, errors=errors) for part in (items[:middle], items[middle:]))
    return first[0] + second[0], first[1] + second[1]


def batched(lines: Iterable[bytes], *, most_bytes: int) -> Iterator[list[bytes]]:
    """Yield lines in groups of at most so many bytes; a line that is longer stands alone."""
    batch, size = [], 0
    for line in lines:
        if batch and size + len(line) > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch
