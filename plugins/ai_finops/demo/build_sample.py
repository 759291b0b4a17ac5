"""Build the bundled sample: `python -m ai_finops.demo.build_sample --source FOLDER [--out FOLDER]`.

The same folder gives the same bytes: every draw is seeded and every file is read in a fixed order. What comes from
where, and under which licence: `sample/README.md`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.demo.sample import SAMPLE_FOLDER
from ai_finops.demo.sample_calls import Retrieval, compose_feature
from ai_finops.demo.sample_plan import FEATURES, SEED, Feature
from ai_finops.demo.sample_reranks import read_reranks
from ai_finops.demo.sample_schemas import QUERIES
from ai_finops.demo.sample_shadow import compose_shadow
from ai_finops.demo.sample_source import read_queries
from ai_finops.demo.sample_truth import calls_table
from ai_finops.errors import SampleError


def build_sample(
    source: Path, *, out: Path = SAMPLE_FOLDER, features: tuple[Feature, ...] = FEATURES
) -> dict[str, int]:
    """Write the sample's four files into `out` and return the rows of each.

    Raises:
        SampleError: The source lacks a file, a column or a client, or `out` cannot be written. Nothing is written then.
    """
    if not source.is_dir():
        raise SampleError(f"{source} is not a folder; --source must name the folder with the raw data")
    tables = compose(source, features=features)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            write(table, out / f"{name}.parquet")
    except OSError as error:
        raise SampleError(f"{out} cannot be written ({error}); name another folder with --out") from error
    return {name: table.num_rows for name, table in tables.items()}


def compose(source: Path, *, features: tuple[Feature, ...] = FEATURES) -> dict[str, pa.Table]:
    """Return the sample's tables by name."""
    pool, reranks = read_queries(source), read_reranks(source)
    retrieval = Retrieval(
        query_characters=pc.utf8_length(pool["text"]).to_numpy(),
        rerank_count=reranks.num_rows,
    )
    composed = [
        compose_feature(source, feature, retrieval=retrieval, rng=np.random.default_rng([SEED, number]))
        for number, feature in enumerate(features)
    ]
    calls, queries = keep_used_queries(calls_table(composed), pool=pool)
    shadow = compose_shadow(source, calls, rng=np.random.default_rng([SEED, len(features)]))
    return {"calls": calls, "queries": queries, "reranks": reranks, "shadow": shadow}


def keep_used_queries(calls: pa.Table, *, pool: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return the calls with queries numbered from 1 in the order of the pool, and only the queries that they ask."""
    asked = calls["query_number"].combine_chunks()
    used = np.unique(asked.drop_null().to_numpy())
    renumbered = pc.add(pc.index_in(asked, value_set=pa.array(used, pa.int32())), 1).cast(pa.int32())
    numbers = pa.array(np.arange(1, len(used) + 1), pa.int32())
    kept = pool.take(pa.array(used))
    queries = pa.table([numbers, kept["text"], kept["intent"]], schema=QUERIES)
    at = calls.schema.get_field_index("query_number")
    return calls.set_column(at, calls.schema.field("query_number"), renumbered), queries


def write(table: pa.Table, path: Path) -> None:
    """Write one file under a temporary name, then rename; growing columns as differences, the rest by dictionary."""
    growing = [name for name in ("call_number", "started_at", "parent_call_number") if name in table.column_names]
    partial = path.with_suffix(".partial")
    pq.write_table(
        table,
        partial,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table.column_names if name not in growing],
        column_encoding=dict.fromkeys(growing, "DELTA_BINARY_PACKED") or None,
    )
    partial.replace(path)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m ai_finops.demo.build_sample", description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="folder with the raw data")
    parser.add_argument("--out", type=Path, default=SAMPLE_FOLDER, help="where to write; default: the bundled sample")
    options = parser.parse_args(arguments)
    try:
        rows = build_sample(options.source, out=options.out)
    except SampleError as error:
        print(error, file=sys.stderr)
        return 1
    for name, count in rows.items():
        size = (options.out / f"{name}.parquet").stat().st_size
        print(f"{name}.parquet: {count:,} rows, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
