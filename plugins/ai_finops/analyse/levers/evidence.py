"""What levers read besides calls and caches: judged documents and rerankers, long answers, and how queries drift."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ai_finops.analyse.levers import (
    cache_and_distillation,
    distillation,
    redundant_reranker,
    unused_context,
    verbose_output,
)
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import Row
from ai_finops.analyse.levers.distillation import Queries
from ai_finops.analyse.levers.efforts import Efforts
from ai_finops.analyse.levers.opportunity import WINDOW_DAYS, Opportunity
from ai_finops.analyse.levers.rates import Rates
from ai_finops.analyse.price_book import PriceBook

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows of any days; each date of issue looks only at those before it."""

    unused_context: Mapping[date, Rows]
    rerankers: Rows
    excess_outputs: Mapping[date, Rows]
    queries: Queries
    targets: Rows
    efforts: Efforts

    @classmethod
    def from_tables(cls, tables: Mapping[str, pa.Table], *, retention_days: int) -> Evidence:
        """Read what `build.lever_inputs.read_evidence` returns, and seeds `distillation_targets` and `lever_efforts`.

        Args:
            tables: By name: unused_context, rerankers, excess_outputs, query_drifts, training_queries, distillation_targets,
                lever_efforts.
            retention_days: Days that texts are kept, and so training pairs can be had.
        """
        rows = {name: table.to_pylist() for name, table in tables.items() if name != "lever_efforts"}
        return cls(
            unused_context=_by_day(rows["unused_context"]),
            rerankers=rows["rerankers"],
            excess_outputs=_by_day(rows["excess_outputs"]),
            queries=Queries.of(rows["query_drifts"], rows["training_queries"], retention_days=retention_days),
            targets=rows["distillation_targets"],
            efforts=Efforts.from_table(tables["lever_efforts"]),
        )


def find_by_evidence(
    evidence: Evidence,
    *,
    window: Sequence[Row],
    caches: Iterable[Opportunity],
    book: PriceBook,
    rates: Rates,
    assumptions: Assumptions,
    as_of: date,
) -> list[Opportunity]:
    """Ask the levers that rest on it, as of one date.

    Args:
        evidence: What they read.
        window: The trailing week's sums of calls.
        caches: What lever semantic_cache found.
    """
    known = {"assumptions": assumptions, "efforts": evidence.efforts}
    distilled = distillation.find(
        window, queries=evidence.queries, targets=evidence.targets, book=book, rates=rates, as_of=as_of, **known
    )
    return [
        *unused_context.find(_trailing(evidence.unused_context, as_of), **known),
        *redundant_reranker.find(evidence.rerankers, as_of=as_of, **known),
        *verbose_output.find(_trailing(evidence.excess_outputs, as_of), efforts=evidence.efforts),
        *(each.opportunity for each in distilled),
        *cache_and_distillation.find(distilled, caches={each.feature_id: each for each in caches}, **known),
    ]


def _by_day(rows: Rows) -> dict[date, list[Mapping[str, Any]]]:
    by_day: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_day[row["usage_date"]].append(row)
    return by_day


def _trailing(by_day: Mapping[date, Rows], as_of: date) -> list[Mapping[str, Any]]:
    before = (as_of - timedelta(days=back) for back in range(WINDOW_DAYS, 0, -1))
    return [row for day in before for row in by_day.get(day, ())]
