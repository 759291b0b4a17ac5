"""What could be saved, and what suits each feature's queries, of a build: out of phase 1, measured queries and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from ai_finops.analyse import savings
from ai_finops.analyse.advisor import advise
from ai_finops.analyse.cache_curves import curves
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import days_looked_back_on
from ai_finops.analyse.levers.evidence import Evidence
from ai_finops.build.lever_inputs import read_evidence
from ai_finops.build.savings_inputs import read_inputs

if TYPE_CHECKING:
    import duckdb


def issue_savings(
    tables: Mapping[str, pa.Table],
    warehouse: duckdb.DuckDBPyConnection,
    *,
    dates: Sequence[date],
    as_of: date,
    retention_days: int,
) -> dict[str, pa.Table]:
    """Return the tables `savings`, `cache_curves` and `caching_advice`.

    Args:
        tables: Seeds and other inputs by name.
        warehouse: A candidate after phase 1 in which queries have been measured.
        dates: Dates of issue to find savings on: that of the build, and earlier ones of which nothing is kept.
        as_of: The build's own date, the only one that advice is given on.
        retention_days: Days before a date that queries are kept.
    Raises:
        BuildError: What phase 1 or the measuring of queries makes is not there, or a seed lacks an assumption; names it.
    """
    inputs = read_inputs(warehouse, days=days_looked_back_on(dates))
    cache_curves = curves(
        inputs["query_bands"],
        calibrations=tables["cache_calibrations"],
        similarities=tables["cache_similarities"]["similarity"].to_pylist(),
    )
    read = read_evidence(warehouse)
    evidence = Evidence.from_tables(read, retention_days=retention_days)
    found = savings.find(
        inputs["call_sums"],
        prices=tables["prices"],
        routing_targets=tables["routing_targets"],
        comparisons=tables["comparisons"],
        features=tables["features"],
        task_types=tables["task_types"],
        lever_assumptions=tables["lever_assumptions"],
        as_of_dates=dates,
        cache_curves=cache_curves,
        prompt_prefixes=inputs["prompt_prefixes"],
        escalations=inputs["escalations"].to_pylist(),
        evidence=evidence,
    )
    advice = advise(
        found.to_pylist(),
        queries=evidence.queries,
        durations=read["answer_durations"].to_pylist(),
        assumptions=Assumptions.from_table(tables["lever_assumptions"]),
        efforts=evidence.efforts,
        as_of=as_of,
    )
    return {"savings": found, "cache_curves": cache_curves, "caching_advice": advice}
