"""Which queries have an earlier one like them: exactly, within a window, at several thresholds at once.

A pair is looked at in full only where it can matter. The vectors are turned to their principal axes; the product of two is at
most that of their first `_AXES` coordinates plus the product of the lengths of what is left (Cauchy-Schwarz). So a product
of matrices of a third of the width bounds all pairs of a block, and only those whose bound reaches the next threshold that the
query has not reached yet are multiplied out, in 64 bits. A query that has reached all thresholds is not looked at again. No
index is asked: every one that was tried was slower or missed 1 to 2 % of the neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Times = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int8]

_AXES = 80
"""Coordinates that bound a product. Fewer bound it loosely, and more cost more than they save; measured at 256 dimensions."""
_QUERIES = 512
_EARLIER = 1024
"""Rows and columns of a block: 2 MB of bounds stay in a core's cache."""
_SLACK = 1e-5
"""More than what rounding in 32 bits can take from a bound."""
_PAIRS = 8_192
"""Pairs that are multiplied out at once; 50 MB at 256 dimensions."""
_ROWS = 8_192
"""Rows that are turned to the principal axes at once."""


def repeats(keys: npt.NDArray[np.int64], asked_at: Times, *, window: int) -> npt.NDArray[np.bool_]:
    """Tell for each query whether an earlier one of the same key lies within the window.

    Args:
        keys: One number for each distinct text or fingerprint.
        asked_at: When, ascending, in any unit; of queries at one instant, the one that stands first is the earlier.
        window: In the same unit; an earlier query exactly so long ago is within it.
    """
    _check_times(asked_at, len(keys))
    order = np.argsort(keys, kind="stable")
    is_same = keys[order][1:] == keys[order][:-1]
    is_near = asked_at[order][1:] - asked_at[order][:-1] <= window
    found = np.zeros(len(keys), dtype=np.bool_)
    found[order[1:]] = is_same & is_near
    return found


def similarity_levels(
    vectors: Vectors,
    keys: npt.NDArray[np.int64],
    asked_at: Times,
    *,
    thresholds: Sequence[float],
    window: int,
    asked_first: int = 0,
) -> Levels:
    """Count for each query the thresholds that its most similar earlier query within the window reaches.

    Args:
        vectors: A row of length 1 for each query, or of zeros where its text has no known word.
        keys: As for `repeats`; equal keys have equal rows. A repeated query reaches every threshold without a product.
        asked_at: As for `repeats`.
        thresholds: Cosines, ascending; a product that equals one reaches it.
        window: As for `repeats`.
        asked_first: Row of the first query that is asked about; those before it are only held against, and count 0.

    Raises:
        ValueError: Lengths differ, times or thresholds do not ascend, or a row is neither of length 1 nor zero.
    """
    _check_times(asked_at, len(vectors))
    bounds = _bounds(thresholds)
    if not len(vectors):
        return np.zeros(0, dtype=np.int8)
    search = _Search.of(vectors, keys, asked_at, bounds, window)
    search.levels[:asked_first] = 0
    for first in range(asked_first, len(vectors), _QUERIES):
        search.look_back(first, min(first + _QUERIES, len(vectors)))
    return search.levels


def levels_against(others: Vectors, vectors: Vectors, *, thresholds: Sequence[float]) -> Levels:
    """Count for each query the thresholds that the most similar of other queries reaches, whenever these were asked.

    Args:
        others: Rows of length 1, or of zeros.
        vectors: Queries that are asked about, in rows as those; they are not held against each other.
        thresholds: Cosines, ascending; a product that equals one reaches it.

    Raises:
        ValueError: As for `similarity_levels`.
    """
    together = np.concatenate([others, vectors])
    # No key is there twice: what is the same has a product of 1 and needs none.
    keys, times = np.arange(len(together), dtype=np.int64), np.zeros(len(together), dtype=np.int64)
    bounds = _bounds(thresholds)
    if not len(others) or not len(vectors):
        return np.zeros(len(vectors), dtype=np.int8)
    search = _Search.of(together, keys, times, bounds, 0)
    for first in range(len(others), len(together), _QUERIES):
        search.look_at(np.arange(first, min(first + _QUERIES, len(together))), np.arange(len(others)))
    return search.levels[len(others) :]


