"""Shadow comparisons: how often a candidate model did no worse than the model in use, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import pyarrow as pa

Z_95 = NormalDist().inv_cdf(0.975)


class Route(NamedTuple):
    """What a comparison is about: calls of one task type, moved from one model to another."""

    task_type: str
    baseline_model_id: str
    candidate_model_id: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Comparisons in which the candidate did no worse, of all, with the 95 % Wilson interval of that share."""

    no_worse_count: int
    sample_count: int

    @property
    def ratio(self) -> float:
        """Share of comparisons in which the candidate did no worse; there is at least one."""
        return self.no_worse_count / self.sample_count

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end of the share's 95 % Wilson interval."""
        return wilson_interval(self.no_worse_count, sample_count=self.sample_count)


def wilson_interval(successes: int, *, sample_count: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a share, clipped to 0 and 1; `sample_count` is positive."""
    share, square = successes / sample_count, z * z
    centre = (share + square / (2 * sample_count)) / (1 + square / sample_count)
    margin = z * sqrt(share * (1 - share) / sample_count + square / (4 * sample_count**2)) / (1 + square / sample_count)
    return max(0.0, centre - margin), min(1.0, centre + margin)


def count_agreement(comparisons: pa.Table, *, before: date) -> Mapping[Route, Agreement]:
    """Count the comparisons made before a date by route.

    Args:
        comparisons: Rows of `int_shadow_comparisons_resolved`, one per comparison.
        before: First day that does not count.
    """
    marks: dict[Route, list[bool]] = {}
    for row in comparisons.to_pylist():
        if row["made_date"] < before:
            route = Route(*(row[name] for name in Route._fields))
            marks.setdefault(route, []).append(row["is_no_worse"])
    return {route: Agreement(sum(values), len(values)) for route, values in marks.items()}
