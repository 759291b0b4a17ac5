"""How far queries drift from week to week, measured while they are there and kept in the lake, as their neighbours are by
day.

A week is measured once it is over, out of its queries and those of the week before. It is measured again when a day of
either was (`query_days`), unless something of the two weeks is past its retention: nothing is measured again out of less
than before.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.analyse.drift import MOST_DRAWN, week_of
from ai_finops.build import query_links
from ai_finops.build.query_days import SOURCE as DAYS
from ai_finops.lake_schemas import QUERY_INPUTS

if TYPE_CHECKING:
    import duckdb

    from ai_finops.lake import Lake

SOURCE = "query_drifts"
_VERSION = 1
"""Of the measures: with another one every week whose queries are still there is measured again."""
_WEEK = timedelta(weeks=1)
logger = logging.getLogger(__name__)

_ANSWERED = """
    create or replace temp table answered_queries as
    with answered as (
        select query_calls.trace_id, query_calls.span_id, query_calls.feature_id, query_calls.usage_date
        from query_calls inner join marts.fct_llm_calls as calls using (call_id)
        group by all having bool_or(calls.is_generating)
    ),
    landings as (
        select trace_id, span_id, arg_min(filename, (date '9999-12-31' - landing_date, filename)) as filename
        from landed_queries where usage_date between $before and $last group by all
    )
    select answered.*, landings.filename, row_number() over (
            partition by feature_id, answered.usage_date < $week order by md5(trace_id || ' ' || span_id), trace_id, span_id
        ) as place
    from answered inner join landings using (trace_id, span_id)
    where answered.usage_date between $before and $last"""
_DRAWN = f"""
    select feature_id, answered.usage_date, place, fingerprint, embedder_id, embedding
    from answered_queries as answered inner join landed_queries using (trace_id, span_id, filename)
    where place <= {MOST_DRAWN} order by feature_id, usage_date, place"""  # noqa: S608 - a constant
_COUNTS = """
    select feature_id, count(*) as query_count,
        count(distinct coalesce(fingerprint, hash(embedding)::varchar, trace_id || ' ' || span_id)) as distinct_query_count
    from answered_queries as answered inner join landed_queries using (trace_id, span_id, filename)
    where answered.usage_date >= $week group by feature_id order by feature_id"""


def measure_drifts(
    warehouse: duckdb.DuckDBPyConnection, *, lake: Lake, similarity: float, as_of: date, retention_days: int
) -> list[Path]:
    """Bring the drifts in the lake up to date with the queries of the warehouse, after `query_days.measure_queries`.

    Args:
        warehouse: A candidate whose queries have been measured by day.
        similarity: Cosine from which a query is covered by another.
        as_of: First day that is not in the build; weeks that end before it are measured.
        retention_days: Days before `as_of` that queries are kept.
    Returns:
        The files of `drifts`, of weeks that end before `as_of`; the first is empty.
    Raises:
        LakeError: The lake cannot be written; what was measured before stays.
    """
    days = {date.fromisoformat(key): version.content_sha256 for key, version in lake.current(DAYS).items()}
    known = {
        date.fromisoformat(key): _read_inputs(version.file("inputs")) for key, version in lake.current(SOURCE).items()
    }
    first_kept = as_of - timedelta(days=retention_days)
    for week in sorted({week_of(day) for day in query_links.query_days(warehouse, before=as_of)}):
        if week + _WEEK > as_of:
            continue
        inputs = _inputs(week, days, similarity=similarity)
        is_kept = week - _WEEK >= first_kept
        if week not in known or (known[week] != inputs and is_kept):
            _measure(warehouse, lake=lake, week=week, inputs=inputs, similarity=similarity)
    for week in known:
        if not any(week_of(day) == week for day in days):
            lake.remove_partition(SOURCE, str(week))
    ended = [version for key, version in lake.current(SOURCE).items() if date.fromisoformat(key) + _WEEK <= as_of]
    return [lake.empty_file(SOURCE, "drifts"), *(version.file("drifts") for version in ended)]


def _measure(
    warehouse: duckdb.DuckDBPyConnection, *, lake: Lake, week: date, inputs: Mapping[str, str], similarity: float
) -> None:
    from ai_finops.analyse.drift import measure_week

    query_links.link_calls(warehouse, [week + timedelta(days=day) for day in range(-7, 7)])
    between = {"before": week - _WEEK, "week": week, "last": week + timedelta(days=6)}
    warehouse.execute(_ANSWERED, between)
    drifts = measure_week(
        warehouse.execute(_DRAWN).to_arrow_table(),
        counts=warehouse.execute(_COUNTS, {"week": week}).to_arrow_table(),
        week_start_date=week,
        similarity=similarity,
    )
    lake.write_partition(SOURCE, str(week), tables={"drifts": drifts, "inputs": _inputs_table(inputs, week)})
    logger.info("measured the drift of %s features in the week of %s", drifts.num_rows, week)


def _inputs(week: date, days: Mapping[date, str], *, similarity: float) -> dict[str, str]:
    """Return what the measures of a week are made of: a checksum by name."""
    both = [week + timedelta(days=day) for day in range(-7, 7)]
    rules = hashlib.sha256(f"{_VERSION} {similarity}".encode()).hexdigest()
    return {f"{DAYS}/{day}": days[day] for day in both if day in days} | {"rules": rules}


def _inputs_table(inputs: Mapping[str, str], week: date) -> pa.Table:
    rows = [{"input": name, "checksum": inputs[name], "usage_date": week} for name in sorted(inputs)]
    return pa.Table.from_pylist(rows, schema=QUERY_INPUTS)


def _read_inputs(file: Path) -> dict[str, str]:
    table = pq.read_table(file, partitioning=None)
    return dict(zip(table["input"].to_pylist(), table["checksum"].to_pylist(), strict=True))
