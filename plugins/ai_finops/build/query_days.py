"""Measures of queries, a day at a time, kept in the lake: what they are made of goes when texts go, and they stay.

A day is measured again when something that its measures are made of has changed: its queries or those of the day before, the
calls they caused, or the rules. Nothing is measured again out of less than before because something is past its retention.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.build import query_links
from ai_finops.lake_schemas import QUERY_CALLS, QUERY_INPUTS

if TYPE_CHECKING:
    import duckdb

    from ai_finops.analyse.queries import QueryRules
    from ai_finops.lake import Lake

SOURCE = "query_neighbours"
FAMILIES = ("trace_queries", "xray_queries")
_VERSION = 1
"""Of the measures: with another one every day whose queries are still there is measured again."""
logger = logging.getLogger(__name__)

Inputs = dict[str, str]
"""What a day's measures are made of: a checksum by name."""


def measure_queries(
    warehouse: duckdb.DuckDBPyConnection, *, lake: Lake, rules: QueryRules, as_of: date, retention_days: int
) -> dict[str, list[Path]]:
    """Bring the measures of queries in the lake up to date with the warehouse.

    Args:
        warehouse: A candidate after phase 1.
        as_of: First day that is not in the build.
        retention_days: Days before `as_of` that queries are kept.
    Returns:
        The files of `queries` and of `query_calls`, of days before `as_of`; the first of each is empty.
    Raises:
        LakeError: The lake cannot be written; what was measured before stays.
    """
    from ai_finops.analyse.queries import measure_day

    files = [file for family in FAMILIES for file in lake.files(family, "span_queries")]
    query_links.view_query_spans(warehouse, files)
    days = query_links.query_days(warehouse, before=as_of)
    now = _inputs(warehouse, lake=lake, rules=rules, days=days) if days else {}
    known = {key: _read_inputs(version.file("inputs")) for key, version in lake.current(SOURCE).items()}
    first_kept = as_of - timedelta(days=retention_days)
    due = [day for day in days if _is_due(now[day], known.get(str(day)), first_kept=first_kept)]
    if due:
        query_links.link_calls(warehouse, sorted({*due, *(day - timedelta(days=1) for day in due)}))
    for day in due:
        measured = measure_day(query_links.asked_on(warehouse, day), day=day, rules=rules)
        calls = query_links.calls_of(warehouse, day).select(QUERY_CALLS.names).cast(QUERY_CALLS)
        tables = {"queries": measured, "query_calls": calls, "inputs": _inputs_table(now[day], day)}
        lake.write_partition(SOURCE, str(day), tables=tables)
        logger.info("measured %s queries of %s", measured.num_rows, day)
    for key in known:
        if date.fromisoformat(key) not in days and not _has_expired(known[key], {}, first_kept=first_kept):
            lake.remove_partition(SOURCE, key)
    current = [version for key, version in lake.current(SOURCE).items() if date.fromisoformat(key) < as_of]
    return {
        name: [lake.empty_file(SOURCE, name), *(version.file(name) for version in current)]
        for name in ("queries", "query_calls")
    }


def _is_due(now: Inputs, known: Inputs | None, *, first_kept: date) -> bool:
    return known is None or (now != known and not _has_expired(known, now, first_kept=first_kept))


def _has_expired(known: Inputs, now: Inputs, *, first_kept: date) -> bool:
    """Whether queries that were measured are gone because they were kept long enough."""
    gone = [name.partition("/") for name in known.keys() - now.keys()]
    return any(family in FAMILIES and date.fromisoformat(key) < first_kept for family, _, key in gone)


def _inputs(
    warehouse: duckdb.DuckDBPyConnection, *, lake: Lake, rules: QueryRules, days: list[date]
) -> dict[date, Inputs]:
    """Return what the measures of each day are made of: of the day itself and of the day before."""
    of_day: dict[date, Inputs] = defaultdict(dict)
    for family in FAMILIES:
        for key, version in lake.current(family).items():
            held = pq.read_table(version.file("span_queries"), columns=["usage_date"])["usage_date"]
            for day in pc.unique(held).to_pylist():
                of_day[day][f"{family}/{key}"] = version.content_sha256
    for day, name, checksum in query_links.checksums(warehouse):
        of_day[day][name] = checksum
    rules_sha256 = hashlib.sha256(f"{_VERSION} {rules}".encode()).hexdigest()
    return {day: of_day[day] | of_day[day - timedelta(days=1)] | {"rules": rules_sha256} for day in days}


def _inputs_table(inputs: Mapping[str, str], day: date) -> pa.Table:
    rows = [{"input": name, "checksum": inputs[name], "usage_date": day} for name in sorted(inputs)]
    return pa.Table.from_pylist(rows, schema=QUERY_INPUTS)


def _read_inputs(file: Path) -> Inputs:
    table = pq.read_table(file, partitioning=None)
    return dict(zip(table["input"].to_pylist(), table["checksum"].to_pylist(), strict=True))
