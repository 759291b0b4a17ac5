"""Shadow comparisons: how often a candidate model did no worse than the model in use, and how sure that is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import pyarrow as pa

Z_95 = NormalDist().inv_cdf(0.975)
_REGIONAL_PREFIX = re.compile(r"^(us|us-gov|eu|apac|jp|au|ca|global)\.(?=[a-z0-9-]+\.)")


class Route(NamedTuple):
    """What a comparison is about: calls of one task type, moved from one model to another."""

    task_type: str
    baseline_model_id: str
    candidate_model_id: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One shadow comparison, on the day it was made."""

    made_date: date
    route: Route
    is_no_worse: bool


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


def canonical_model_id(model_id: str) -> str:
    """Return a Bedrock model id without its regional prefix; other ids as they are."""
    return _REGIONAL_PREFIX.sub("", model_id)


def read_comparisons(shadow_spans: pa.Table) -> list[Comparison]:
    """Read shadow spans (`operation_name` 'shadow') from `raw.traces_spans`; a span delivered twice counts once.

    A candidate is no worse when it was right, or when the model in use was wrong too. A span without both marks is no
    evidence and is left out.
    """
    found: dict[tuple[str, str], Comparison] = {}
    columns = ("trace_id", "span_id", "operation_name", "started_at", "details_json")
    for trace_id, span_id, operation, started_at, details in zip(
        *(shadow_spans[name].to_pylist() for name in columns), strict=True
    ):
        if operation == "shadow" and started_at and (comparison := _comparison(details, made=started_at.date())):
            found[trace_id, span_id] = comparison
    return list(found.values())


def count_agreement(comparisons: list[Comparison], *, before: date) -> Mapping[Route, Agreement]:
    """Count the comparisons made before a date by route."""
    marks: dict[Route, list[bool]] = {}
    for comparison in comparisons:
        if comparison.made_date < before:
            marks.setdefault(comparison.route, []).append(comparison.is_no_worse)
    return {route: Agreement(sum(values), len(values)) for route, values in marks.items()}


def _comparison(details_json: str | None, *, made: date) -> Comparison | None:
    details = json.loads(details_json or "{}")
    names = ("task_type", "baseline_model", "candidate_model", "baseline_correct", "candidate_correct")
    task_type, baseline, candidate, baseline_correct, candidate_correct = (details.get(name) for name in names)
    if not (task_type and baseline and candidate) or baseline_correct is None or candidate_correct is None:
        return None
    route = Route(task_type, canonical_model_id(baseline), canonical_model_id(candidate))
    return Comparison(made, route, bool(candidate_correct) or not baseline_correct)
