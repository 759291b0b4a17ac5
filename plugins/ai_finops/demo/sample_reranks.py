"""The shared pool of rerank results: each is one real query of one real rank_llm run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from ai_finops.demo.sample_schemas import RERANKS as RERANKS_SCHEMA
from ai_finops.demo.sample_source import RERANKS, read

TOP = 10


def read_reranks(source: Path) -> pa.Table:
    """Return one row per run and query: the documents of the top 10 before or after, in the order before.

    Ranks are those of the whole run, so a document that the reranker fetched from place 47 says 47. A document nobody
    judged has relevance null, not 0.
    """
    sql = f"""
        select
            (row_number() over (order by run_stamp, retriever, reranker, rerank_depth, qid))::integer as rerank_number,
            list(docid::varchar order by rank_before) as docid,
            list(rank_before::smallint order by rank_before) as rank_before,
            list(rank_after::smallint order by rank_before) as rank_after,
            list(score_before::float order by rank_before) as score_before,
            list(relevance::tinyint order by rank_before) as relevance
        from read_csv(FILE, header = true)
        where rank_before <= {TOP} or rank_after <= {TOP}
        group by run_stamp, retriever, reranker, rerank_depth, qid
        order by rerank_number
    """  # noqa: S608 - TOP is a constant of this module
    return read(source, RERANKS, sql=sql).cast(RERANKS_SCHEMA)
