"""The few verbs that the raw lake needs of the place where it lies, whatever that place is.

What lies there is named by keys: paths below the lake's root with `/` between their parts. `FolderStore` (lake_folder.py) keeps
it in a folder, `S3Store` (lake_s3.py) in a bucket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from ai_finops.lake_files import as_lake_error


class LakeObject(NamedTuple):
    """An object that never changes once it is there."""

    key: str
    stamp: str = ""
    """Of the `partition.json` that names it; empty for one whose own name says what is in it."""
    sha256: str | None = None
    """Of its content, which a copy is held to."""


class LakeStore(Protocol):
    """A place for a lake. Where it refuses, it raises `OSError` or `LakeError`; each object is read whole, old or new."""

    def address(self, key: str) -> str:
        """Return what a person would look an object up by."""

    def find(self, pattern: str) -> dict[str, str]:
        """Return the keys that a pattern names, in order; `*` stands for what is within one part of a key.

        Returns:
            By key, the stamp of the content, which is another one as soon as the content is; empty where none is told.
        """

    def names(self, home: str) -> list[str]:
        """Return the names right below a key that have something below themselves, in order."""

    def read(self, key: str, *, stamp: str = "") -> bytes:
        """Return an object's content; with the stamp that `find` told, a copy of it will do.

        Raises:
            FileNotFoundError: There is no such object.
        """

    def prepare(self, found: Mapping[str, str]) -> None:
        """Make ready to `read` what `find` told, several objects at a time."""

    def file(self, wanted: LakeObject) -> Path:
        """Return an object as a file of this machine, which engines can read."""

    def fetch(self, wanted: Sequence[LakeObject]) -> None:
        """Make ready to give the `file` of objects, several at a time."""

    def folder(self, home: str, *, stamp: str) -> Path:
        """Return the folder of this machine in which `file` finds the objects of a version."""

    def replace(self, key: str, data: bytes) -> None:
        """Write an object: readers see the old content or the new one."""

    def put(self, key: str, file: Path) -> None:
        """Write an object out of a file of this machine, which may be moved: readers see all of it or what was there."""

    def create(self, key: str, data: bytes) -> bool:
        """Write an object unless there is one, be it written at this very moment; return whether this one is it now."""

    def remove(self, home: str) -> None:
        """Remove all that is below a key; of a version, the file that makes it visible first. Nothing there is fine."""

    def hold(self, key: str) -> AbstractContextManager[Hold]:
        """Wait for, then hold, a lock; it is given back when the holder dies."""

    def draft(self, home: str) -> AbstractContextManager[Path]:
        """Give an empty folder to make a version of `home` in, which is gone at the end; the caller holds the lock."""

    def claim(self, home: str, *, number: int) -> int:
        """Return a number, this one or a higher, that no other version below `home` has or will have."""

    def show(self, draft: Path, key: str, *, last: str, hold: Hold) -> str:
        """Make the files of a draft visible below `key`, all of them by the one named `last`.

        Returns:
            The stamp of that one.
        """

    def purge_copies(self) -> None:
        """Have every machine drop its copies of versions that are not in the lake any more, at its next look at the lake."""

    def empty_file(self, name: str, *, schema: pa.Schema) -> Path:
        """Return a Parquet file of this machine with these columns and no rows, made where it is not there yet."""


class Hold(Protocol):
    """A lock that is held."""

    def require(self) -> None:
        """Make sure that it still is, before something becomes visible.

        Raises:
            LakeError: It was lost.
        """


@dataclass(frozen=True, slots=True)
class LakeFolder:
    """Files of the lake beside its partitions, under names of their own."""

    store: LakeStore
    home: str

    def __str__(self) -> str:
        return self.store.address(self.home)

    def address(self, name: str) -> str:
        """Return what a person would look a file up by."""
        return self.store.address(f"{self.home}/{name}")

    def names(self) -> list[str]:
        """Return the names of the files that are there, in order."""
        return [key.rpartition("/")[2] for key in self.store.find(f"{self.home}/*")]

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return bool(self.store.find(f"{self.home}/{name}"))

    def read(self, name: str) -> bytes:
        """Return what a file holds now; raises FileNotFoundError where there is none."""
        return self.store.read(f"{self.home}/{name}")

    def file(self, name: str) -> Path:
        """Return a file that never changes, whose name says what is in it, as one of this machine."""
        return self.store.file(LakeObject(f"{self.home}/{name}"))

    def replace(self, name: str, data: bytes) -> None:
        """Write a file, all of it at once.

        Raises:
            LakeError: The lake refuses; the old one stays.
        """
        with as_lake_error(f"write {self.address(name)}"):
            self.store.replace(f"{self.home}/{name}", data)
