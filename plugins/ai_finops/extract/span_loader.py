"""Collects the spans of a landing in a DuckDB of its own, and gives them out as the lake's tables.

The fast way reads tens of megabytes of requests in one statement. When DuckDB refuses them, the lines are halved and tried
again until the one that it refuses stands alone; that one is quarantined and the rest is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa

from ai_finops.extract import compressed, otlp_json, otlp_protobuf, span_sql, vocabulary
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.contents import Texts
from ai_finops.extract.span_attributes import FILLED_KEYS
from ai_finops.extract.span_contents import SpanContents
from ai_finops.lake_schemas import SPANS, UNMAPPED_ATTRIBUTES

SPOOL_BYTES = 64 * 1024 * 1024
MAX_OBJECT_BYTES = 4 * 1024 * 1024 * 1024
"""Decompressed; what comes after it is quarantined."""
MEMORY_LIMIT = "400MB"
PROTOBUF_BYTES = 16 * 1024 * 1024
"""Of requests that are decoded at once; as Arrow they take several times as much."""
MAX_UNMAPPED_NAMES = 1000
_UNREADABLE = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)


class SpanLoader:
    """Takes objects one after the other; `tables` ends it. Everything it writes lies in `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        accounts: Accounts,
        as_of: date,
        keeps_content: bool = False,
        threads: int | None = None,
    ) -> None:
        """Start with nothing; without `threads` DuckDB takes what the machine has."""
        self._accounts = accounts
        self._folder = folder
        self._as_of = as_of
        self._spool = _Spool(folder / "spool.jsonl")
        self._protobuf: list[otlp_protobuf.Request] = []
        self._protobuf_bytes = 0
        self._duckdb = duckdb.connect()
        self._duckdb.execute(
            f"set memory_limit='{MEMORY_LIMIT}'; set TimeZone='UTC'; set preserve_insertion_order=false"
        )
        self._duckdb.execute("set temp_directory=" + _text(str(folder / "duckdb")))
        if threads:
            self._duckdb.execute(f"set threads={threads}")
        otlp_protobuf.register_functions(self._duckdb)
        self._duckdb.execute(span_sql.flat_table_sql("flat"))
        self._duckdb.execute("create table unmapped_names (shape bigint, name varchar)")
        self._shape_count = 0
        known = pa.table({"name": pa.array(vocabulary.span_attribute_names(), pa.string())})
        self._duckdb.register("known_names", known)
        self._contents = SpanContents(self._duckdb) if keeps_content else None

    def close(self) -> None:
        """Give back the memory and the files."""
        self._duckdb.close()
        self._spool.close()

    def add_json(self, number: int, file: BinaryIO) -> None:
        """Take an object of OTLP JSON; what cannot be read of it is quarantined."""
        place = otlp_json.Line(1, 0, b"")
        try:
            for line in otlp_json.read_requests(compressed.opened(file, limit=MAX_OBJECT_BYTES)):
                place = line
                self._add_line(number, line)
        except (compressed.DamagedError, compressed.TooLongError) as error:
            self._accounts.quarantine(number, place=f"after {place.place}", reason=str(error))

    def add_protobuf(self, number: int, file: BinaryIO) -> None:
        """Take an object of OTLP protobuf; one that cannot be read is quarantined whole, at the latest by `tables`."""
        try:
            content = compressed.opened(file, limit=otlp_protobuf.MAX_REQUEST_BYTES).read()
            self._protobuf.append(otlp_protobuf.Request(number, content))
            self._protobuf_bytes += len(content)
        except (compressed.DamagedError, compressed.TooLongError) as error:
            self._accounts.quarantine(number, place="byte 0", reason=str(error))
        if self._protobuf_bytes >= PROTOBUF_BYTES:
            self._load_protobuf()

    def tables(self, *, landing_date: date) -> dict[str, pa.Table | Path]:
        """Load what is left, settle the accounts, and return the lake's tables."""
        self._load_spool()
        self._load_protobuf()
        self._mark_duplicates()
        self._settle()
        return {
            "spans": self._write_spans(landing_date),
            "unmapped_attributes": self._unmapped(landing_date),
            "objects": self._accounts.objects_table(),
            "quarantine": self._accounts.quarantine_table(),
        }

    def contents(self, *, landing_date: date) -> Texts | None:
        """Return the texts of the loaded spans, after `tables`; None where they are not kept."""
        if self._contents is None:
            return None
        return self._contents.write(self._folder / "span_contents.parquet", landing_date=landing_date)

    def _add_line(self, number: int, line: otlp_json.Line) -> None:
        if line.problem == otlp_json.NOT_TRACES:
            self._accounts.ignore(number, reason=line.problem)
        elif line.problem:
            self._accounts.quarantine(number, place=line.place, reason=line.problem)
        else:
            try:
                parts = list(otlp_json.tagged(line, object_number=number))
            except (ValueError, RecursionError, AttributeError, TypeError):
                self._accounts.quarantine(number, place=line.place, reason=otlp_json.problem_of(line.content))
                return
            for part in parts:
                self._spool.write(part)
            if self._spool.size >= SPOOL_BYTES:
                self._load_spool()

    def _load_spool(self) -> None:
        if self._spool.size:
            self._load_lines(self._spool.finish())
            self._spool.restart()

    def _load_lines(self, path: Path) -> None:
        try:
            self._insert(otlp_json.relation_sql(path))
        except _UNREADABLE:
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(self._readable(lines, path=path)))
            self._insert(otlp_json.relation_sql(path))

    def _readable(self, lines: list[bytes], *, path: Path) -> list[bytes]:
        """Return the lines that DuckDB can read, and quarantine the others."""
        path.write_bytes(b"".join(lines))
        try:
            self._rows(f"select count(resourceSpans) from {otlp_json.requests_sql(path)}")  # noqa: S608 - a path of our own
            return lines
        except _UNREADABLE:
            if len(lines) > 1:
                middle = len(lines) // 2
                return self._readable(lines[:middle], path=path) + self._readable(lines[middle:], path=path)
            number, line = otlp_json.untagged(lines[0])
            self._accounts.quarantine(number, place=line.place, reason=otlp_json.problem_of(line.content))
            return []

    def _load_protobuf(self) -> None:
        """Load the requests at once; when one is refused, those that are readable on their own."""
        requests, self._protobuf, self._protobuf_bytes = self._protobuf, [], 0
        try:
            table = otlp_protobuf.requests_table(requests)
        except ValueError:
            wrong = {request.object_number for request in otlp_protobuf.unreadable(requests)}
            for number in sorted(wrong):
                self._accounts.quarantine(number, place="byte 0", reason=otlp_protobuf.NOT_A_REQUEST)
            table = otlp_protobuf.requests_table([each for each in requests if each.object_number not in wrong])
        if table.num_rows:
            self._duckdb.register("protobuf_requests", table)
            self._insert(otlp_protobuf.relation_sql("protobuf_requests"))
            self._duckdb.unregister("protobuf_requests")

    def _insert(self, relation: str) -> None:
        """Load a batch: first its lists, then, knowing which attributes occur, what they mean."""
        self._duckdb.execute(
            f"create or replace temp table batch as select *, coalesce({FILLED_KEYS}, []) as filled_keys from {relation}"  # noqa: S608 - our own
        )
        self._duckdb.execute(f"""
            create or replace temp table batch_shapes as
            select {self._shape_count} + row_number() over () as shape, filled_keys
            from (select distinct filled_keys from batch)""")  # noqa: S608 - a number
        ((count,),) = self._rows("select count(*) from batch_shapes")
        self._shape_count += count
        names = {name for (name,) in self._rows("select distinct unnest(filled_keys) from batch_shapes") if name}
        flat = span_sql.flatten_sql("batch", shapes="batch_shapes", names=names, as_of=self._as_of)
        self._duckdb.execute(f"insert into flat {flat}")
        self._note_unmapped()
        if self._contents is not None:
            self._contents.add("batch")
        self._duckdb.execute("drop table batch")

    def _note_unmapped(self) -> None:
        """Keep the names in a batch's lists that the vocabulary does not hold; indexes in names are written N."""
        self._duckdb.execute(r"""
            insert into unmapped_names
            with names as (
                select shape, unnest(list_distinct(list_transform(
                    list_filter(filled_keys, lambda k: k is not null), lambda k: regexp_replace(k, '\.[0-9]+\b', '.N', 'g')
                ))) as name
                from batch_shapes
            )
            select shape, name from names anti join known_names using (name)""")

    def _mark_duplicates(self) -> None:
        """Of spans that came more than once keep the most complete usage, then the first object, then the first line."""
        self._duckdb.execute(f"""
            create table repeats as
            select row_id from (
                select flat.rowid as row_id, row_number() over (
                    partition by trace_id, span_id
                    order by {span_sql.COMPLETENESS} desc, object_number, object_line, md5(flat::varchar)
                ) as rank
                from flat
                semi join (
                    select trace_id, span_id from flat where reason is null group by all having count(*) > 1
                ) as repeated using (trace_id, span_id)
                where reason is null
            ) where rank > 1""")  # noqa: S608 - constants
        self._duckdb.execute(
            "create view kept as select * from flat where reason is null and rowid not in (select row_id from repeats)"
        )

    def _settle(self) -> None:
        read = dict(self._rows("select object_number, count(*) from flat group by all"))
        loaded = dict(self._rows("select object_number, count(*) from kept group by all"))
        repeated = dict(
            self._rows(
                "select object_number, count(*) from flat where rowid in (select row_id from repeats) group by all"
            )
        )
        for number, account in enumerate(self._accounts.objects):
            account.loaded_count += loaded.get(number, 0)
            account.duplicate_count += repeated.get(number, 0)
        wrong = self._rows("""
            select object_number, reason, arg_min([object_line::varchar, span_id], (object_line, span_id)) as first, count(*)
            from flat where reason is not null group by object_number, reason order by object_number, reason""")
        for number, reason, (line, span_id), count in wrong:
            place = f"line {line}, span {span_id}" + (f" and {count - 1} more" if count > 1 else "")
            self._accounts.quarantine(number, place=place, reason=reason, record_count=count)
            read[number] -= count
        for number, count in read.items():
            self._accounts.objects[number].read_count += count

    def _write_spans(self, landing_date: date) -> Path:
        path = self._folder / "spans.parquet"
        keys = [account.object_key for account in self._accounts.objects]
        names = pa.table({"number": pa.array(range(len(keys)), pa.int32()), "object_key": pa.array(keys, pa.string())})
        self._duckdb.register("object_names", names)
        self._duckdb.execute("set preserve_insertion_order=true")
        self._duckdb.execute(f"""
            copy (
                select {", ".join(_lake_column(name, landing_date) for name in SPANS.names)}
                from kept join object_names on object_number = number
                order by trace_id, span_id
            ) to {_text(str(path))} (format parquet, compression zstd)""")  # noqa: S608 - names of the schema, a date and a path of our own
        return path

    def _unmapped(self, landing_date: date) -> pa.Table:
        """Count the spans by attribute name that the vocabulary does not hold."""
        rows = self._rows(f"""
            with counts as (select service_name, shape, count(*) as span_count from kept group by all)
            select name, service_name, sum(span_count)::bigint from counts inner join unmapped_names using (shape)
            group by all order by 3 desc, name, service_name limit {MAX_UNMAPPED_NAMES}""")  # noqa: S608 - a constant
        columns = ("attribute_name", "service_name", "span_count")
        plain = [dict(zip(columns, row, strict=True)) | {"landing_date": landing_date} for row in rows]
        return pa.Table.from_pylist(plain, schema=UNMAPPED_ATTRIBUTES)

    def _rows(self, query: str) -> list[tuple]:
        return self._duckdb.execute(query).fetchall()


@dataclass(slots=True)
class _Spool:
    """A file of tagged lines that is used again and again."""

    path: Path
    size: int = 0
    _file: BinaryIO | None = None

    def write(self, line: bytes) -> None:
        if self._file is None:
            self._file = self.path.open("wb")
        self.size += self._file.write(line)

    def finish(self) -> Path:
        self.close()
        return self.path

    def restart(self) -> None:
        self.path.unlink(missing_ok=True)
        self.size = 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _lake_column(name: str, landing_date: date) -> str:
    return f"date '{landing_date}' as landing_date" if name == "landing_date" else name


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
