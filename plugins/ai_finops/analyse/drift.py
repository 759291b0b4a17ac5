"""How far the queries of a week are those of the week before: what a model trained on the one would meet in the other.

**Covered** is a query with one of the week before at the similarity or more. How many are, depends on how many it is held
against; so the same queries are also held against *as many others of their own week*. Where queries drift, the week covers
more of itself than the week before does: drift = 1 − covered ÷ covered by its own week, and nothing where they are the same
kind of queries.

Queries are drawn by a hash of their ids, so the same lake gives the same ones: up to 1,000 are asked about, and up to 5,000
of either week are held against. Embeddings of one embedder are compared, that of most of the week's queries; where none is
known, texts by their fingerprints, and then a query is covered by the same text alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.analyse.neighbours import levels_against
from ai_finops.lake_schemas import QUERY_DRIFTS

MOST_ASKED = 1_000
MOST_HELD_AGAINST = 5_000
MOST_DRAWN = MOST_ASKED + MOST_HELD_AGAINST
"""Queries of a feature and week that are drawn at all."""


class Space(NamedTuple):
    """Where embeddings can be held against each other."""

    embedder_id: str | None
    dimension_count: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of `asked_count` queries, how many have one at the similarity in the week before, and among as many of their own week."""

    asked_count: int
    reference_count: int
    covered_count: int
    self_covered_count: int


def measure_week(drawn: pa.Table, *, counts: pa.Table, week_start_date: date, similarity: float) -> pa.Table:
    """Measure the drift of a week's queries against those of the week before.

    Args:
        drawn: Queries of both weeks: feature_id, usage_date, place (in the order of the draw, of its feature and week),
            fingerprint, embedder_id, embedding.
        counts: Of the week, all its queries: feature_id, query_count, distinct_query_count.
        week_start_date: Monday, UTC.
        similarity: Cosine from which a query is covered.
    Returns:
        Rows of `QUERY_DRIFTS`, by feature; counts of coverage are NULL where the week before has no queries to hold against.
    """
    drawn = drawn.sort_by("place")
    is_before = pc.less(drawn["usage_date"], pa.scalar(week_start_date))
    rows = []
    for count in sorted(counts.to_pylist(), key=lambda row: row["feature_id"]):
        is_feature = pc.equal(drawn["feature_id"], count["feature_id"])
        now = drawn.filter(pc.and_(is_feature, pc.invert(is_before)))
        before = drawn.filter(pc.and_(is_feature, is_before))
        space = _space_of(now)
        coverage = _cover(_in_space(space, now), _in_space(space, before), similarity=similarity if space else None)
        about = {"embedder_id": space.embedder_id, "similarity": similarity} if space else {}
        rows.append({**count, **about, **(asdict(coverage) if coverage else {}), "week_start_date": week_start_date})
    return pa.Table.from_pylist(rows, schema=QUERY_DRIFTS)


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _space_of(queries: pa.Table) -> Space | None:
    """Return where most queries lie; None where none has an embedding."""
    lengths = pc.list_value_length(queries["embedding"]).to_pylist()
    spaces = Counter(map(Space, queries["embedder_id"].to_pylist(), lengths))
    known = {space: count for space, count in spaces.items() if space.dimension_count}
    return min(known, key=lambda space: (-known[space], str(space))) if known else None


def _in_space(space: Space | None, queries: pa.Table) -> pa.Table:
    """Return the queries that can be compared."""
    if space is None:
        return queries.filter(pc.is_valid(queries["fingerprint"]))
    is_there = pc.equal(pc.list_value_length(queries["embedding"]), space.dimension_count)
    name = pc.fill_null(queries["embedder_id"], "")
    return queries.filter(pc.and_(is_there, pc.equal(name, space.embedder_id or "")))


def _cover(now: pa.Table, before: pa.Table, *, similarity: float | None) -> Coverage | None:
    """Hold up to half of the week against as many of the week before as there are others in the week."""
    asked_count = min(MOST_ASKED, len(now) // 2)
    asked, others = now.slice(0, asked_count), now.slice(asked_count)
    count = min(MOST_HELD_AGAINST, len(before), len(others))
    if not asked_count or not count:
        return None
    covered = (_covered_count(asked, held.slice(0, count), similarity=similarity) for held in (before, others))
    return Coverage(asked_count, count, *covered)


def _covered_count(asked: pa.Table, held: pa.Table, *, similarity: float | None) -> int:
    if similarity is None:
        return pc.sum(pc.is_in(asked["fingerprint"], held["fingerprint"])).as_py()
    return int((levels_against(_vectors(held), _vectors(asked), thresholds=[similarity]) > 0).sum())


def _vectors(queries: pa.Table) -> npt.NDArray[np.float32]:
    """Return the embeddings as rows; all are of one length."""
    values = pc.list_flatten(queries["embedding"]).to_numpy()
    return values.astype(np.float32, copy=False).reshape(len(queries), -1)
