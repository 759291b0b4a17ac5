"""Read one data file of a billing export in batches: Parquet, or CSV that is plain, gzip or zip.

A month's file may be larger than memory, so nothing here holds more than a few batches. CSV is read as text only; what the text
means is decided by whoever knows the column. The CSV reader below takes whatever follows a quote that is never closed for one
long value, so quotes are counted as they pass: an odd number is a broken file.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO, Protocol

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from ai_finops.errors import SourceBroken
from ai_finops.extract.compressed import ArrowStream

BATCH_ROWS = 32_768
BLOCK_BYTES = 2 * 1024 * 1024
"""CSV is parsed in blocks of this size, and no line may be longer."""
MAX_GROUP_BYTES = 512 * 1024 * 1024
"""Of a row group of Parquet, decompressed; writers make groups of 128 MB, or of a million lines."""
_COLUMN_NUMBER = re.compile(r"CSV column #(\d+)")
_ROW_IN_MESSAGE = re.compile(r"(got \d+):.*", re.DOTALL)
_UNREADABLE = (
    pa.ArrowException,
    OSError,
    EOFError,
    csv.Error,
    zlib.error,
    zipfile.BadZipFile,
    ValueError,  # of names that are not UTF-8, and of places in a zip file that lie before its start
    RuntimeError,  # of a zip file that is encrypted, or compressed in a way that is not read
)


class Lines(Protocol):
    """The lines of an open file."""

    names: list[str]
    """Its columns, as it spells them; none when the file holds nothing at all."""

    def batches(self, names: list[str]) -> Iterator[pa.Table]:
        """Yield the lines in order, with the named columns."""


def open_lines(file: BinaryIO, where: str, *, nulls: tuple[str, ...]) -> Lines:
    """Open a data file by the end of its name.

    Args:
        file: At its start; stays open as long as lines are read from it.
        where: Its address, for messages.
        nulls: What a CSV writes where there is no value.
    Raises:
        SourceBroken: It is in no format that is read, or (also while lines are read) cannot be read; the message names it.
    """
    reader = next((reader for ending, reader in READERS.items() if where.lower().endswith(ending)), None)
    if reader is None:
        raise SourceBroken(f"{where} is none of {', '.join(READERS)}; export the bill as Parquet or CSV")
    if not file.read(1):  # a part that a smaller delivery does not need any more is overwritten with nothing
        return _NoLines()
    file.seek(0)
    with _named(where):
        return _NamedLines(reader(file, nulls), where)


@contextmanager
def _named(where: str) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise SourceBroken(
            f"{where} cannot be read: {_said(error)}; the old version stays; wait for the next delivery"
        ) from error


class _NoLines:
    def __init__(self) -> None:
        self.names: list[str] = []

    def batches(self, names: list[str]) -> Iterator[pa.Table]:
        return iter(())


class _NamedLines:
    """Lines whose errors name the file; errors of whoever takes the lines pass by."""

    def __init__(self, lines: Lines, where: str) -> None:
        self._lines, self._where = lines, where
        self.names = lines.names

    def batches(self, names: list[str]) -> Iterator[pa.Table]:
        with closing(self._lines.batches(names)) as batches:
            while True:
                with _named(self._where):
                    batch = next(batches, None)
                if batch is None:
                    return
                yield batch


class _ParquetLines:
    def __init__(self, file: BinaryIO, _: tuple[str, ...]) -> None:
        # Read with a buffer, column by column, else a row group is held whole.
        self._file = pq.ParquetFile(file, pre_buffer=False, buffer_size=BLOCK_BYTES // 2)
        self.names = self._file.schema_arrow.names

    def batches(self, names: list[str]) -> Iterator[pa.Table]:
        self._require_bounded()
        for batch in self._file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
            yield pa.Table.from_batches([batch])

    def _require_bounded(self) -> None:
        """Refuse a bomb: 30 KB of Parquet may be a text of 512 MB, which has to be held several times over."""
        metadata = self._file.metadata
        for place in range(metadata.num_row_groups):
            size = metadata.row_group(place).total_byte_size  # of a damaged file, asking for a column ends the process
            if size > MAX_GROUP_BYTES:
                raise pa.ArrowInvalid(
                    f"row group {place} holds {size} bytes, more than {MAX_GROUP_BYTES}; write smaller row groups"
                )


class _CsvLines:
    def __init__(self, stream: BinaryIO, nulls: tuple[str, ...]) -> None:
        self._text = _Text(stream)
        header = self._text.read_header()
        self.names = next(csv.reader([header], strict=True)) if header else []
        self._nulls = nulls

    def batches(self, names: list[str]) -> Iterator[pa.Table]:
        if not self._text.is_empty():
            with self._explained():
                reader = self._open(names)
            with closing(reader):
                while True:
                    with self._explained():
                        batch = next(reader, None)
                    if batch is None:
                        break
                    yield pa.Table.from_batches([batch])
        if self._text.quote_count % 2:
            raise pa.ArrowInvalid("a quote is opened and never closed")

    def _open(self, names: list[str]) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            pa.PythonFile(self._text, mode="r"),
            read_options=pa_csv.ReadOptions(column_names=self.names, block_size=BLOCK_BYTES, use_threads=False),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=list(self._nulls),
            ),
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except pa.ArrowInvalid as error:
            said = str(error)
            if "straddling object" in said:
                said = f"a line is longer than {BLOCK_BYTES} bytes, or a quote in it is never closed"
            elif number := _COLUMN_NUMBER.search(said):
                said = f"column {self.names[int(number[1])]}: {said}"
            raise pa.ArrowInvalid(said) from error


class _Text(io.RawIOBase):
    """A stream of text without its first line, that counts the quotes in it."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._ahead = b""
        self.quote_count = 0

    def read_header(self) -> str:
        """Take the first line off the stream."""
        while b"\n" not in self._ahead and (more := self._stream.read(BLOCK_BYTES)):
            self._ahead += more
            if len(self._ahead) > 2 * BLOCK_BYTES:
                raise pa.ArrowInvalid("its first line is too long for a header")
        line, _, self._ahead = self._ahead.partition(b"\n")
        try:
            return line.decode("utf-8-sig").rstrip("\r")
        except UnicodeDecodeError as error:
            raise pa.ArrowInvalid("its header is not UTF-8") from error

    def is_empty(self) -> bool:
        """Whether nothing follows."""
        self._ahead = self._ahead or self._stream.read(BLOCK_BYTES)
        return not self._ahead

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        taken = self._ahead or self._stream.read(size)
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
        self.quote_count += taken.count(b'"')
        return taken


def _gzip(file: BinaryIO, nulls: tuple[str, ...]) -> _CsvLines:
    return _CsvLines(ArrowStream(file, "gzip"), nulls)


def _zip(file: BinaryIO, nulls: tuple[str, ...]) -> _CsvLines:
    archive = zipfile.ZipFile(file)
    members = [each for each in archive.infolist() if not each.is_dir()]
    if len(members) != 1:
        raise zipfile.BadZipFile(f"it holds {len(members)} files, not one")
    return _CsvLines(archive.open(members[0]), nulls)


READERS: dict[str, Callable[[BinaryIO, tuple[str, ...]], Lines]] = {
    ".parquet": _ParquetLines,
    ".csv.gz": _gzip,
    ".csv.zip": _zip,
    ".zip": _zip,
    ".csv": _CsvLines,
}
"""How a data file is read, by the end of its name."""


def _said(error: BaseException) -> str:
    """Return an error's first words, without the line of the bill that it may quote."""
    return _ROW_IN_MESSAGE.sub(r"\1", str(error)).splitlines()[0][:200] if str(error) else type(error).__name__