@dataclass(slots=True)
class _Search:
    vectors: Vectors
    heads: Vectors
    """First coordinates on the principal axes, and the length of what is left."""
    bounds: npt.NDArray[np.float64]
    oldest: npt.NDArray[np.int64]
    """Of each query, the first row within its window."""
    next_same: npt.NDArray[np.int64]
    """Of each query, the next row of its key."""
    levels: Levels

    @classmethod
    def of(cls, vectors: Vectors, keys: np.ndarray, asked_at: Times, bounds: np.ndarray, window: int) -> _Search:
        count = len(vectors)
        order = np.argsort(keys, kind="stable")
        next_same = np.full(count, count, dtype=np.int64)
        is_same = keys[order][1:] == keys[order][:-1]
        next_same[order[:-1][is_same]] = order[1:][is_same]
        levels = np.where(repeats(keys, asked_at, window=window), len(bounds) - 1, 0).astype(np.int8)
        oldest = np.searchsorted(asked_at, asked_at - window, side="left")
        return cls(vectors, _heads(vectors), bounds, oldest, next_same, levels)

    def look_back(self, first: int, end: int) -> None:
        """Settle the queries `first` to `end`, against each other and against the blocks before them, the nearest first."""
        queries = np.arange(first, end)
        earlier = np.arange(self.oldest[first], first)
        # Of a text that was asked several times before, the last stands for all: it is in any window that one of them is in.
        self.look_at(queries, np.append(earlier[self.next_same[earlier] >= first], queries))

    def look_at(self, queries: np.ndarray, earlier: np.ndarray) -> None:
        """Settle queries against rows in ascending order, the last block first."""
        top = len(self.bounds) - 1
        for stop in range(len(earlier), 0, -_EARLIER):
            queries = queries[self.levels[queries] < top]
            if not len(queries):
                return
            self._compare(queries, earlier[max(stop - _EARLIER, 0) : stop])

    def _compare(self, queries: np.ndarray, earlier: np.ndarray) -> None:
        most = self.heads[queries] @ self.heads[earlier].T
        if earlier[-1] >= queries[0]:
            most[earlier[None, :] >= queries[:, None]] = -2
        if earlier[0] < self.oldest[queries[-1]]:
            most[earlier[None, :] < self.oldest[queries][:, None]] = -2
        wanted = (self.bounds[self.levels[queries]] - _SLACK).astype(np.float32)
        rows = np.nonzero(most.max(axis=1) >= wanted)[0]
        of_rows, columns = np.nonzero(most[rows] >= wanted[rows][:, None])
        ones, others = queries[rows[of_rows]], earlier[columns]
        for start in range(0, len(ones), _PAIRS):
            self._multiply_out(ones[start : start + _PAIRS], others[start : start + _PAIRS])

    def _multiply_out(self, ones: np.ndarray, others: np.ndarray) -> None:
        cosines = np.einsum("ij,ij->i", self.vectors[ones].astype(np.float64), self.vectors[others].astype(np.float64))
        np.maximum.at(self.levels, ones, np.searchsorted(self.bounds, cosines, side="right").astype(np.int8))


def _heads(vectors: Vectors) -> Vectors:
    """Return the coordinates that bound products, (n, axes + 1)."""
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    if not (np.isclose(lengths, 1, atol=1e-4) | (lengths == 0)).all():
        raise ValueError("a vector is neither of length 1 nor zero: normalise the embeddings first")
    sample = vectors[:: max(len(vectors) // 20_000, 1)].astype(np.float64)
    # Any axes bound a product; those of the sample bound it well.
    axes = np.linalg.eigh(sample.T @ sample)[1][:, ::-1][:, :_AXES].astype(np.float32)
    heads = np.empty((len(vectors), axes.shape[1] + 1), dtype=np.float32)
    for first in range(0, len(vectors), _ROWS):
        heads[first : first + _ROWS, :-1] = vectors[first : first + _ROWS] @ axes
    left = lengths.astype(np.float64) ** 2 - np.einsum("ij,ij->i", heads[:, :-1], heads[:, :-1], dtype=np.float64)
    # A little more than what is left: the axes are at right angles only as far as 32 bits say so.
    heads[:, -1] = np.sqrt(np.maximum(left, 0) + 1e-6)
    return heads


def _bounds(thresholds: Sequence[float]) -> npt.NDArray[np.float64]:
    bounds = np.append(np.asarray(thresholds, dtype=np.float64), np.inf)
    if (np.diff(bounds[:-1]) <= 0).any():
        raise ValueError(f"thresholds do not ascend: {list(thresholds)}")
    return bounds


def _check_times(asked_at: Times, count: int) -> None:
    if len(asked_at) != count:
        raise ValueError(f"{count} queries and {len(asked_at)} times")
    if (np.diff(asked_at) < 0).any():
        raise ValueError("times do not ascend: sort the queries first")
