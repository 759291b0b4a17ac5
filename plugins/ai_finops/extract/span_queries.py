"""The queries that spans tell of, for the families `trace_queries` and `xray_queries`: what a cache could have answered.

A fingerprint tells only that two texts are the same, an embedding also how alike they are, which says something of the text.
So queries lie apart from the spans and go with the retention of texts (contents.py); what is found out of them stays.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.extract import said_queries
from ai_finops.extract.contents import Texts
from ai_finops.extract.query_texts import Text, query_of
from ai_finops.extract.span_attributes import text
from ai_finops.extract.span_sql import QUERY_COLUMNS
from ai_finops.lake_schemas import SPAN_QUERIES
from ai_finops.query_text import normalise

if TYPE_CHECKING:
    from ai_finops.analyse.embedder import Embedder

TABLE = "span_queries"
SAID = "said"
"""Evidence: the application says so on the span."""
UNNAMED = "unnamed"
"""The embedder of an embedding that comes without one."""
_PLACE = pa.schema([("object_key", pa.string()), ("object_line", pa.int64())])
_DRAFT = pa.schema([field for field in SPAN_QUERIES if field.name != "landing_date"] + list(_PLACE))
_BATCH = 10_000
"""Questions that are embedded at once."""
_COUNT = re.compile(r"[0-9]{1,20}")
_Read = TypeVar("_Read")
_Row = TypeVar("_Row")


class SpanQueries:
    """Takes the spans of a loader as they come; `write` gives the queries of those that stayed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "queries-draft.parquet"
        self._writer: pq.ParquetWriter | None = None

    def close(self) -> None:
        """Close what is open."""
        if self._writer is not None:
            self._writer.close()

    def add(self, spans: pa.Table, *, object_keys: pa.Array | pa.ChunkedArray) -> Counter[tuple[str, str | None]]:
        """Take spans as `span_table` gives them; return how many could not be read, by attribute and service."""
        if all(spans[name].null_count == len(spans) for name in QUERY_COLUMNS):
            return Counter()
        is_query = np.logical_or.reduce([pc.is_valid(spans[name]).to_numpy() for name in QUERY_COLUMNS[:4]])
        chosen = pa.array(is_query)
        unread: Counter[tuple[str, str | None]] = Counter()
        rows = _rows(spans.filter(chosen), unread)
        rows["object_key"] = object_keys.filter(chosen)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, _DRAFT, compression="zstd")
        self._writer.write_table(pa.table(rows).select(_DRAFT.names).cast(_DRAFT))
        return unread

    def write(
        self,
        path: Path,
        *,
        spans: Path,
        landing_date: date,
        texts: Path | None = None,
        open_embedder: Callable[[], Embedder] | None = None,
        without_traces: Collection[str] = (),
    ) -> Texts:
        """Write the queries of the spans in the lake's file `spans`, in a fixed order.

        Args:
            without_traces: Traces of forgotten users; none of their queries is written.
            texts: Texts of these spans, where they are kept: a span that says no query may have one in them.
            open_embedder: What turns these into vectors.
        """
        self.close()
        # Most landings tell of no query, and nothing is joined for them.
        if self._writer is None and texts is None:
            pq.write_table(SPAN_QUERIES.empty_table(), path)
            return Texts(path, 0)
        if self._writer is None:
            pq.write_table(_DRAFT.empty_table(), self._path)
        in_texts = path.with_name("queries-in-texts.parquet")
        _write_in_texts(in_texts, texts=texts, open_embedder=open_embedder)
        columns = ", ".join(name for name in SPAN_QUERIES.names if name not in ("usage_date", "landing_date"))
        with duckdb.connect() as connection:
            connection.execute(
                "set threads=1; set memory_limit='300MB'; set enable_progress_bar=false; set TimeZone='UTC'"
            )
            connection.execute(f"set temp_directory={text(str(path.parent / 'duckdb'))}")
            left_out = pa.table({"trace_id": pa.array(sorted(without_traces), pa.string())})
            connection.register("left_out", left_out)
            connection.execute(f"""
                create view said as
                select * from (
                    from read_parquet({text(str(self._path))})
                    where fingerprint is not null or embedding is not null or prompt_blocks is not null
                )
                semi join read_parquet({text(str(spans))}) as spans using (object_key, object_line, trace_id, span_id)
                anti join left_out using (trace_id)
                qualify row_number() over (partition by trace_id, span_id order by object_key, object_line) = 1""")  # noqa: S608 - paths of our own
            connection.execute(f"""
                copy (
                    select {columns}, usage_date, date '{landing_date}' as landing_date from said
                    union all
                    select {columns}, started_at::date as usage_date, date '{landing_date}' as landing_date
                    from read_parquet({text(str(in_texts))}) as in_texts anti join said using (trace_id, span_id)
                    inner join read_parquet({text(str(spans))}) as spans using (trace_id, span_id)
                    anti join left_out using (trace_id)
                    order by trace_id, span_id
                ) to {text(str(path))} (format parquet, compression zstd)""")  # noqa: S608 - a date and paths of our own
        return Texts(path, pq.read_metadata(path).num_rows)


