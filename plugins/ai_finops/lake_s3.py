"""A lake below a prefix of a bucket: the keys, layout and bytes of a lake in a folder, so that one can be copied to the other.

A version is made on this machine, put file by file, and visible with its `partition.json`, which is put last. Its number was
claimed before with an object that only one writer can make, `v000002.claim`: also of two that both believe to hold the lock
of a partition (lake_lease.py), each makes a version of its own. What a writer that was killed left behind is nothing to
readers, and gone with the next version.

What was removed on purpose, as of a user who is forgotten, has to go from all machines. A process looks once a minute whether
object `purge.json` is another than when this machine last dropped copies, and drops those of versions that are not there.

Readers get copies on this machine (lake_copies.py), checked by the SHA-256 in `partition.json`.
Why so: docs/decisions/0030-a-lake-on-s3.md
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from uuid import uuid4

import pyarrow as pa

from ai_finops.aws import POOL_SIZE
from ai_finops.errors import LakeError, LakeUnavailable
from ai_finops.lake_bucket import Bucket
from ai_finops.lake_copies import Copies
from ai_finops.lake_files import parquet_bytes, replace_file, sync
from ai_finops.lake_lease import Lease, hold_lease
from ai_finops.lake_place import LakeOnS3
from ai_finops.lake_store import LakeObject

_MANIFEST = "partition.json"
_PURGE = "purge.json"
_LOOK_SECONDS = 60.0
_looked_at: dict[LakeOnS3, float] = {}
"""When this process last looked for a purge."""
_NUMBER = re.compile(r"v(\d{6})[.-]")


@dataclass(frozen=True, slots=True)
class S3Store:
    """The verbs of `LakeStore` below a prefix; making one asks nothing of S3."""

    place: LakeOnS3

    @property
    def bucket(self) -> Bucket:
        """The objects below the prefix."""
        return Bucket(self.place)

    @property
    def copies(self) -> Copies:
        """The copies on this machine."""
        return Copies(self.place.copies / self.place.bucket / self.place.prefix, self.place.copies_bytes)

    def address(self, key: str) -> str:
        """Return the URI of an object."""
        return self.bucket.address(key)

    def find(self, pattern: str) -> dict[str, str]:
        """Return the keys that a pattern names, in order, with their entity tags: one listing of what is below."""
        found = self.bucket.find(pattern)
        self._drop_purged()
        if pattern.endswith(f"/*/v*/{_MANIFEST}"):  # all versions of a source: copies of others are of no use any more
            homes = {self.folder(str(PurePosixPath(key).parent), stamp=stamp) for key, stamp in found.items()}
            self.copies.drop_others(homes, pattern=pattern.removesuffix(f"/{_MANIFEST}"))
        return found

    def names(self, home: str) -> list[str]:
        """Return the names right below `home` that have something below themselves, in order."""
        return self.bucket.names(home)

    def read(self, key: str, *, stamp: str = "") -> bytes:
        """Return an object's content, of a copy where there is one of that stamp."""
        copy = self.copies.find(key, stamp) if stamp else None
        if copy:
            return copy.read_bytes()
        data, read = self.bucket.read(key)
        if stamp:
            replace_file(self.copies.place(key, read), data)
        return data

    def prepare(self, found: Mapping[str, str]) -> None:
        """Copy what is not here yet."""
        missing = [(key, stamp) for key, stamp in found.items() if not self.copies.place(key, stamp).exists()]
        with ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="lake") as pool:
            for _ in pool.map(lambda each: self.read(each[0], stamp=each[1]), missing):
                pass

    def file(self, wanted: LakeObject) -> Path:
        """Return the copy of an object, fetched where it is not here yet."""
        return self.copies.find(wanted.key, wanted.stamp) or self._copy(wanted)

    def fetch(self, wanted: Sequence[LakeObject]) -> None:
        """Fetch what is not here yet, and count all of it as used now."""
        missing = [each for each in wanted if not self.copies.find(each.key, each.stamp)]
        with ThreadPoolExecutor(POOL_SIZE, thread_name_prefix="lake") as pool:
            for _ in pool.map(self._copy, missing):
                pass
        if missing:
            self.copies.trim()

    def folder(self, home: str, *, stamp: str) -> Path:
        """Return the folder of the copies of a version."""
        return self.copies.folder(home, stamp)

    def replace(self, key: str, data: bytes) -> None:
        """Put an object, which S3 does as a whole."""
        self.bucket.put(key, data)

    def put(self, key: str, file: Path) -> None:
        """Put an object, in parts where it is large."""
        self.bucket.upload(file, key)

    def create(self, key: str, data: bytes) -> bool:
        """Put an object by a conditional write."""
        return self.bucket.create(key, data) is not None

    def remove(self, home: str) -> None:
        """Remove all objects below `home`, what makes a version visible first, and the copies."""
        keys = [key for key, _ in self.bucket.below(f"{home}/")]
        self.bucket.remove(sorted(keys, key=lambda key: (not key.endswith(f"/{_MANIFEST}"), key)))
        self.copies.drop(home)

    def hold(self, key: str) -> AbstractContextManager[Lease]:
        """Wait for, then hold, a lock that is an object of the bucket."""
        return hold_lease(self.bucket, key)

    @contextmanager
    def draft(self, home: str) -> Iterator[Path]:
        """Give a folder of this machine."""
        with self.copies.draft() as draft:
            yield draft

    def claim(self, home: str, *, number: int) -> int:
        """Take the number, or the next one that nobody has taken."""
        self._drop_purged()
        while self.bucket.create(f"{home}/{_claim(number)}", uuid4().hex.encode()) is None:
            number += 1
        return number

    def show(self, draft: Path, key: str, *, last: str, hold: Lease) -> str:
        """Put the files, then the last one; of a version that is removed meanwhile, nothing stays."""
        names = sorted(file.name for file in draft.iterdir() if file.name != last)
        for name in names:
            self.bucket.upload(draft / name, f"{key}/{name}")
        hold.require()
        stamp = self.bucket.create(f"{key}/{last}", (draft / last).read_bytes())
        home, _, version = key.rpartition("/")
        found = [each.removeprefix(f"{home}/") for each, _ in self.bucket.below(f"{home}/")]
        expected = {_claim(_number(version)), *(f"{version}/{name}" for name in (*names, last))}
        if stamp is None or not expected <= set(found):
            self.bucket.remove([f"{key}/{name}" for name in (last, *names)])
            raise LakeUnavailable(
                f"{self.address(home)} was removed while {version} was put there; nothing became visible; try again"
            )
        self.bucket.remove(f"{home}/{each}" for each in _left_over(found, last=last, below=_number(version)))
        self.copies.keep(draft, key, stamp)
        self.copies.trim()
        return stamp

    def purge_copies(self) -> None:
        """Write another `purge.json`, and be the first to heed it."""
        self.bucket.put(_PURGE, f'{{"purge": "{uuid4().hex}"}}\n'.encode())
        _looked_at.pop(self.place, None)
        self._drop_purged()

    def _drop_purged(self) -> None:
        if time.monotonic() - _looked_at.get(self.place, -_LOOK_SECONDS) < _LOOK_SECONDS:
            return
        stamp, noted = self.bucket.stamp(_PURGE), self.copies.purged
        if stamp and not (noted.exists() and noted.read_text() == stamp):
            copied = self.copies.versions()  # before the lake is asked: what comes in meanwhile is none of these
            there = self.bucket.find(f"data/*/*/v*/{_MANIFEST}").items()
            kept = {self.folder(str(PurePosixPath(key).parent), stamp=each) for key, each in there}
            for folder in copied:
                if folder not in kept:
                    shutil.rmtree(folder, ignore_errors=True)
            replace_file(noted, stamp.encode())
        _looked_at[self.place] = time.monotonic()

    def empty_file(self, name: str, *, schema: pa.Schema) -> Path:
        """Return a file among the copies: the bucket needs none."""
        path = self.copies.place(f"empty/{name}", "")
        if not path.exists():
            replace_file(path, parquet_bytes(schema.empty_table()))
        return path

    def _copy(self, wanted: LakeObject) -> Path:
        with self.copies.draft() as draft:
            file = draft / PurePosixPath(wanted.key).name
            sha256 = self.bucket.download(wanted.key, to=file)
            if wanted.sha256 not in (None, sha256):
                raise LakeError(
                    f"{self.address(wanted.key)} is not what its {_MANIFEST} says: its SHA-256 is {sha256} and should be "
                    f"{wanted.sha256}; remove that version and land it again"
                )
            sync(file)
            return self.copies.keep(file, wanted.key, wanted.stamp)


def _claim(number: int) -> str:
    return f"v{number:06d}.claim"


def _number(name: str) -> int:
    found = _NUMBER.match(name)
    return int(found[1]) if found else 0


def _left_over(found: Sequence[str], *, last: str, below: int) -> list[str]:
    """Return what no version needs any more: claims up to a number, and files of lower ones that never became visible.

    Of higher numbers nothing is touched: somebody may be at work on them.
    """
    visible = {name.partition("/")[0] for name in found if name.endswith(f"/{last}")}
    return [
        name
        for name in found
        if (name.endswith(".claim") and 0 < _number(name) <= below)
        or ("/" in name and 0 < _number(name) < below and name.partition("/")[0] not in visible)
    ]
