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
    asked = asked.sort_by([(name, "ascending") for name in ("asked_at", "trace_id", "span_id", "feature_id")])
    count = len(asked)
    at = asked["asked_at"].cast(pa.int64()).to_numpy()
    keys = _keys(asked)
    is_repeat = np.zeros(count, dtype=np.bool_)
    is_compared = np.zeros(count, dtype=np.bool_)
    levels = np.zeros(count, dtype=np.int8)
    again: list[bool | None] = [None] * count
    for places in _groups(asked, ["feature_id"]):
        is_repeat[places] = repeats(keys[places], at[places], window=rules.window_s * SECOND)
        for place, found in zip(places, _asked_again(asked.take(pa.array(places)), keys[places], rules), strict=True):
            again[place] = found
    for places in _groups(asked, ["feature_id", "embedder_id"]):
        vectors, fits = _vectors(asked["embedding"].take(pa.array(places)))
        places = places[fits]
        is_compared[places] = True
        levels[places] = similarity_levels(
            vectors, keys[places], at[places], thresholds=rules.similarities, window=rules.window_s * SECOND
        )
    columns = _columns(asked, is_repeat, is_compared, levels, again, rules) | _prefix_columns(asked, at)
    measured = pa.table(columns | {"usage_date": asked["asked_at"].cast(pa.date32())})
    measured = measured.filter(pc.equal(measured["usage_date"], pa.scalar(day)))
    order = [(name, "ascending") for name in ("feature_id", "trace_id", "span_id")]
    return measured.select(QUERY_NEIGHBOURS.names).cast(QUERY_NEIGHBOURS).sort_by(order)


def _columns(
    asked: pa.Table,
    is_repeat: npt.NDArray[np.bool_],
    is_compared: npt.NDArray[np.bool_],
    levels: npt.NDArray[np.int8],
    again: Sequence[bool | None],
    rules: QueryRules,
) -> dict[str, Any]:
    has_text = pc.or_(pc.is_valid(asked["fingerprint"]), pc.is_valid(asked["embedding"])).to_numpy()
    reached = np.array([np.nan, *rules.similarities])[levels]
    same = {name: asked[name] for name in ("feature_id", "trace_id", "span_id", "evidence", "embedder_id", "asked_at")}
    return same | {
        "is_repeat": pa.array(is_repeat, mask=~has_text),
        "is_compared": pa.array(is_compared),
        "reached_similarity": pa.array(reached, mask=levels == 0),
        "is_asked_again": pa.array(
            [each if known else None for each, known in zip(again, has_text, strict=True)], pa.bool_()
        ),
    }


def _asked_again(asked: pa.Table, keys: npt.NDArray[np.int64], rules: QueryRules) -> list[bool | None]:
    embeddings = asked["embedding"].combine_chunks()
    vectors = [each.values.to_numpy() if each.is_valid else None for each in embeddings]
    return asked_again(
        asked["asker_id"].to_pylist(),
        keys,
        vectors,
        asked["embedder_id"].to_pylist(),
        asked["asked_at"].cast(pa.int64()).to_numpy(),
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


def _keys(asked: pa.Table) -> npt.NDArray[np.int64]:
    """Return a number for each distinct text: of a fingerprint, else of an embedding, else of the query alone."""
    seen: dict[Any, int] = {}
    fingerprints, embeddings = asked["fingerprint"].to_pylist(), asked["embedding"].combine_chunks()
    texts = (
        fingerprint or (embeddings[place].values.to_numpy().tobytes() if embeddings[place].is_valid else place)
        for place, fingerprint in enumerate(fingerprints)
    )
    return np.fromiter((seen.setdefault(text, len(seen)) for text in texts), np.int64, len(asked))


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


def _vectors(embeddings: pa.ChunkedArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return the embeddings as rows, and which have one of the length that most have."""
    lists = embeddings.combine_chunks()
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy()
    values, counts = np.unique(lengths[lengths > 0], return_counts=True)
    width = int(values[counts.argmax()]) if len(values) else 0
    fits = (lengths == width) & (lengths > 0)
    rows = lists.filter(pa.array(fits)).flatten().to_numpy(zero_copy_only=False)
    return rows.astype(np.float32, copy=False).reshape(int(fits.sum()), width), fits
