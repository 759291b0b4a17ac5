"""What an export's lines come to by invoice, account, service and kind of line, all lines counted, in bounded memory."""

from __future__ import annotations

import pyarrow as pa

from ai_finops.extract.export_columns import Columns
from ai_finops.lake_schemas import EXACT

_COMPACTED_AT = 64


class Totals:
    """Sums of the exact columns of a schema of totals; its text columns and `is_landed` are the key."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._sums = [field.name for field in schema if field.type == EXACT]
        self._keys = [field.name for field in schema if field.name not in (*self._sums, "line_count")]
        self._parts: list[pa.Table] = []

    def add(
        self, lines: pa.Table, columns: Columns, *, constant: dict[str, str | None], is_landed: pa.ChunkedArray
    ) -> None:
        """Add lines as the file has them.

        Raises:
            SourceBroken: A value cannot be read; the message names the file and the column.
        """
        known = {name: pa.repeat(pa.scalar(constant[name], pa.string()), lines.num_rows) for name in constant}
        known |= {"is_landed": is_landed, "line_count": pa.repeat(pa.scalar(1, pa.int64()), lines.num_rows)}
        arrays = [known[name] if name in known else columns.read(name, lines) for name in self._schema.names]
        self._parts.append(self._summed(pa.table(arrays, schema=self._schema)))
        if len(self._parts) >= _COMPACTED_AT:
            self._parts = [self._summed(pa.concat_tables(self._parts))]

    def table(self) -> pa.Table:
        """Return the totals in the schema's columns, in the order of the key."""
        if not self._parts:
            return self._schema.empty_table()
        return self._summed(pa.concat_tables(self._parts)).sort_by([(key, "ascending") for key in self._keys])

    def _summed(self, rows: pa.Table) -> pa.Table:
        summed = rows.group_by(self._keys, use_threads=False).aggregate(
            [(name, "sum") for name in (*self._sums, "line_count")]
        )
        names = {**{name: name for name in self._keys}, **{f"{n}_sum": n for n in (*self._sums, "line_count")}}
        return (
            summed.rename_columns([names[name] for name in summed.column_names])
            .select(self._schema.names)
            .cast(self._schema)
        )
