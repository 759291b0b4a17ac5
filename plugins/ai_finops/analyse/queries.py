"""What a cache could have answered on a day: for each query, how like it an earlier one was, and what of its prompt was known.

Queries of one feature are held against each other, and embeddings of one embedder: the same cosine means another thing in
another space. Cosines are exact (`neighbours.py`), times too: a window of 24 hours crosses midnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.analyse.asked_again import asked_again
from ai_finops.analyse.neighbours import repeats, similarity_levels
from ai_finops.analyse.prompt_prefixes import reusable_block_counts
from ai_finops.lake_schemas import QUERY_NEIGHBOURS

SECOND = 1_000_000
PREFIX_LIFETIMES = {"5m": 300, "1h": 3600, "24h": 86_400}
"""Seconds that providers keep a prompt's prefix, by the names that they give them."""


@dataclass(frozen=True, slots=True)
class QueryRules:
    """What people decided of the measures; seeds `cache_similarities` and `reporting_bounds`."""

    similarities: tuple[float, ...]
    """Cosines of the curve, ascending."""
    window_s: int
    """How long an answer is kept."""
    asked_again_window_s: int
    asked_again_similarity: float


def measure_day(asked: pa.Table, *, day: date, rules: QueryRules) -> pa.Table:
    """Measure the queries of a day against those before them.

    Args:
        asked: Queries of the day and of the one before: feature_id, trace_id, span_id, evidence, fingerprint, embedder_id,
            embedding, prompt_blocks, prompt_block_tokens, model_id, asker_id, asked_at. One row for each query and feature.
        day: UTC.
    Returns:
        Rows of `QUERY_NEIGHBOURS` for the queries that were asked on the day, by feature, trace and span.
    """
    order = pc.sort_indices(asked, [(name, "ascending") for name in ("asked_at", "trace_id", "span_id", "feature_id")])
    # Vectors leave the table at once: they are nearly all of it, and each copy of theirs is the size of the day.
    spaces = _Spaces.of(asked.select(["embedder_id", "embedding"]), order)
    asked = asked.drop_columns(["embedding"]).take(order)
    at = asked["asked_at"].cast(pa.int64()).to_numpy()
    is_of_day = pc.equal(asked["asked_at"].cast(pa.date32()), pa.scalar(day)).to_numpy()
    keys = _keys(asked["fingerprint"].to_pylist(), spaces)
    is_repeat = np.zeros(len(asked), dtype=np.bool_)
    levels = np.zeros(len(asked), dtype=np.int8)
    for places in _groups(asked, ["feature_id"]):
        is_repeat[places] = repeats(keys[places], at[places], window=rules.window_s * SECOND)
    for places in _groups(asked, ["feature_id", "embedder_id"]):
        places = places[spaces.has_vector[places]]
        if len(places):
            levels[places] = similarity_levels(
                spaces.vectors(places),
                keys[places],
                at[places],
                thresholds=rules.similarities,
                window=rules.window_s * SECOND,
                asked_first=int(np.searchsorted(is_of_day[places], True)),
            )
    columns = _columns(asked, is_repeat, levels, _asked_again(asked, keys, at, spaces, rules), spaces, rules)
    measured = pa.table(columns | _prefix_columns(asked, at)).filter(pa.array(is_of_day))
    ids = [(name, "ascending") for name in ("feature_id", "trace_id", "span_id")]
    return measured.select(QUERY_NEIGHBOURS.names).cast(QUERY_NEIGHBOURS).sort_by(ids)


