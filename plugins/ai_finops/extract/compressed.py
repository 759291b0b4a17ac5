"""Objects that may be compressed: gzip or zstd by their first bytes, whatever the name says; read as a bounded stream.

Both may hold several members or frames. A bomb is cut off at `limit` bytes, so neither time nor memory depend on what a header
promises; zstd itself refuses windows above 128 MB.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import pyarrow as pa

_BUFFER_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_DAMAGED_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)
_DAMAGED_ZSTD = (OSError, pa.ArrowException)


class DamagedError(ValueError):
    """The compressed bytes break off or are none; its text is the reason for the quarantine."""


class TooLongError(ValueError):
    """There is more than the limit; its text is the reason for the quarantine."""


def opened(file: BinaryIO, *, limit: int) -> BinaryIO:
    """Return the content of a file that is at its start; it can be read again from `seek(0)`.

    Reading raises:
        DamagedError: It is truncated or damaged.
        TooLongError: It holds more than `limit` bytes.
    """
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        return io.BufferedReader(_Bounded(file, _open_gzip, "gzip", _DAMAGED_GZIP, limit), _BUFFER_BYTES)
    if start == _ZSTD:
        return io.BufferedReader(_Bounded(file, _open_zstd, "zstd", _DAMAGED_ZSTD, limit), _BUFFER_BYTES)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size <= limit:
        return file  # nothing to bound, and one copy less
    return io.BufferedReader(_Bounded(file, lambda plain: plain, "", (), limit), _BUFFER_BYTES)


class _Bounded(io.RawIOBase):
    """A raw stream over another that counts what it gives."""

    def __init__(
        self,
        file: BinaryIO,
        open_again: Callable[[BinaryIO], Any],
        name: str,
        damaged: tuple[type[Exception], ...],
        limit: int,
    ) -> None:
        self._file, self._open_again, self._name, self._damaged, self._limit = file, open_again, name, damaged, limit
        self._source = open_again(file)
        self._given = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._given

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR and offset == 0:
            return self._given
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only the start can be sought")
        self._file.seek(0)
        self._source = self._open_again(self._file)
        self._given = 0
        return 0

    def readinto(self, buffer: Any) -> int:
        content = self._read(len(buffer))
        room = self._limit - self._given
        if content and not room:
            raise TooLongError(f"longer than {self._limit} bytes")
        if len(content) > room:
            self._source = io.BytesIO(content[room:])  # enough for the next call to see that there is more
            content = content[:room]
        self._given += len(content)
        buffer[: len(content)] = content
        return len(content)

    def _read(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except self._damaged as error:
            content = self._before_damage(size)
            if not content:
                raise DamagedError(f"truncated or damaged {self._name}") from error
            return content

    def _before_damage(self, size: int) -> bytes:
        """Give what the failed read had decompressed before it came to the damage."""
        content = bytearray()
        try:
            self._file.seek(0)
            self._source = self._open_again(self._file)
            skipped = 0
            while skipped < self._given:
                skipped += len(self._source.read(min(_BUFFER_BYTES, self._given - skipped)))
            while len(content) < size and (byte := self._source.read(1)):
                content += byte
        except self._damaged:
            pass
        return bytes(content)


class ArrowStream(io.RawIOBase):
    """What Arrow decompresses, read into memory that Python owns.

    Arrow's own `read` makes room for as many bytes as are asked for and never gives it back when it then fails
    (pyarrow 26.0, `NativeFile.read` in io.pxi): a damaged bill would cost up to 2 MB until the process ends.
    """

    def __init__(self, file: BinaryIO, codec: str) -> None:
        self._stream = pa.CompressedInputStream(pa.PythonFile(_LeftOpen(file), mode="r"), codec)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.readinto(buffer)


def _open_gzip(file: BinaryIO) -> BinaryIO:
    return gzip.GzipFile(fileobj=file)


def _open_zstd(file: BinaryIO) -> BinaryIO:
    return ArrowStream(file, "zstd")


class _LeftOpen:
    """A file that stays open when Arrow closes its stream."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        """Leave it to whoever opened it."""
