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

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ai_finops.analyse.neighbours import levels_against
from ai_finops.lake_schemas import QUERY_DRIFTS

MOST_ASKED = 1_000
MOST_HELD_AGAINST = 5_000
MOST_DRAWN = MOST_ASKED + MOST_HELD_AGAINST
"""Queries of a feature and week that are drawn at all."""

Query = Mapping[str, Any]
"""`feature_id`, `usage_date`, `place` (in the order of the draw, of its feature and week), `fingerprint`, `embedder_id` and
`embedding`."""


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
        drawn: Rows as `Query`, of both weeks.
        counts: Of the week, all its queries: feature_id, query_count, distinct_query_count.
        week_start_date: Monday, UTC.
        similarity: Cosine from which a query is covered.
    Returns:
        Rows of `QUERY_DRIFTS`, by feature; counts of coverage are NULL where the week before has no queries to hold against.
    """
    by_feature: dict[str, tuple[list[Query], list[Query]]] = defaultdict(lambda: ([], []))
    for query in sorted(drawn.to_pylist(), key=lambda query: query["place"]):
        by_feature[query["feature_id"]][query["usage_date"] < week_start_date].append(query)
    rows = []
    for count in sorted(counts.to_pylist(), key=lambda row: row["feature_id"]):
        now, before = by_feature[count["feature_id"]]
        space = _space_of(now)
        coverage = _cover(_in_space(space, now), _in_space(space, before), similarity=similarity if space else None)
        about = {"embedder_id": space.embedder_id, "similarity": similarity} if space else {}
        rows.append({**count, **about, **(asdict(coverage) if coverage else {}), "week_start_date": week_start_date})
    return pa.Table.from_pylist(rows, schema=QUERY_DRIFTS)


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _space_of(queries: Iterable[Query]) -> Space | None:
    """Return where most queries lie; None where none has an embedding."""
    spaces = Counter(Space(query["embedder_id"], len(query["embedding"])) for query in queries if query["embedding"])
    return min(spaces, key=lambda space: (-spaces[space], str(space))) if spaces else None


def _in_space(space: Space | None, queries: Sequence[Query]) -> list[Query]:
    """Return the queries that can be compared."""
    if space is None:
        return [query for query in queries if query["fingerprint"]]
    return [query for query in queries if query["embedding"] and _space_of([query]) == space]


def _cover(now: Sequence[Query], before: Sequence[Query], *, similarity: float | None) -> Coverage | None:
    """Hold up to half of the week against as many of the week before as there are others in the week."""
    asked_count = min(MOST_ASKED, len(now) // 2)
    asked, others = now[:asked_count], now[asked_count:]
    count = min(MOST_HELD_AGAINST, len(before), len(others))
    if not asked or not count:
        return None
    covered = (_covered_count(asked, held[:count], similarity=similarity) for held in (before, others))
    return Coverage(asked_count, count, *covered)


def _covered_count(asked: Sequence[Query], held: Sequence[Query], *, similarity: float | None) -> int:
    if similarity is None:
        known = {query["fingerprint"] for query in held}
        return sum(query["fingerprint"] in known for query in asked)
    vectors, others = (
        np.array([query["embedding"] for query in queries], dtype=np.float32) for queries in (asked, held)
    )
    return int((levels_against(others, vectors, thresholds=[similarity]) > 0).sum())
