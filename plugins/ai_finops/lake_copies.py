"""Copies on this machine of what never changes in a lake on S3, so that it is fetched once and engines read files.

<folder>/data/traces/2025-06-02/v000002-1f3a9c04@<stamp>/spans.parquet     as below the lake's root
        /drafts/                                                           versions and copies being made

A copy lies under the stamp of the `partition.json` that names it, so another version of the same name has another place.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

from ai_finops.errors import LakeError

_KEPT_SECONDS = 24 * 3600.0
"""A copy used since may be open, or a build may be made of it."""


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies in a folder; making one touches nothing."""

    root: Path
    most_bytes: int

    def folder(self, home: str, stamp: str) -> Path:
        """Return the place of the copies of a version."""
        return self.root / (f"{home}@{stamp}" if stamp else home)

    def place(self, key: str, stamp: str) -> Path:
        """Return the place of the copy of an object, whether it is there or not."""
        path = PurePosixPath(key)
        if ".." in path.parts:
            raise LakeError(f"{key!r} is no place in a lake; who wrote that there?")
        return self.folder(str(path.parent), stamp) / path.name

    def find(self, key: str, stamp: str) -> Path | None:
        """Return a copy, which counts as used now; None where there is none."""
        place = self.place(key, stamp)
        try:
            os.utime(place)
        except FileNotFoundError:
            return None
        return place

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """Give an empty folder, which is gone at the end."""
        draft = self.root / "drafts" / uuid4().hex
        draft.mkdir(parents=True)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def keep(self, made: Path, key: str, stamp: str) -> Path:
        """Take a file, or a folder with all files of a version, as the copy; return its place."""
        place = self.folder(key, stamp) if made.is_dir() else self.place(key, stamp)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            made.replace(place)
        except OSError:  # a folder that somebody else has filled meanwhile, with the same files
            if not place.exists():
                raise
        return place

    def drop(self, home: str) -> None:
        """Drop the copies of all that is below a key, which may be that of a version."""
        place = self.root / home
        for folder in (place, *place.parent.glob(f"{place.name}@*")):
            shutil.rmtree(folder, ignore_errors=True)

    def drop_others(self, homes: Collection[Path], *, pattern: str) -> None:
        """Drop the copies of versions that a pattern names and that the lake no longer has."""
        for folder in self.root.glob(pattern):
            if folder not in homes and _last_used(folder) < time.time() - _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def versions(self) -> list[Path]:
        """Return the folders of all versions of which there are copies."""
        return [each for each in self.root.glob("data/*/*/v*") if each.is_dir()]

    @property
    def purged(self) -> Path:
        """A file that says up to which purge copies were dropped."""
        return self.root / "purged"

    def trim(self) -> None:
        """Drop what was not used for a day, the oldest first, until no more than the most is left; and what was never ended."""
        before = time.time() - _KEPT_SECONDS
        for draft in (self.root / "drafts").glob("*"):
            if _last_used(draft) < before:
                shutil.rmtree(draft, ignore_errors=True)
        found = []
        for path in self.root.rglob("*"):
            with suppress(OSError):
                if path.is_file():
                    about = path.stat()
                    found.append((about.st_mtime, about.st_size, path))
        left = sum(size for _, size, _ in found)
        for used_at, size, path in sorted(found):
            if left <= self.most_bytes or used_at >= before:
                break
            path.unlink(missing_ok=True)
            left -= size


def _last_used(folder: Path) -> float:
    times = [0.0]
    with suppress(OSError):
        times += [path.stat().st_mtime for path in (folder, *folder.iterdir())]
    return max(times)
