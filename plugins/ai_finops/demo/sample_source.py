"""Read the raw data folder that the sample is built from; everything comes back in a fixed order, so builds repeat.

Layout and columns of the folder: `sample/README.md`, section "What comes from where".
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from ai_finops.errors import SampleError

RATES = "servegen/requests_10min.parquet"
TOKEN_STATS = "servegen/token_stats_6h.csv"  # noqa: S105 - tokens of a model, not a secret
AZURE = "azure_llm/AzureLLMInferenceTrace_conv.csv"
MOONCAKE = "mooncake/conversation_trace.jsonl"
BANKING77 = "banking77/train.csv"
RERANKS = "rerank/rerank_pairs_dl19.csv"
MMLU = "routellm_mmlu"


def read(
    source: Path, path: str, *, sql: str, parameters: tuple[object, ...] = (), allow_empty: bool = False
) -> pa.Table:
    """Run `sql` over one file of the folder; the word FILE in it stands for that file.

    Raises:
        SampleError: The file is missing, is not what it should be, lacks a column, or yields no row.
    """
    file = source / path
    if not file.is_file():
        raise SampleError(f"{file} is missing; --source must name the folder that holds {path}")
    quoted = "'" + str(file).replace("'", "''") + "'"
    try:
        with duckdb.connect() as connection:
            result = connection.sql(sql.replace("FILE", quoted), params=list(parameters)).to_arrow_table()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise SampleError(f"{file} cannot be read as the sample's source ({reason}); fetch the file again") from error
    if result.num_rows == 0 and not allow_empty:
        raise SampleError(f"{file} holds no row that the sample needs; fetch the file again")
    return result


def read_rates(source: Path, *, tier: str, number: int) -> pa.Table:
    """Return one client's `rate_rps, fit_dist, fit_p1` per 10-minute window, in order of time.

    `fit_p1` is the shape of the fitted distribution of the intervals between requests (Gamma or Weibull).
    """
    sql = """
        select rate_rps, fit_dist, fit_p1 from read_parquet(FILE)
        where model_tier = ? and client = ? order by window_start_s
    """
    return read(source, RATES, sql=sql, parameters=(tier, number))


def read_token_stats(source: Path, *, tier: str, number: int) -> pa.Table:
    """Return one client's `metric, window_number, p50, p95, max` in tokens; no row at all for a client without them."""
    sql = """
        select metric, window_start_s // 21600 as window_number, p50, p95, "max"
        from read_csv(FILE, header = true)
        where model_tier = ? and client = ? order by metric, window_start_s
    """
    return read(source, TOKEN_STATS, sql=sql, parameters=(tier, number), allow_empty=True)


def read_azure_pairs(source: Path) -> pa.Table:
    """Return `input_tokens, output_tokens`, one row per recorded request, in order of time."""
    sql = """
        select ContextTokens::bigint as input_tokens, GeneratedTokens::bigint as output_tokens
        from read_csv(FILE, header = true) order by "TIMESTAMP", input_tokens, output_tokens
    """
    return read(source, AZURE, sql=sql)


def read_mooncake(source: Path) -> pa.Table:
    """Return `input_tokens, output_tokens, hash_ids`, one row per recorded request, in order of the file."""
    sql = """
        select
            input_length::bigint as input_tokens,
            output_length::bigint as output_tokens,
            hash_ids::bigint[] as hash_ids
        from read_json(FILE, format = 'newline_delimited')
    """
    return read(source, MOONCAKE, sql=sql)


def read_queries(source: Path) -> pa.Table:
    """Return `text, intent` of each distinct user query."""
    sql = "select text, min(category) as intent from read_csv(FILE, header = true) group by text order by text"
    return read(source, BANKING77, sql=sql)
