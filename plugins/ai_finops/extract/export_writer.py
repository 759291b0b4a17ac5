"""Write lines that come in batches of any size to one Parquet file, without holding them all."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.lake_files import as_lake_error

ROW_GROUP_ROWS = 65_536


class LineWriter:
    """Writes row groups of one size; the same lines give the same bytes, however they are cut into batches."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        with self._named():
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
            with self._named():
                self._writer.close()

    def write(self, lines: pa.Table) -> None:
        """Add lines of the schema.

        Raises:
            LakeError: The disk refuses.
        """
        self._waiting.append(lines)
        self._waiting_rows += lines.num_rows
        while self._waiting_rows >= ROW_GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        """Write one row group, the last of which may be smaller."""
        waiting = pa.concat_tables(self._waiting) if self._waiting else None
        if waiting is not None and waiting.num_rows:
            with self._named():
                self._writer.write_table(waiting.slice(0, ROW_GROUP_ROWS).combine_chunks())
            waiting = waiting.slice(ROW_GROUP_ROWS)
            self._waiting, self._waiting_rows = [waiting], waiting.num_rows

    def _named(self) -> AbstractContextManager[None]:
        return as_lake_error(f"write {self._path}", then="nothing became visible; make room on its disk")
