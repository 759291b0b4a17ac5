"""Files of the raw lake: written whole or not at all, and the same rows always as the same bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.errors import LakeError


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old bytes or the new ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    draft.write_bytes(data)
    sync(draft)
    draft.replace(path)


def create_file(path: Path, data: bytes) -> bool:
    """Write a file that is not there; return False, and change nothing, where it is. Readers see all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        draft.write_bytes(data)
        sync(draft)
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def parquet_bytes(table: pa.Table) -> bytes:
    """Encode a table; the same rows in the same order give the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(table.combine_chunks(), buffer, compression="zstd")
    return buffer.getvalue()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed_json(plain: dict) -> bytes:
    """Encode a ledger with the SHA-256 of what it says, so that one turned bit in it is found."""
    return (json.dumps(plain | {"sha256": _said_sha256(plain)}, indent=1) + "\n").encode()


def read_sealed_json(data: bytes) -> dict:
    """Read what `sealed_json` wrote; one of an earlier release has no checksum.

    Raises:
        ValueError: It is not what was written.
    """
    plain = json.loads(data)
    wanted = plain.pop("sha256", None)
    if wanted is not None and wanted != _said_sha256(plain):
        raise ValueError("it is not what was written: its checksum is another")
    return plain


def _said_sha256(plain: dict) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


@contextmanager
def as_lake_error(doing: str, *, then: str = "nothing became visible") -> Iterator[None]:
    """Turn what the disk or a damaged file raises into a `LakeError`: what was being done, and what follows or helps."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowInvalid) as error:
        raise LakeError(f"could not {doing}: {error}; {then}") from error
