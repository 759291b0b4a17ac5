"""Copy the rows of a mart from DuckDB to PostgreSQL in the text format of COPY.

DuckDB writes each row as a line of it, and the buffers of its Arrow batches go to the server as they are: no value becomes a
Python object, decimals keep every digit and floats are the shortest text that reads back as the same number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_finops.publish.postgres_tables import Column, Table

if TYPE_CHECKING:
    import duckdb
    import psycopg
    import pyarrow as pa

ROWS_PER_BATCH = 20_000
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
"""What has a meaning in the text format; the backslash first."""
NUL_SHOWN_AS = "\N{REPLACEMENT CHARACTER}"
"""PostgreSQL's texts hold no NUL; one text with it must not keep the marts from their readers."""


def copy_rows(
    marts: duckdb.DuckDBPyConnection, postgres: psycopg.Connection, table: Table, *, schema: str, is_frozen: bool
) -> int:
    """Append all rows of a mart to its table; return how many.

    Args:
        is_frozen: Let transactions that began before see the rows too; only for a table that was made in this transaction and
            is not temporary. Without, a reader in REPEATABLE READ would find a schema that was swapped meanwhile to be empty.
    """
    from psycopg import sql

    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    statement = sql.SQL("copy {} ({}) from stdin (format text{})").format(
        sql.Identifier(schema, table.name), columns, sql.SQL(", freeze" if is_frozen else "")
    )
    row_count = 0
    with postgres.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in marts.sql(line_query(table)).to_arrow_reader(ROWS_PER_BATCH):
            lines = batch.column(0)
            row_count += len(lines)
            copy.write(_bytes_of(lines))
    return row_count


def line_query(table: Table) -> str:
    """Return the query whose one column `line` holds each row as a line of COPY's text format, with its end."""
    line = " || chr(9) || ".join(_text_of(column) for column in table.columns)
    return f'select {line} || chr(10) as line from "{table.name}"'  # noqa: S608 - names of our own marts


def _text_of(column: Column) -> str:
    value = '"' + column.name.replace('"', '""') + '"'
    if column.kind == "jsonb":
        # What a NUL is in JSON; jsonb refuses it as text does.
        value = _escaped(rf"replace(cast(to_json({value}) as varchar), '\u0000', '\ufffd')")
    elif column.kind == "text":
        value = _escaped(f"replace({value}, chr(0), '{NUL_SHOWN_AS}')")
    return rf"coalesce(cast({value} as varchar), '\N')"


def _escaped(value: str) -> str:
    for sign, escape in _ESCAPES:
        value = f"replace({value}, chr({ord(sign)}), '{escape}')"
    return value


def _bytes_of(lines: pa.StringArray) -> memoryview:
    """Return the texts of an Arrow string array one after the other, as they lie in its buffer."""
    import pyarrow as pa

    lines = lines.cast(pa.large_string())
    _, offsets, data = lines.buffers()
    ends = memoryview(offsets).cast("q")
    return memoryview(data)[ends[lines.offset] : ends[lines.offset + len(lines)]]
