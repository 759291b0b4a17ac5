"""What a cache of answers would have done on each day, as a curve over how alike queries have to be: hits, right ones, money.

The same figures as `fct_daily_cache_opportunities`, which dbt makes in phase 2, when levers have been found already; data test
`assert_cache_savings_meet_the_curve` holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from ai_finops.analyse.agreement import wilson_interval
from ai_finops.analyse.schemas import CACHE_CURVES, to_money, to_table

SAME_TEXT = 1.0
"""Similarity of a query to itself; no embedder is asked for it."""
NO_EMBEDDER = "none"


class Precision(NamedTuple):
    """Share of hits whose answer is right, and the ends of its 95 % interval."""

    share: float
    low: float
    high: float


CERTAIN = Precision(1.0, 1.0, 1.0)


@dataclass(slots=True)
class _Point:
    """One day, feature, embedder and similarity; right hits and savings are share, low and high."""

    query_count: int = 0
    query_cost_usd: float = 0.0
    hit_count: int = 0
    hit_cost_usd: float = 0.0
    right: tuple[float, float, float] = (0.0, 0.0, 0.0)
    saved: tuple[float, float, float] = (0.0, 0.0, 0.0)
    is_calibrated: bool = True

    def add(self, band: Mapping[str, Any], *, is_hit: bool, precision: Precision | None) -> None:
        count, cost = band["query_count"], float(band["allocated_cost_usd"])
        self.query_count += count
        self.query_cost_usd += cost
        if not is_hit:
            return
        self.hit_count += count
        self.hit_cost_usd += cost
        if precision is None:
            self.is_calibrated = False
            return
        self.right = tuple(sum_ + count * share for sum_, share in zip(self.right, precision, strict=True))
        self.saved = tuple(sum_ + cost * share for sum_, share in zip(self.saved, precision, strict=True))


def curves(bands: pa.Table, *, calibrations: pa.Table, similarities: Sequence[float]) -> pa.Table:
    """Return the curve of each day and feature, in the columns of `schemas.CACHE_CURVES`.

    Args:
        bands: Queries and their cost by usage_date, feature_id, embedder_id, reached_similarity, is_compared and is_repeat.
        calibrations: Seed `cache_calibrations`: embedder_id, similarity, pair_count, right_count.
        similarities: Of seed `cache_similarities`.
    """
    precisions = {
        (row["embedder_id"], row["similarity"]): Precision(
            row["right_count"] / row["pair_count"], *wilson_interval(row["right_count"], sample_count=row["pair_count"])
        )
        for row in calibrations.to_pylist()
    }
    points: dict[tuple, _Point] = defaultdict(_Point)
    for band in bands.to_pylist():
        day = (band["usage_date"], band["feature_id"])
        points[*day, NO_EMBEDDER, SAME_TEXT].add(band, is_hit=band["is_repeat"], precision=CERTAIN)
        if not band["is_compared"]:
            continue
        reached = (band["embedder_id"], band["reached_similarity"])
        precision = CERTAIN if band["is_repeat"] else precisions.get(reached)
        for similarity in similarities:
            is_hit = band["is_repeat"] or band["reached_similarity"] >= similarity
            points[*day, band["embedder_id"], similarity].add(band, is_hit=is_hit, precision=precision)
    return to_table(_rows(points), schema=CACHE_CURVES)


def _rows(points: Mapping[tuple, _Point]) -> Iterator[dict[str, Any]]:
    for key in sorted(points):
        point = points[key]
        known = point.is_calibrated
        right, saved = (point.right, point.saved) if known else ((None,) * 3, (None,) * 3)
        yield {
            **dict(zip(("usage_date", "feature_id", "embedder_id", "similarity"), key, strict=True)),
            "query_count": point.query_count,
            "hit_count": point.hit_count,
            "query_cost_usd": to_money(point.query_cost_usd),
            "hit_cost_usd": to_money(point.hit_cost_usd),
            **dict(zip(("right_hit_count", "low_right_hit_count", "high_right_hit_count"), right, strict=True)),
            **{
                f"{end}saved_cost_usd": None if value is None else to_money(value)
                for end, value in zip(("", "low_", "high_"), saved, strict=True)
            },
            "is_calibrated": known,
        }
