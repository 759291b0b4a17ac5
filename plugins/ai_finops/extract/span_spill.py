"""The spans that a shard read, in a file between its task and the one that puts the shards together.

It holds what `span_table` gave, users sealed, repeats and wrong spans included, in the order in which it came: what becomes of
them depends on the spans of other shards and is settled by the task that has them all (`span_intake.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.extract.span_sql import FLAT_COLUMNS, QUERY_COLUMNS
from ai_finops.privacy.users import SealedUsers

GROUP_ROWS = 16 * 1024
"""Of a row group; so many spans are held in memory when they are read again."""
_KEPT = ["object_number", "reason", "identity", *FLAT_COLUMNS, *QUERY_COLUMNS]
_IDS = ("identity", "trace_id", "span_id", "parent_span_id", "request_id", "response_id", "started_at", "ended_at")
UNMAPPED = "unmapped_names"
"""JSON of the names that the vocabulary does not hold; a few different ones, so that it is as short as a number."""


class SpanSpill:
    """Takes spans as a reader gives them, and writes them down."""

    def __init__(self, path: Path, *, users: SealedUsers) -> None:
        """Start with nothing; without spans there will be no file."""
        self.path = path
        self.span_count = 0
        self._users = users
        self._writer: pq.ParquetWriter | None = None

    def take(self, spans: pa.Table, *, unmapped: Mapping[int, Sequence[str]]) -> None:
        """Write spans at the end of the file."""
        if not len(spans):
            return
        rows = self._users.hide(spans).select(_KEPT).append_column(UNMAPPED, _names(spans["shape"], unmapped))
        if self._writer is None:
            repeating = [name for name in rows.column_names if name not in _IDS]
            self._writer = pq.ParquetWriter(self.path, rows.schema, compression="zstd", use_dictionary=repeating)
        self._writer.write_table(rows.cast(self._writer.schema), row_group_size=GROUP_ROWS)
        self.span_count += len(rows)

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()


def read_spill(path: Path, *, first_number: int) -> Iterator[tuple[pa.Table, dict[int, list[str]]]]:
    """Yield the spans of a file as a reader would have given them, and their unmapped names by shape.

    Args:
        first_number: The number that the first of the shard's objects has here.
    """
    with pq.ParquetFile(path, read_dictionary=[UNMAPPED]) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            names = rows[UNMAPPED].combine_chunks()
            names = names.chunk(0) if isinstance(names, pa.ChunkedArray) else names
            unmapped = {shape: json.loads(each) for shape, each in enumerate(names.dictionary.to_pylist())}
            shapes = pc.fill_null(names.indices, -1)
            numbers = pc.add(rows["object_number"], pa.scalar(first_number, rows["object_number"].type))
            rows = rows.drop_columns([UNMAPPED]).append_column("shape", shapes)
            yield rows.set_column(rows.schema.get_field_index("object_number"), "object_number", numbers), unmapped


def _names(shapes: pa.ChunkedArray, unmapped: Mapping[int, Sequence[str]]) -> pa.Array:
    encoded = shapes.combine_chunks().dictionary_encode()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    names = [json.dumps(unmapped[shape]) if shape in unmapped else None for shape in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)