@dataclass(frozen=True, slots=True)
class _Spaces:
    """The embeddings of queries: of each embedder a matrix, and of each query its row."""

    matrices: dict[str | None, npt.NDArray[np.float32]]
    embedder_ids: list[str | None]
    rows: npt.NDArray[np.int64]
    """-1 where a query has none, or one of another length than most of its embedder."""

    @classmethod
    def of(cls, told: pa.Table, order: pa.Array) -> _Spaces:
        """Take embedder_id and embedding of queries, and the order in which these are looked at."""
        ordered = pa.table({"embedder_id": told["embedder_id"].take(order)})
        rows = np.full(len(told), -1, dtype=np.int64)
        matrices = {}
        for places in _groups(ordered, ["embedder_id"]):
            matrix, fits = _matrix(told["embedding"].take(order.take(pa.array(places))).combine_chunks())
            rows[places[fits]] = np.arange(len(matrix))
            matrices[ordered["embedder_id"][int(places[0])].as_py()] = matrix
        return cls(matrices, ordered["embedder_id"].to_pylist(), rows)

    @property
    def has_vector(self) -> npt.NDArray[np.bool_]:
        """Which queries have a vector."""
        return self.rows >= 0

    def vector(self, place: int) -> npt.NDArray[np.float32] | None:
        """Return the vector of a query."""
        row = self.rows[place]
        return self.matrices[self.embedder_ids[place]][row] if row >= 0 else None

    def vectors(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the vectors of queries of one embedder, all of which have one."""
        matrix, rows = self.matrices[self.embedder_ids[places[0]]], self.rows[places]
        # Rows are in the order of the queries: those of the only feature are a slice, and no copy.
        return matrix[rows[0] : rows[-1] + 1] if rows[-1] - rows[0] + 1 == len(rows) else matrix[rows]


def _columns(
    asked: pa.Table,
    is_repeat: npt.NDArray[np.bool_],
    levels: npt.NDArray[np.int8],
    again: Sequence[bool | None],
    spaces: _Spaces,
    rules: QueryRules,
) -> dict[str, Any]:
    has_text = pc.is_valid(asked["fingerprint"]).to_numpy() | spaces.has_vector
    reached = np.array([np.nan, *rules.similarities])[levels]
    same = {name: asked[name] for name in ("feature_id", "trace_id", "span_id", "evidence", "embedder_id", "asked_at")}
    return same | {
        "is_repeat": pa.array(is_repeat, mask=~has_text),
        "is_compared": pa.array(spaces.has_vector),
        "reached_similarity": pa.array(reached, mask=levels == 0),
        "is_asked_again": pa.array(
            [each if known else None for each, known in zip(again, has_text, strict=True)], pa.bool_()
        ),
        "usage_date": asked["asked_at"].cast(pa.date32()),
    }


def _asked_again(
    asked: pa.Table,
    keys: npt.NDArray[np.int64],
    at: npt.NDArray[np.int64],
    spaces: _Spaces,
    rules: QueryRules,
) -> list[bool | None]:
    names = zip(asked["feature_id"].to_pylist(), asked["asker_id"].to_pylist(), strict=True)
    return asked_again(
        [None if asker is None else (feature, asker) for feature, asker in names],
        keys,
        spaces.vector,
        spaces.embedder_ids,
        at,
        window=rules.asked_again_window_s * SECOND,
        similarity=rules.asked_again_similarity,
    )


def _prefix_columns(asked: pa.Table, at: np.ndarray) -> dict[str, Any]:
    """Return tokens of the prompts in whole blocks, and of these how many an earlier prompt of the model began with."""
    is_told = pc.and_(pc.is_valid(asked["prompt_blocks"]), pc.is_valid(asked["prompt_block_tokens"])).to_numpy()
    # A query that stands in two features is one prompt.
    _, first = np.unique(
        np.array([f"{trace} {span}" for trace, span in zip(*_ids(asked), strict=True)], dtype=object), return_index=True
    )
    places = np.sort(first[is_told[first]]) if len(first) else first
    blocks = asked["prompt_blocks"].take(pa.array(places)).to_pylist()
    tokens = asked["prompt_block_tokens"].take(pa.array(places)).to_pylist()
    scopes = list(zip(asked["model_id"].take(pa.array(places)).to_pylist(), tokens, strict=True))
    lifetimes = [seconds * SECOND for seconds in PREFIX_LIFETIMES.values()]
    counts = reusable_block_counts(blocks, at[places].tolist(), scopes, lifetimes=lifetimes)
    prompt, reusable = np.zeros(len(asked), np.int64), np.zeros((len(asked), len(lifetimes)), np.int64)
    prompt[places] = [len(each) * size for each, size in zip(blocks, tokens, strict=True)]
    reusable[places] = counts * np.array(tokens, np.int64).reshape(-1, 1)
    unknown = np.ones(len(asked), dtype=np.bool_)
    unknown[places] = False
    columns = {"prompt_block_tokens": pa.array(prompt, mask=unknown)}
    for column, name in enumerate(PREFIX_LIFETIMES):
        columns[f"reusable_{name}_tokens"] = pa.array(reusable[:, column], mask=unknown)
    return columns


def _ids(asked: pa.Table) -> tuple[list[str], list[str]]:
    return asked["trace_id"].to_pylist(), asked["span_id"].to_pylist()


def _keys(fingerprints: Sequence[str | None], spaces: _Spaces) -> npt.NDArray[np.int64]:
    """Return a number for each distinct text: of a fingerprint, else of an embedding, else of the query alone."""
    seen: dict[Any, int] = {}
    texts = (
        fingerprint or (place if (vector := spaces.vector(place)) is None else vector.tobytes())
        for place, fingerprint in enumerate(fingerprints)
    )
    return np.fromiter((seen.setdefault(text, len(seen)) for text in texts), np.int64, len(fingerprints))


def _groups(asked: pa.Table, names: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """Return the places of each group of rows, in their order."""
    codes = [
        asked[name].combine_chunks().dictionary_encode(null_encoding="encode").indices.to_numpy() for name in names
    ]
    if not len(asked):
        return []
    _, group = np.unique(np.stack(codes), axis=1, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group.ravel()[order])) + 1)


def _matrix(lists: pa.Array) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return the embeddings as rows, and which have one, of the length that most have."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    values, counts = np.unique(lengths[lengths > 0], return_counts=True)
    width = int(values[counts.argmax()]) if len(values) else 0
    fits = (lengths == width) & (lengths > 0)
    rows = (lists if fits.all() else lists.filter(pa.array(fits))).flatten().to_numpy(zero_copy_only=False)
    return rows.astype(np.float32, copy=False).reshape(int(fits.sum()), width), fits
