"""What people and models said: a column family of its own, off unless `AI_FINOPS_KEEP_CONTENT` is true.

Texts lie in partitions of `trace_contents`, apart from the spans, where no build looks. A partition older than
`AI_FINOPS_CONTENT_RETENTION_DAYS` is removed with every version of it by the next landing, also after the setting is off
again. `content_attributes.csv` says which attributes hold text; texts in span events are not read.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb

from ai_finops.config import Settings
from ai_finops.extract import vocabulary
from ai_finops.extract.span_attributes import text
from ai_finops.lake import Lake

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
        """Take the texts of a relation with the columns of `span_sql.ATTRIBUTE_LISTS`."""
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

    def write(self, path: Path, *, landing_date: date) -> int:
        """Write the texts of the spans that the loader keeps; return how many there are."""
        self._duckdb.execute(f"""
            copy (
                select distinct trace_id, span_id, attribute_name, content_kind, content,
                    date '{landing_date}' as landing_date
                from contents semi join kept using (object_number, object_line, trace_id, span_id)
                order by all
            ) to {text(str(path))} (format parquet, compression zstd)""")  # noqa: S608 - a date and a path of our own
        return self._duckdb.execute(f"select count(*) from read_parquet({text(str(path))})").fetchone()[0]  # noqa: S608


def settle(day: date, *, file: Path | None, row_count: int, settings: Settings, lake: Lake, as_of: date) -> None:
    """Make `file` the day's texts, or have none of the day, and remove every day that is past the retention.

    Args:
        file: Parquet of the lake's `span_contents`; None where texts are not kept.
        as_of: The clock of the retention: of `as_of` − days and before, nothing stays.
    Raises:
        LakeError: The lake cannot be written.
    """
    first_kept = as_of - timedelta(days=settings.content_retention_days)
    for key in lake.current(SOURCE):
        if date.fromisoformat(key) < first_kept:
            lake.remove_partition(SOURCE, key)
    if file is not None and row_count and day >= first_kept:
        lake.write_partition(SOURCE, str(day), tables={TABLE: file})
    elif file is not None:
        lake.remove_partition(SOURCE, str(day))