def _write_in_texts(path: Path, *, texts: Path | None, open_embedder: Callable[[], Embedder] | None) -> None:
    """Write the queries that stand in kept texts, with embeddings."""
    schema = pa.schema([field for field in SPAN_QUERIES if field.name not in ("usage_date", "landing_date")])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        if texts is None or open_embedder is None or not pq.read_metadata(texts).num_rows:
            return
        embedder = open_embedder()
        for batch in _batched(_asked_in_texts(texts)):
            questions = [normalise(asked) for _, _, asked, _ in batch]
            vectors = embedder.embed(questions)
            rows = [
                {
                    "trace_id": trace_id,
                    "span_id": span_id,
                    "evidence": evidence,
                    # Unkeyed, as it lies no longer than the text itself.
                    "fingerprint": hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:32],
                    "embedder_id": embedder.embedder_id if vector.any() else None,
                    "embedding": vector.tolist() if vector.any() else None,
                }
                for (trace_id, span_id, _, evidence), question, vector in zip(batch, questions, vectors, strict=True)
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _asked_in_texts(texts: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield trace, span, question and evidence; the file's rows are in order of trace and span."""
    with pq.ParquetFile(texts) as file:
        rows = (
            row
            for batch in file.iter_batches(columns=["trace_id", "span_id", *Text._fields])
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        )
        for (trace_id, span_id), of_span in groupby(rows, key=lambda row: row[:2]):
            found = query_of(Text(*row[2:]) for row in of_span)
            if found is not None:
                yield trace_id, span_id, *found


def _batched(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _rows(spans: pa.Table, unread: Counter[tuple[str, str | None]]) -> dict[str, Any]:
    services = spans["service_name"].to_pylist()

    def read(column: str, attribute: str, reader: Callable[[str], _Read | None]) -> list[_Read | None]:
        found: list[_Read | None] = []
        for said, service in zip(spans[column].to_pylist(), services, strict=True):
            value = None if said is None else reader(said)
            if said is not None and value is None:
                unread[f"{attribute} (unreadable)", service] += 1
            found.append(value)
        return found

    embeddings = read("said_query_embedding", "finops.query_embedding", said_queries.read_embedding)
    # Vectors of unnamed spaces are held against each other: an application without a name has one.
    embedders = [
        None if vector is None else name or UNNAMED
        for name, vector in zip(spans["said_query_embedder"].to_pylist(), embeddings, strict=True)
    ]
    return {
        "trace_id": spans["trace_id"],
        "span_id": spans["span_id"],
        "evidence": pa.repeat(pa.scalar(SAID), len(spans)),
        "fingerprint": spans["said_query_fingerprint"],
        "embedder_id": pa.array(embedders, pa.string()),
        "embedding": pa.array(embeddings, _DRAFT.field("embedding").type),
        "prompt_blocks": pa.array(
            read("said_prompt_blocks", "finops.prompt_block_fingerprints", said_queries.read_blocks),
            _DRAFT.field("prompt_blocks").type,
        ),
        "prompt_block_tokens": pa.array(
            read("said_prompt_block_tokens", "finops.prompt_block_tokens", _token_count), pa.int64()
        ),
        "usage_date": pc.cast(spans["started_at"], pa.date32()),
        "object_line": spans["object_line"],
    }


def _token_count(said: str) -> int | None:
    return int(said) if _COUNT.fullmatch(said) and 0 < int(said) <= 1_000_000 else None
