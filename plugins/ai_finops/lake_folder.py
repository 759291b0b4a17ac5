"""A lake in a folder of this machine, or of a file system that all machines see.

A version is made in a hidden folder beside its place and renamed into it; locks are `flock`, which the system gives back when
the holder dies.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow as pa

from ai_finops.lake_files import create_file, parquet_bytes, replace_file, sync
from ai_finops.lake_store import LakeObject


@dataclass(frozen=True, slots=True)
class FolderStore:
    """The verbs of `LakeStore` below `root`; making one touches nothing."""

    root: Path

    def address(self, key: str) -> str:
        """Return the path of an object."""
        return str(self.root / key)

    def find(self, pattern: str) -> dict[str, str]:
        """Return the keys that a pattern names, in order; files here have no stamp."""
        return {path.relative_to(self.root).as_posix(): "" for path in sorted(self.root.glob(pattern))}

    def names(self, home: str) -> list[str]:
        """Return the names of the folders right below `home`, in order."""
        return sorted(path.name for path in (self.root / home).glob("*"))

    def read(self, key: str, *, stamp: str = "") -> bytes:
        """Return an object's content."""
        return (self.root / key).read_bytes()

    def prepare(self, found: Mapping[str, str]) -> None:
        """Nothing: the files are here."""

    def file(self, wanted: LakeObject) -> Path:
        """Return the file itself; what it holds is for the reader to check."""
        return self.root / wanted.key

    def fetch(self, wanted: Sequence[LakeObject]) -> None:
        """Nothing: the files are here."""

    def folder(self, home: str, *, stamp: str) -> Path:
        """Return the folder itself."""
        return self.root / home

    def replace(self, key: str, data: bytes) -> None:
        """Write a file by renaming another one over it."""
        replace_file(self.root / key, data)

    def put(self, key: str, file: Path) -> None:
        """Move a file beside its place, and rename it into it."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            shutil.move(file, draft)
            sync(draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def create(self, key: str, data: bytes) -> bool:
        """Write a file and link it into its place, which unlike renaming replaces nothing."""
        return create_file(self.root / key, data)

    def remove(self, home: str) -> None:
        """Remove a folder."""
        if (self.root / home).exists():
            shutil.rmtree(self.root / home)

    @contextmanager
    def hold(self, key: str) -> Iterator[FolderHold]:
        """Wait for, then hold, the lock of a file."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield FolderHold()

    @contextmanager
    def draft(self, home: str) -> Iterator[Path]:
        """Give a hidden folder beside the versions. The caller holds the lock, so any other is a killed process's."""
        place = self.root / home
        place.mkdir(parents=True, exist_ok=True)
        for left_over in place.glob(".writing-*"):
            shutil.rmtree(left_over)
        draft = place / f".writing-{uuid4().hex}"
        draft.mkdir()
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def claim(self, home: str, *, number: int) -> int:
        """Return the number: the caller holds the lock."""
        return number

    def show(self, draft: Path, key: str, *, last: str, hold: FolderHold) -> str:
        """Rename the draft into its place, all of it in one step."""
        place = self.root / key
        draft.rename(place)
        sync(place.parent)
        return ""

    def purge_copies(self) -> None:
        """Nobody has copies of a folder."""

    def empty_file(self, name: str, *, schema: pa.Schema) -> Path:
        """Return the file, made where it is not there yet."""
        path = self.root / "empty" / name
        if not path.exists():
            replace_file(path, parquet_bytes(schema.empty_table()))
        return path


@dataclass(frozen=True, slots=True)
class FolderHold:
    """A lock of the system's, which only its holder can lose."""

    def require(self) -> None:
        """It is held."""
