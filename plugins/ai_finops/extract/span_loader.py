"""Takes the objects of a landing one after the other, and gives their spans out as the lake's tables.

Many small objects are read together: a spool of JSON lines in one statement, many protobuf requests in another, and their
spans go straight into the lake's file. When DuckDB refuses a spool, its lines are halved and parsed again until those that it
refuses stand alone; these are quarantined and the rest is loaded. So memory depends on neither how many objects there are
nor how many spans.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from ai_finops.extract import compressed, otlp_json, otlp_protobuf, span_relation
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.contents import Texts
from ai_finops.extract.long_requests import TOO_MANY_VALUES, UncutError
from ai_finops.extract.sifting import batched, sift
from ai_finops.extract.span_contents import SpanContents
from ai_finops.extract.span_intake import SpanIntake, SpanTaker
from ai_finops.extract.span_table import TOO_LARGE, UNREADABLE, SpanTable
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
_UNDECODED = (otlp_protobuf.NotARequestError, *UNREADABLE)


class SpanReader:
    """Takes objects one after the other and gives their spans to a taker; `finish` ends it. Its files lie in `folder`."""

    def __init__(
        self,
        folder: Path,
        *,
        accounts: Accounts,
        taker: SpanTaker,
        as_of: date,
        keeps_content: bool = False,
        threads: int = 1,
    ) -> None:
        """Start with nothing; each thread more than one costs about 100 MB."""
        self._accounts = accounts
        self._taker = taker
        self._spool = _Spool(folder / "spool.jsonl")
        self._protobuf: list[tuple[int, bytes]] = []
        self._protobuf_bytes = self._protobuf_values = 0
        self._is_first = True
        self._refused: list[tuple[int, int, int, str, str]] = []
        self._table = SpanTable(folder, as_of=as_of, keeps_content=keeps_content, threads=threads)

    @property
    def texts(self) -> SpanContents | None:
        """The texts of the spans, whole after `finish`; None where they are not kept."""
        return self._table.contents

    def close(self) -> None:
        """Give back the memory and the files."""
        self._table.close()
        self._spool.close()
        self._taker.close()

    def finish(self) -> None:
        """Read what is left, and quarantine what could not be."""
        self._load_spool()
        self._load_protobuf()
        # In this order whatever was read together: the first reason is the object's.
        for number, _, _, place, reason in sorted(self._refused):
            self._accounts.quarantine(number, place=place, reason=reason)

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
            self._refused.append((number, line.number, line.offset, line.place, reason))

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
                self._refused.append((number, 1, 0, "byte 0", reason))

    def _load_decoded(self, requests: Sequence[tuple[int, bytes]]) -> None:
        if not requests:
            return
        numbers, contents = zip(*requests, strict=True)
        lines, offsets = (pa.repeat(pa.scalar(value, pa.int64()), len(numbers)) for value in (1, 0))
        given = {"_object": pa.array(numbers, pa.int32()), "_line": lines, "_offset": offsets}
        table = pa.table(given | {"resource_spans": otlp_protobuf.read_requests(contents)})
        self._take(self._table.read_table(table, span_relation.PROTOBUF))

    def _take(self, spans: pa.Table) -> None:
        self._taker.take(spans, unmapped=self._table.unmapped)


class SpanLoader(SpanReader):
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
        """Start with nothing."""
        self._intake = SpanIntake(folder, accounts=accounts, users=users)
        self._folder = folder
        super().__init__(
            folder,
            accounts=accounts,
            taker=self._intake,
            as_of=as_of,
            keeps_content=keeps_content,
            threads=threads,
        )

    def tables(self) -> dict[str, pa.Table | Path]:
        """Load what is left, settle the accounts, and return the lake's tables."""
        self.finish()
        return self._intake.settle()

    def contents(self) -> Texts | None:
        """Return the texts of the loaded spans, after `tables`; None where they are not kept."""
        if self.texts is None:
            return None
        return self.texts.write(
            self._folder / "span_contents.parquet",
            spans=self._intake.spans,
            object_keys=[account.object_key for account in self._accounts.objects],
            landing_date=self._accounts.landing_date,
            without_traces=self._intake.forgotten_traces,
        )

    def queries(self, *, texts: Texts | None = None, open_embedder: Callable[[], Embedder] | None = None) -> Texts:
        """Return what the loaded spans say of queries, after `tables`, and what their texts say where these are kept."""
        return self._intake.queries(texts=texts, open_embedder=open_embedder)


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
            # A file takes less for no other reason.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
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
