"""The texts of spans, for the family `trace_contents` (contents.py).

`content_attributes.csv` says which attributes hold text; texts in span events are not read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.extract import vocabulary
from ai_finops.extract.contents import Texts
from ai_finops.extract.span_attributes import text

SOURCE = "trace_contents"
TABLE = "span_contents"


class SpanContents:
    """The texts of the spans that a loader takes, in the loader's own DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._duckdb = connection
        connection.execute(
            "create table contents (object_number integer, object_line bigint, trace_id varchar, span_id varchar, "
            "attribute_name varchar, content_kind varchar, content varchar)"
        )

    def add(self, relation: str) -> None:
        """Take the texts of spans as `span_relation` gives them."""
        kinds = ", ".join(f"({text(name)}, {text(kind)})" for name, kind in vocabulary.content_kinds().items())
        self._duckdb.execute(rf"""
            insert into contents
            select object_number, object_line, trace_id, span_id, attribute_name, content_kind, content
            from (
                select object_number, object_line, lower(trace_id) as trace_id, lower(span_id) as span_id,
                    unnest(keys) as attribute_name, unnest(values) as content
                from {relation}
            )
            inner join (values {kinds}) as kinds(name, content_kind)
                on name = regexp_replace(attribute_name, '\.[0-9]+\b', '.N', 'g')
            where content != ''""")  # noqa: S608 - names of our own and a CSV file beside this one

    def add_written(self, path: Path, *, first_number: int) -> None:
        """Take the texts that `write_all` wrote, of objects whose numbers begin with `first_number` here."""
        self._duckdb.execute(
            f"insert into contents select * replace (object_number + {first_number} as object_number) "  # noqa: S608 - a number and a path of our own
            f"from read_parquet({text(str(path))})"
        )

    def write_all(self, path: Path) -> int:
        """Write all texts as they came; return how many there are."""
        self._duckdb.execute(f"copy contents to {text(str(path))} (format parquet, compression zstd)")
        return pq.read_metadata(path).num_rows

    def write(
        self,
        path: Path,
        *,
        spans: Path,
        object_keys: Sequence[str],
        landing_date: date,
        without_traces: Collection[str] = (),
    ) -> Texts:
        """Write the texts of the spans in the lake's file `spans`, without those of forgotten users' traces."""
        numbers = pa.array(range(len(object_keys)), pa.int32())
        keys = pa.table({"object_number": numbers, "object_key": pa.array(object_keys, pa.string())})
        self._duckdb.register("object_keys", keys)
        self._duckdb.register("left_out", pa.table({"trace_id": pa.array(sorted(without_traces), pa.string())}))
        self._duckdb.execute(f"""
            copy (
                select distinct trace_id, span_id, attribute_name, content_kind, content,
                    date '{landing_date}' as landing_date
                from contents
                inner join object_keys using (object_number)
                semi join read_parquet({text(str(spans))}) using (object_key, object_line, trace_id, span_id)
                anti join left_out using (trace_id)
                order by all
            ) to {text(str(path))} (format parquet, compression zstd)""")  # noqa: S608 - a date and paths of our own
        self._duckdb.unregister("object_keys")
        self._duckdb.unregister("left_out")
        return Texts(path, pq.read_metadata(path).num_rows)
