"""The Parquet file of a landing's spans, written as they come; a span that came before is held back and settled at the end.

Most landings have no repeats or only equal ones, and then the file is written once. Only where a later delivery of a span is
the better one is the file written again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.extract.span_attributes import text
from ai_finops.extract.span_sql import COMPLETENESS
from ai_finops.lake_schemas import SPANS

_IDS = ("trace_id", "span_id", "parent_span_id", "request_id", "response_id", "started_at", "ended_at")
"""Columns whose values hardly repeat: a dictionary of them would only cost time."""
_WITH_DICTIONARY = [name for name in SPANS.names if name not in _IDS]
GROUP_ROWS = 32 * 1024
"""Of a row group: the same rows give the same bytes, in whatever portions they come."""


@dataclass(slots=True)
class SpanFile:
    """Takes tables with the lake's columns; `finish` ends it."""

    path: Path
    _seen: list[np.ndarray] = field(default_factory=list)
    _written: _Rows = field(init=False)
    _held_back: _Rows | None = None

    def __post_init__(self) -> None:
        self._written = _Rows(self.path)

    def add(self, spans: pa.Table, *, identities: np.ndarray) -> np.ndarray:
        """Take spans and hashes of their ids; return which of them were new."""
        is_new = self._is_new(identities)
        if is_new.all():
            self._written.add(spans)
        else:
            self._written.add(spans.filter(pa.array(is_new)))
            self._held_back = self._held_back or _Rows(self._repeats)
            self._held_back.add(spans.filter(pa.array(~is_new)))
        return is_new

    def finish(self) -> Counter[str]:
        """Close the file; return by how much the loaded spans of an object change because a repeat is the better one.

        Of spans that came more than once the one with the most complete usage stays, then the first object, then the first
        line.
        """
        self._written.finish()
        if self._held_back is None:
            return Counter()
        self._held_back.finish()
        return _settled(self.path, self._repeats)

    def rewrite(self, change: Callable[[pa.Table], pa.Table]) -> None:
        """Write the file again, after `finish`, with rows changed one by one: as many of them, in the same order."""
        rewrite_spans(self.path, change=change, into=self.path)

    def close(self) -> None:
        """Close what is open."""
        self._written.close()
        if self._held_back is not None:
            self._held_back.close()

    @property
    def _repeats(self) -> Path:
        return self.path.with_name(f"{self.path.stem}-repeats.parquet")

    def _is_new(self, identities: np.ndarray) -> np.ndarray:
        unique, first = np.unique(identities, return_index=True)
        is_new = np.zeros(len(identities), bool)
        is_new[first] = True
        for each in self._seen:
            at = np.searchsorted(each, identities)
            is_new &= each[np.minimum(at, len(each) - 1)] != identities
        self._remember(unique)
        return is_new

    def _remember(self, identities: np.ndarray) -> None:
        """Keep sorted runs, each more than twice as long as the next, so that there are few of them to search."""
        while self._seen and len(self._seen[-1]) <= 2 * len(identities):
            identities = np.union1d(self._seen.pop(), identities)
        if len(identities):
            self._seen.append(identities)


def rewrite_spans(path: Path, *, change: Callable[[pa.Table], pa.Table], into: Path) -> None:
    """Write the spans of a file changed into another, or into itself; the same spans always as the same bytes."""
    draft = into.with_name(f"{into.stem}-changed.parquet")
    changed = _Rows(draft)
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            changed.add(change(file.read_row_group(number)).select(SPANS.names).cast(SPANS))
    changed.finish()
    draft.replace(into)


class _Rows:
    """A file of spans in the making."""

    def __init__(self, path: Path) -> None:
        self._waiting = SPANS.empty_table()
        self._writer = pq.ParquetWriter(path, SPANS, compression="zstd", use_dictionary=_WITH_DICTIONARY)

    def add(self, rows: pa.Table) -> None:
        self._waiting = pa.concat_tables([self._waiting, rows])
        while len(self._waiting) >= GROUP_ROWS:
            self._write(self._waiting.slice(0, GROUP_ROWS))
            self._waiting = self._waiting.slice(GROUP_ROWS)

    def finish(self) -> None:
        if len(self._waiting):
            self._write(self._waiting)
        self.close()

    def close(self) -> None:
        self._waiting = SPANS.empty_table()
        self._writer.close()

    def _write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows.combine_chunks())  # chunks would show in where pages end


def _settled(path: Path, repeats: Path) -> Counter[str]:
    """Put the better ones of the repeats into the file; spans whose hashes are equal by chance are no repeats."""
    ranked = f"""
        with repeats as (
            select *, true as is_repeat, file_row_number as place
            from read_parquet({text(str(repeats))}, file_row_number=true)
        ),
        candidates as (
            select *, false as is_repeat, file_row_number as place
            from read_parquet({text(str(path))}, file_row_number=true)
            semi join repeats using (trace_id, span_id)
            union all by name
            from repeats
        )
        select is_repeat, place, object_key, row_number() over (
            partition by trace_id, span_id
            order by {COMPLETENESS} desc, object_key, object_line, is_repeat, place
        ) as rank
        from candidates"""  # noqa: S608 - paths of our own and constants
    with duckdb.connect() as connection:
        connection.execute("set threads=1; set memory_limit='256MB'; set TimeZone='UTC'")
        connection.execute(f"set temp_directory={text(str(path.parent / 'duckdb'))}")
        connection.execute(f"create table ranked as {ranked}")
        changes = connection.execute("""
            select object_key, sum(case when is_repeat then 1 else -1 end)::bigint as change
            from ranked where is_repeat = (rank = 1) group by object_key order by object_key
        """).fetchall()
        better = _places(connection, "is_repeat and rank = 1")
        if len(better):
            _rewrite(path, repeats, worse=_places(connection, "not is_repeat and rank > 1"), better=better)
    repeats.unlink()
    return Counter(dict(changes))


def _places(connection: duckdb.DuckDBPyConnection, condition: str) -> np.ndarray:
    rows = connection.execute(f"select place from ranked where {condition}").fetchall()  # noqa: S608 - a constant
    return np.array([place for (place,) in rows], np.int64)


def _rewrite(path: Path, repeats: Path, *, worse: np.ndarray, better: np.ndarray) -> None:
    """Write the file again without the worse rows and with the better ones at its end."""
    draft = path.with_name(f"{path.stem}-settled.parquet")
    settled = _Rows(draft)
    for source, chosen, keeps in ((path, worse, False), (repeats, better, True)):
        start = 0
        with pq.ParquetFile(source) as file:
            for number in range(file.num_row_groups):
                rows = file.read_row_group(number)
                is_chosen = np.isin(np.arange(start, start + rows.num_rows), chosen)
                settled.add(rows.filter(pa.array(is_chosen == keeps)))
                start += rows.num_rows
    settled.finish()
    draft.replace(path)
