"""Takes the objects of a landing one after the other, and gives their spans out as the lake's tables.

Many small objects are read together: a spool of JSON lines in one statement, many protobuf requests in another, and their
spans go straight into the lake's file. When DuckDB refuses a spool, its lines are halved and parsed again until those that it
refuses stand alone; these are quarantined and the rest is loaded. So memory depends on neither how many objects there are
nor how many spans.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.extract import compressed, otlp_json, otlp_protobuf, span_relation
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.contents import Texts
from ai_finops.extract.long_requests import TOO_MANY_VALUES, UncutError
from ai_finops.extract.sifting import batched, sift
from ai_finops.extract.span_file import SpanFile
from ai_finops.extract.span_queries import SpanQueries
from ai_finops.extract.span_table import TOO_LARGE, UNREADABLE, SpanTable
from ai_finops.lake_schemas import SPANS, UNMAPPED_ATTRIBUTES
from ai_finops.privacy.forgotten_rows import Forgotten, ids_of_traces, quarantine_without, spans_without
from ai_finops.privacy.users import Users

if TYPE_CHECKING:
    from ai_finops.analyse.embedder import Embedder

SPOOL_BYTES = 24 * 1024 * 1024
"""JSON that is read in one statement; its spans are held in memory."""
FIRST_BYTES = 4 * 1024 * 1024
"""Of the first spool: a batch from which shapes are learned takes more memory than the others."""
PARSED_BYTES = 1024 * 1024
"""Of lines that are parsed at once to find the broken ones: what DuckDB holds of them is not counted in its limit."""
PROTOBUF_BYTES = 16 * 1024 * 1024
"""Of requests that are decoded at once; as Arrow they take several times as much."""
MAX_OBJECT_BYTES = 4 * 1024 * 1024 * 1024
"""Decompressed; what comes after it is quarantined."""
MAX_VALUES = 2_000_000
"""Of protobuf that is decoded at once, and of a request: as Arrow an empty value takes up to fifty times its two bytes."""
MAX_UNMAPPED_NAMES = 1000
_UNDECODED = (otlp_protobuf.NotARequestError, *UNREADABLE)


class SpanLoader:
    """Takes objects one after the other; `tables` ends it. Everything it writes lies in `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        accounts: Accounts,
        users: Users,
        as_of: date,
        keeps_content: bool = False,
        threads: int = 1,
    ) -> None:
        """Start with nothing; each thread more than one costs about 100 MB."""
        self._accounts = accounts
        self._users = users
        self._forgotten_traces: set[str] = set()
        self._folder = folder
        self._spool = _Spool(folder / "spool.jsonl")
        self._protobuf: list[tuple[int, bytes]] = []
        self._protobuf_bytes = self._protobuf_values = 0
        self._is_first = True
        self._table = SpanTable(folder, as_of=as_of, keeps_content=keeps_content, threads=threads)
        self._file = SpanFile(folder / "spans.parquet")
        self._queries = SpanQueries(folder)
        self._wrong = _WrongSpans()
        self._unmapped: Counter[tuple[str, str | None]] = Counter()

    def close(self) -> None:
        """Give back the memory and the files."""
        self._table.close()
        self._spool.close()
        self._file.close()
        self._queries.close()

    def add_json(self, number: int, file: BinaryIO) -> None:
        """Take an object of OTLP JSON; what cannot be read of it is quarantined."""
        for line in otlp_json.read_requests(file, max_bytes=MAX_OBJECT_BYTES):
            if line.problem == otlp_json.NOT_TRACES:
                self._accounts.ignore(number, reason=line.problem)
            elif line.problem:
                self._accounts.quarantine(number, place=line.place, reason=line.problem)
            else:
                self._add_line(number, line)

    def add_protobuf(self, number: int, file: BinaryIO) -> None:
        """Take an object of OTLP protobuf; one that cannot be read is quarantined whole, at the latest by `tables`."""
        try:
            content = compressed.opened(file, limit=otlp_protobuf.MAX_REQUEST_BYTES).read()
        except (compressed.DamagedError, compressed.TooLongError) as error:
            self._accounts.quarantine(number, place="byte 0", reason=str(error))
            return
        value_count = otlp_protobuf.count_values(content, enough=MAX_VALUES)
        if value_count > MAX_VALUES:
            self._accounts.quarantine(number, place="byte 0", reason=TOO_MANY_VALUES)
            return
        if self._protobuf_bytes + len(content) > PROTOBUF_BYTES or self._protobuf_values + value_count > MAX_VALUES:
            self._load_protobuf()
        self._protobuf.append((number, content))
        self._protobuf_bytes += len(content)
        self._protobuf_values += value_count

    def tables(self) -> dict[str, pa.Table | Path]:
        """Load what is left, settle the accounts, and return the lake's tables."""
        self._load_spool()
        self._load_protobuf()
        changes = self._file.finish()
        if self._forgotten_traces:
            self._forget()
        for account in self._accounts.objects:
            change = changes[account.object_key]
            account.loaded_count += change
            account.duplicate_count -= change
        self._wrong.quarantine(self._accounts)
        quarantine = self._accounts.quarantine_table()
        return {
            "spans": self._file.path,
            "unmapped_attributes": self._unmapped_table(),
            "objects": self._accounts.objects_table(),
            "quarantine": quarantine_without(quarantine) if self._forgotten_traces else quarantine,
        }

    def contents(self) -> Texts | None:
        """Return the texts of the loaded spans, after `tables`; None where they are not kept."""
        if self._table.contents is None:
            return None
        path = self._folder / "span_contents.parquet"
        keys = [account.object_key for account in self._accounts.objects]
        return self._table.contents.write(
            path,
            spans=self._file.path,
            object_keys=keys,
            landing_date=self._accounts.landing_date,
            without_traces=self._forgotten_traces,
        )

    def queries(self, *, texts: Texts | None = None, open_embedder: Callable[[], Embedder] | None = None) -> Texts:
        """Return what the loaded spans say of queries, after `tables`, and what their texts say where these are kept."""
        return self._queries.write(
            self._folder / "span_queries.parquet",
            spans=self._file.path,
            landing_date=self._accounts.landing_date,
            texts=texts.file if texts else None,
            open_embedder=open_embedder,
            without_traces=self._forgotten_traces,
        )

    def _forget(self) -> None:
        """Take out of the file whose forgotten traces are; a span may have come before the one that names the user."""
        forgotten = Forgotten(frozenset(), frozenset(self._forgotten_traces))
        self._file.rewrite(lambda spans: spans_without(spans, forgotten))
        self._users.remember_ids(ids_of_traces(self._file.path, self._forgotten_traces))

    def _add_line(self, number: int, line: otlp_json.Line) -> None:
        try:
            for part in otlp_json.tagged(line, object_number=number):
                self._spool.write(part)
                if self._spool.size >= (min(FIRST_BYTES, SPOOL_BYTES) if self._is_first else SPOOL_BYTES):
                    self._load_spool()
        except UncutError as error:
            self._accounts.quarantine(number, place=line.place, reason=str(error))

    def _load_spool(self) -> None:
        if not self._spool.size:
            return
        path = self._spool.finish()
        try:
            self._load_lines(path)
        except UNREADABLE:
            with path.open("rb") as file:
                lines = file.readlines()
            self._load_readable(lines, path=path)
        self._spool.restart()
        self._is_first = False

    def _load_lines(self, path: Path) -> None:
        requests = otlp_json.requests_sql(path, longest_line=self._spool.longest_line)
        self._take(self._table.read(requests, span_relation.JSON))

    def _load_readable(self, lines: list[bytes], *, path: Path) -> None:
        """Load the lines that DuckDB can read, and quarantine the others.

        Those that are no requests are found by parsing alone, a part of a spool at a time: a thousand broken ones are
        thousands of statements, and what a statement parses is held in memory.
        """

        def parse(part: Sequence[bytes]) -> None:
            path.write_bytes(b"".join(part))
            self._table.parse(otlp_json.requests_sql(path, longest_line=self._spool.longest_line))

        def load(part: Sequence[bytes]) -> None:
            path.write_bytes(b"".join(part))
            self._load_lines(path)

        requests, refused = [], []
        for part in batched(lines, most_bytes=PARSED_BYTES):
            accepted, refused_of_part = sift(part, attempt=parse, errors=UNREADABLE)
            requests += accepted
            refused += refused_of_part
        _, refused_later = sift(requests, attempt=load, errors=UNREADABLE)
        for tagged, error in (*refused, *refused_later):
            number, line = otlp_json.unread(tagged)
            reason = TOO_MANY_VALUES if issubclass(error, TOO_LARGE) else line.problem
            self._accounts.quarantine(number, place=line.place, reason=reason)

    def _load_protobuf(self) -> None:
        requests, self._protobuf, self._protobuf_bytes, self._protobuf_values = self._protobuf, [], 0, 0
        self._load_requests(requests)

    def _load_requests(self, requests: list[tuple[int, bytes]]) -> None:
        """Load the requests that can be read, and quarantine the others; those that are none are found by decoding alone."""

        def decode(part: Sequence[tuple[int, bytes]]) -> None:
            otlp_protobuf.read_requests([content for _, content in part])

        try:
            self._load_decoded(requests)
        except _UNDECODED:
            readable, refused = sift(requests, attempt=decode, errors=_UNDECODED)
            _, refused_later = sift(readable, attempt=self._load_decoded, errors=_UNDECODED)
            for (number, _), error in (*refused, *refused_later):
                reason = TOO_MANY_VALUES if issubclass(error, TOO_LARGE) else otlp_protobuf.NOT_A_REQUEST
                self._accounts.quarantine(number, place="byte 0", reason=reason)

    def _load_decoded(self, requests: Sequence[tuple[int, bytes]]) -> None:
        if not requests:
            return
        numbers, contents = zip(*requests, strict=True)
        lines, offsets = (pa.repeat(pa.scalar(value, pa.int64()), len(numbers)) for value in (1, 0))
        given = {"_object": pa.array(numbers, pa.int32()), "_line": lines, "_offset": offsets}
        table = pa.table(given | {"resource_spans": otlp_protobuf.read_requests(contents)})
        self._take(self._table.read_table(table, span_relation.PROTOBUF))

    def _take(self, spans: pa.Table) -> None:
        """Account for spans and write those that can be kept."""
        self._count(spans, "read_count")
        spans = self._users.hide(spans)
        self._forgotten_traces |= self._users.forgotten_traces(spans)
        if spans["reason"].null_count < len(spans):
            self._wrong.add(spans.filter(pc.is_valid(spans["reason"])))
            spans = spans.filter(pc.is_null(spans["reason"]))
        is_new = self._file.add(self._with_places(spans), identities=spans["identity"].to_numpy())
        if not is_new.all():
            self._count(spans.filter(pa.array(~is_new)), "duplicate_count")
            spans = spans.filter(pa.array(is_new))
        self._count(spans, "loaded_count")
        self._count_unmapped(spans)
        self._unmapped += self._queries.add(spans, object_keys=self._object_keys(spans))

    def _count(self, spans: pa.Table, name: str) -> None:
        counts = np.bincount(spans["object_number"].to_numpy())
        for number in np.flatnonzero(counts):
            account = self._accounts.objects[number]
            setattr(account, name, getattr(account, name) + int(counts[number]))

    def _object_keys(self, spans: pa.Table) -> pa.Array:
        numbers = spans["object_number"].to_numpy()
        first, last = (int(numbers[0]), int(numbers[-1])) if len(numbers) else (0, 0)
        keys = pa.array([account.object_key for account in self._accounts.objects[first : last + 1]], pa.string())
        return keys.take(pa.array(numbers - first))

    def _with_places(self, spans: pa.Table) -> pa.Table:
        object_keys = self._object_keys(spans)
        dates = pa.repeat(pa.scalar(self._accounts.landing_date, pa.date32()), len(spans))
        spans = spans.append_column("object_key", object_keys).append_column("landing_date", dates)
        return spans.select(SPANS.names).cast(SPANS)

    def _count_unmapped(self, spans: pa.Table) -> None:
        """Count the spans by attribute name that the vocabulary does not hold; indexes in names are written N."""
        if not self._table.unmapped:
            return
        keys = ["service_name", "shape"]
        groups = spans.select(keys).group_by(keys).aggregate([([], "count_all")])
        counts = zip(*(groups[name].to_pylist() for name in (*keys, "count_all")), strict=True)
        for service, shape, count in counts:
            for name in self._table.unmapped.get(shape, ()):
                self._unmapped[name, service] += count

    def _unmapped_table(self) -> pa.Table:
        ordered = sorted(self._unmapped.items(), key=lambda each: (-each[1], each[0][0], each[0][1] or ""))
        day = self._accounts.landing_date
        rows = [
            {"landing_date": day, "attribute_name": name, "service_name": service, "span_count": count}
            for (name, service), count in ordered[:MAX_UNMAPPED_NAMES]
        ]
        return pa.Table.from_pylist(rows, schema=UNMAPPED_ATTRIBUTES)


@dataclass(slots=True)
class _WrongSpans:
    """Spans that are set aside, counted by object and reason, with the place of the first."""

    _found: dict[tuple[int, str], tuple[int, str, int]] = field(default_factory=dict)

    def add(self, spans: pa.Table) -> None:
        names = ("object_number", "reason", "object_line", "span_id")
        for number, reason, line, span_id in zip(*(spans[name].to_pylist() for name in names), strict=True):
            *first, count = self._found.get((number, reason), (line, span_id or "", 0))
            first = min((line, span_id or ""), tuple(first))
            self._found[number, reason] = (*first, count + 1)

    def quarantine(self, accounts: Accounts) -> None:
        for (number, reason), (line, span_id, count) in sorted(self._found.items()):
            place = f"line {line}, span {span_id}" + (f" and {count - 1} more" if count > 1 else "")
            accounts.objects[number].read_count -= count  # it was counted as read before, and is again just below
            accounts.quarantine(number, place=place, reason=reason, record_count=count)


@dataclass(slots=True)
class _Spool:
    """A file of tagged lines that is used again and again."""

    path: Path
    size: int = 0
    longest_line: int = 0
    _file: BinaryIO | None = None

    def write(self, pieces: tuple[bytes | memoryview, ...]) -> None:
        if self._file is None:
            self._file = self.path.open("wb", buffering=0)
        length = sum(map(len, pieces))
        if os.writev(self._file.fileno(), pieces) != length:
            raise OSError(
                errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path)
            )  # a file takes less for no other reason
        self.size += length
        self.longest_line = max(self.longest_line, length)

    def finish(self) -> Path:
        self.close()
        return self.path

    def restart(self) -> None:
        self.path.unlink(missing_ok=True)
        self.size = self.longest_line = 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
