"""Requests in, spans with the lake's columns out, a batch at a time, in a DuckDB of its own."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ai_finops.extract import span_attributes, span_relation, span_sql
from ai_finops.extract.span_attributes import text
from ai_finops.extract.span_contents import SpanContents
from ai_finops.extract.span_relation import Encoding


class TooManyRowsError(Exception):
    """A batch has more spans than are held at once."""


MEMORY_LIMIT = "280MB"
"""Of DuckDB. Batches are made to stay below, but for those that hold many small values."""
MAX_ROWS = 100_000
"""Of a batch: what DuckDB gives is not counted in its limit. Most spans are larger than a batch's share for each of these."""
ROWS_AT_ONCE = 16 * 1024
MAX_SHAPES = 20_000
"""Lists of attribute names that are remembered from one batch to the next."""
TOO_LARGE = (duckdb.OutOfMemoryException, TooManyRowsError)
UNREADABLE = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    UnicodeDecodeError,  # DuckDB's error quotes what it could not read, and its own binding cannot read the quotation
    *TOO_LARGE,
)
"""What is raised for requests of which at least one is none, or which are too large to be read together."""
# The relation that it recommends would save one copy of the rows but plan the query twice, which takes longer.
warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", module=__name__)


def connect(folder: Path, *, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of its own in memory, with a bound to it; what is above that goes into `folder`."""
    connection = duckdb.connect()
    connection.execute(f"set memory_limit='{MEMORY_LIMIT}'; set threads={threads}; set TimeZone='UTC'")
    connection.execute("set preserve_insertion_order=false; set enable_progress_bar=false")
    connection.execute(f"set temp_directory={text(str(folder / 'duckdb'))}")
    return connection


class SpanTable:
    """Takes requests a batch at a time and gives their spans back, in the order in which they stood in the objects.

    Spans go through in one statement as long as their shapes are known. A batch with a new shape is put into a table first,
    so that the shape can be learned from it.
    """

    def __init__(self, folder: Path, *, as_of: date, keeps_content: bool, threads: int) -> None:
        self.unmapped: dict[int, list[str]] = {}
        """Names that the vocabulary does not hold, by shape; only shapes that have some."""
        self._as_of = as_of
        self._skipped_streams = self._failed_streams = 0
        self._planned: str | None = None
        self._duckdb = connect(folder, threads=threads)
        # It would rather hash the spans than the shapes once it expects more of these, which it does for want of statistics.
        self._duckdb.execute("set disabled_optimizers='build_side_probe_side'")
        nothing = "(select null::ubigint as shape, null::varchar[] as keys, null::varchar[] as values limit 0)"
        self._duckdb.execute(f"create table shapes as {span_attributes.shapes_sql(nothing)}")
        self._look_at_shapes()
        self.contents = SpanContents(self._duckdb) if keeps_content else None

    def close(self) -> None:
        """Give back the memory and the files."""
        self._duckdb.close()

    def read(self, requests: str, encoding: Encoding) -> pa.Table:
        """Return the spans of requests: object_number, object_line, shape, reason, identity, and the lake's columns.

        Raises:
            One of `UNREADABLE`: At least one of them is no OTLP request, or there is too much in them.
        """
        spans = span_relation.spans_sql(requests, encoding)
        if self.contents is None and self._may_stream():
            flattening = self._flattening(f"({spans})")
            # An Arrow table is a part of the plan, a file is read again.
            streamed = self._result(self._prepared(flattening) if encoding is span_relation.JSON else flattening)
            if streamed["is_new_shape"].null_count == len(streamed):
                self._failed_streams = 0
                return streamed
            self._failed_streams += 1
        self._duckdb.execute(f"create or replace table spans as {spans}")
        self._learn_shapes()
        if self.contents:
            self.contents.add("spans")
        read = self._result(self._flattening("spans"))
        self._duckdb.execute("drop table spans")
        return read

    def parse(self, requests: str) -> None:
        """Read requests in JSON and make nothing of them, which costs a small part of reading their spans.

        Raises:
            One of `UNREADABLE`: At least one of them is no OTLP request, or there is too much in them.
        """
        # Of all that is in them: what a query does not need is not read, and so not refused.
        self._duckdb.execute(f"select count(columns(*)) from {requests}").fetchall()  # noqa: S608 - a path of our own

    def read_table(self, requests: pa.Table, encoding: Encoding) -> pa.Table:
        """Return the spans of requests that are in an Arrow table."""
        self._duckdb.register("given", requests)
        try:
            return self.read("given", encoding)
        finally:
            self._duckdb.unregister("given")

    def _may_stream(self) -> bool:
        """Whether it is worth trying: after each failure in a row twice as many batches do not try."""
        if not self._shape_count:
            return False
        if self._skipped_streams < 2**self._failed_streams - 1:
            self._skipped_streams += 1
            return False
        self._skipped_streams = 0
        return True

    def _flattening(self, spans: str) -> str:
        return span_sql.flatten_sql(spans, shapes="shapes", missing=self._missing_places, as_of=self._as_of)

    def _prepared(self, query: str) -> str:
        """Have the query planned once for all batches that need the same; planning takes as long as a thousand spans."""
        if query != self._planned:
            self._duckdb.execute(f"prepare flatten as {query}")
            self._planned = query
        return "execute flatten"

    def _result(self, query: str) -> pa.Table:
        with self._duckdb.execute(query).to_arrow_reader(ROWS_AT_ONCE) as reader:
            batches, count = [], 0
            for batch in reader:
                batches.append(batch)
                count += batch.num_rows
                if count > MAX_ROWS:
                    raise TooManyRowsError
            return _ordered(pa.Table.from_batches(batches, reader.schema))

    def _learn_shapes(self) -> None:
        if self._shape_count > MAX_SHAPES:
            self._duckdb.execute("delete from shapes")
            self.unmapped = {}
        new = "(select shape, keys, values from spans anti join shapes using (shape))"
        self._duckdb.execute(f"create or replace temp table new_shapes as {span_attributes.shapes_sql(new)}")
        self._duckdb.execute("insert into shapes from new_shapes")
        learned = self._duckdb.execute("select shape, unmapped from new_shapes where unmapped != []").fetchall()
        self.unmapped |= dict(learned)
        self._look_at_shapes()

    def _look_at_shapes(self) -> None:
        places = span_attributes.place_columns()
        counts = ", ".join(f"count({place})" for place in places)
        ((self._shape_count, *found),) = self._duckdb.execute(f"select count(*), {counts} from shapes").fetchall()  # noqa: S608 - names of our own
        self._missing_places = {place for place, count in zip(places, found, strict=True) if not count}


def _ordered(spans: pa.Table) -> pa.Table:
    """The rows as they stood in the objects, whatever the order in which DuckDB gives them."""
    order = np.lexsort([spans[name].to_numpy() for name in reversed(span_relation.ORDER)])
    is_ordered = (order == np.arange(len(order))).all()
    return spans if is_ordered else spans.take(pa.array(order))
