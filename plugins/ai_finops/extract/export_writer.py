"""Write lines that come in batches of any size to one Parquet file, without holding them all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 65_536


class LineWriter:
    """Writes row groups of one size; the same lines give the same bytes, however they are cut into batches."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        try:
            if error is None:
                self._flush()
        finally:
            self._writer.close()

    def write(self, lines: pa.Table) -> None:
        """Add lines of the schema."""
        self._waiting.append(lines)
        self._waiting_rows += lines.num_rows
        while self._waiting_rows >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        """Write one row group, the last of which may be smaller."""
        waiting = pa.concat_tables(self._waiting) if self._waiting else None
        if waiting is not None and waiting.num_rows:
            self._writer.write_table(waiting.slice(0, ROW_GROUP_ROWS).combine_chunks())
            waiting = waiting.slice(ROW_GROUP_ROWS)
            self._waiting, self._waiting_rows = [waiting], waiting.num_rows
