"""Which calls a query caused: SQL over a build's warehouse, between the two dbt phases.

A query is a span that says one. A call belongs to the nearest such span at it or above it, at most twenty spans up; what all
the spans that tell of the call say counts, in their rank, as for who asked (`int_llm_call_contexts_inherited`). Of what is only
read out of kept texts, a text that says it is a query stands for all calls of its trace without one, the first if there are
several; else the highest prompt above the call does, which is what the user said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_HOPS = 20


def view_query_spans(warehouse: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Make temporary view `landed_queries` over the lake's files of queries; a span that landed twice is in it twice."""
    quoted = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    warehouse.execute(f"""
        create or replace temp view landed_queries as
        select * from read_parquet([{quoted}], hive_partitioning = false, filename = true)""")  # noqa: S608 - paths of our own


def query_days(warehouse: duckdb.DuckDBPyConnection, *, before: date) -> list[date]:
    """Return the days on which queries were asked."""
    found = warehouse.execute(
        "select distinct usage_date from landed_queries where usage_date < ? order by usage_date", [before]
    )
    return [day for (day,) in found.fetchall()]


def checksums(warehouse: duckdb.DuckDBPyConnection) -> list[tuple[date, str, str]]:
    """Return (day, what, checksum) of all that the links of a day's queries are made of, besides the queries themselves."""
    return warehouse.execute("""
        with traces as (select distinct trace_id, usage_date as query_date from landed_queries)
        select query_date, 'spans ' || query_date, bit_xor(hash(trace_id, span_id, parent_span_id, started_at))::varchar
        from intermediate.int_spans_deduplicated inner join traces using (trace_id) group by query_date
        union all
        select query_date, 'calls ' || query_date,
            bit_xor(hash(call_id, trace_id, feature_id, model_id, user_id, journey_id, is_generating))::varchar
        from marts.fct_llm_calls inner join traces using (trace_id) group by query_date
        order by all""").fetchall()


def link_calls(warehouse: duckdb.DuckDBPyConnection, days: Sequence[date]) -> None:
    """Make temporary table `query_calls`: call_id, trace_id, span_id and feature_id of the queries asked on `days`."""
    warehouse.execute(
        """
        create or replace temp table query_spans as
        select trace_id, span_id, arg_max(evidence, landing_date) as evidence, max(usage_date) as usage_date
        from landed_queries where list_contains(?, usage_date) group by trace_id, span_id""",
        [list(days)],
    )
    warehouse.execute("""
        create or replace temp table spans_of_queries as
        select spans.trace_id, spans.span_id, spans.parent_span_id, spans.started_at, query_spans.evidence
        from intermediate.int_spans_deduplicated as spans
        left join query_spans using (trace_id, span_id)
        where spans.trace_id in (select trace_id from query_spans)""")
    warehouse.execute(f"""
        create or replace temp table query_calls as
        with recursive climbed as (
            select call_id, candidate_rank, trace_id, span_id, 0 as hop_count
            from intermediate.int_llm_call_candidates_settled
            where trace_id in (select trace_id from query_spans)
            union all
            select climbed.call_id, climbed.candidate_rank, climbed.trace_id, above.parent_span_id as span_id,
                climbed.hop_count + 1 as hop_count
            from climbed inner join spans_of_queries as above using (trace_id, span_id)
            where above.evidence is distinct from 'said' and above.parent_span_id is not null
                and climbed.hop_count < {_HOPS}
        ),
        queries_of_traces as (
            select trace_id, arg_min(span_id, (started_at, span_id)) as span_id
            from spans_of_queries where evidence = 'query_text' group by trace_id
        ),
        choices as (
            select call_id, trace_id, span_id, case
                when evidence = 'said' then (0, candidate_rank, hop_count)
                else (2, candidate_rank, -hop_count)
            end as choice
            from climbed inner join spans_of_queries using (trace_id, span_id) where evidence is not null
            union all
            select climbed.call_id, climbed.trace_id, queries_of_traces.span_id, (1, 0, 0) as choice
            from climbed inner join queries_of_traces using (trace_id) where climbed.hop_count = 0
        ),
        chosen as (
            select call_id, arg_min((trace_id, span_id), choice) as query from choices group by call_id
        )
        select chosen.call_id, query[1] as trace_id, query[2] as span_id, calls.feature_id, query_spans.usage_date
        from chosen
        inner join marts.fct_llm_calls as calls using (call_id)
        inner join query_spans on query_spans.trace_id = query[1] and query_spans.span_id = query[2]""")  # noqa: S608 - a constant


def asked_on(warehouse: duckdb.DuckDBPyConnection, day: date) -> pa.Table:
    """Return the queries of the day and of the day before that were answered, as `analyse.queries` takes them."""
    return warehouse.execute(
        """
        with answered as (
            select query_calls.trace_id, query_calls.span_id, query_calls.feature_id,
                min(calls.model_id) filter (where calls.is_generating) as model_id,
                min(coalesce('user ' || calls.user_id, 'journey ' || calls.journey_id)) as asker_id
            from query_calls inner join marts.fct_llm_calls as calls using (call_id)
            where query_calls.usage_date between $1 and $2
            group by all having bool_or(calls.is_generating)
        ),
        queries as (
            select * from landed_queries where usage_date between $1 and $2
            qualify row_number() over (partition by trace_id, span_id order by landing_date desc, filename) = 1
        )
        select answered.feature_id, answered.trace_id, answered.span_id, queries.evidence, queries.fingerprint,
            queries.embedder_id, queries.embedding, queries.prompt_blocks, queries.prompt_block_tokens, answered.model_id,
            answered.asker_id, spans.started_at as asked_at
        from answered
        inner join queries using (trace_id, span_id)
        inner join intermediate.int_spans_deduplicated as spans using (trace_id, span_id)""",
        [day - timedelta(days=1), day],
    ).to_arrow_table()


def calls_of(warehouse: duckdb.DuckDBPyConnection, day: date) -> pa.Table:
    """Return the calls of the queries that were asked on the day, in a fixed order."""
    return warehouse.execute("select * from query_calls where usage_date = ? order by call_id", [day]).to_arrow_table()
