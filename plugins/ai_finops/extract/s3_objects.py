"""Objects of a bucket: listed by prefix, and fetched by a bounded pool in the order asked for."""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

from ai_finops import aws
from ai_finops.errors import SettingsError, SourceMissing

READ_ATTEMPTS = 3
IN_MEMORY_BYTES = 4 * 1024 * 1024
"""Larger objects wait on disk."""
_WAITING = 2 * aws.POOL_SIZE
_BROKEN_OFF = (HTTPClientError, IncompleteReadError, ResponseStreamingError)


class ObjectGone(Exception):
    """There is no object of that key."""


class ObjectChanged(Exception):
    """The object was written after the time that its content must not be newer than."""


_NAMED = {"NoSuchKey": ObjectGone, "PreconditionFailed": ObjectChanged}


@dataclass(frozen=True, slots=True)
class S3Object:
    """One object as it was listed."""

    key: str
    size: int
    modified_at: datetime | None = field(default=None, compare=False)
    """UTC, whole seconds, as S3 says it."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One object as it was read."""

    object: S3Object
    file: BinaryIO | None
    """At its start; None when the object was gone by the time it was read."""


@contextmanager
def bucket_setting(name: str, *, bucket: str) -> Iterator[None]:
    """Say of a bucket that does not exist which setting to correct, whichever object was asked for first."""
    try:
        yield
    except aws.BucketMissing as error:
        raise SourceMissing(f"the bucket {bucket} does not exist; correct {name}") from error
    except SettingsError as error:
        raise SettingsError(f"{bucket!r} is not a name that a bucket can have; correct {name}") from error


def list_objects(s3: Any, *, bucket: str, prefix: str) -> list[S3Object]:
    """Return the objects below `prefix` in key order.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket cannot be listed.
    """
    with _listing(bucket):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [
            S3Object(item["Key"], item["Size"], item.get("LastModified"))
            for page in pages
            for item in page.get("Contents", ())
        ]
    return sorted((each for each in found if not each.key.endswith("/")), key=lambda each: each.key)


def fetch_each(s3: Any, *, bucket: str, objects: Iterable[S3Object], folder: Path) -> Iterator[Fetched]:
    """Yield each object's content, a few ahead of the reader; the reader closes the files.

    Raises:
        SourceForbidden, SourceUnavailable: An object cannot be read, after bounded attempts.
    """
    remaining = iter(objects)
    with ThreadPoolExecutor(aws.POOL_SIZE, thread_name_prefix="fetch") as pool:

        def start(each: S3Object) -> Future[Fetched]:
            return pool.submit(fetch, s3, bucket=bucket, wanted=each, folder=folder)

        waiting = deque(start(each) for each in islice(remaining, _WAITING))
        try:
            while waiting:
                fetched = waiting.popleft().result()
                waiting.extend(start(each) for each in islice(remaining, 1))
                yield fetched
        finally:
            for future in waiting:
                future.cancel()


def fetch(s3: Any, *, bucket: str, wanted: S3Object, folder: Path) -> Fetched:
    """Read one listed object; it may be gone.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The object cannot be read.
    """
    try:
        return Fetched(wanted, read_object(s3, bucket=bucket, key=wanted.key, folder=folder))
    except ObjectGone:
        return Fetched(wanted, None)


def read_object(
    s3: Any, *, bucket: str, key: str, folder: Path | None = None, unmodified_since: datetime | None = None
) -> BinaryIO:
    """Return an object's content, at its start; a connection that breaks off in the middle is tried again.

    Args:
        folder: Where a large object waits; the system's temporary folder when left out.
        unmodified_since: S3 itself refuses the content when it is newer, to the second.
    Raises:
        ObjectGone: There is no such object.
        ObjectChanged: It was written after `unmodified_since`.
        SourceForbidden, SourceMissing, SourceUnavailable: The object cannot be read.
    """
    with aws.errors_named(f"s3://{bucket}/{key}", permission=f"s3:GetObject on arn:aws:s3:::{bucket}/*"):
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                return _read(s3, bucket=bucket, key=key, folder=folder, unmodified_since=unmodified_since)
            except ClientError as error:
                named = _NAMED.get(error.response["Error"]["Code"])
                if named is None:
                    raise
                raise named(key) from error
            except _BROKEN_OFF:
                if attempt == READ_ATTEMPTS:
                    raise
                time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def has_objects(s3: Any, *, bucket: str, prefix: str) -> bool:
    """Return whether anything lies below `prefix`.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket cannot be listed.
    """
    with _listing(bucket):
        return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents"))


def _listing(bucket: str) -> AbstractContextManager[None]:
    return aws.errors_named(f"the bucket {bucket}", permission=f"s3:ListBucket on arn:aws:s3:::{bucket}")


def _read(s3: Any, *, bucket: str, key: str, folder: Path | None, unmodified_since: datetime | None) -> BinaryIO:
    conditions = {"IfUnmodifiedSince": unmodified_since} if unmodified_since else {}
    reply = s3.get_object(Bucket=bucket, Key=key, **conditions)
    with closing(reply["Body"]) as body:  # as a context manager the body gives its raw stream, which checks no length
        if reply["ContentLength"] <= IN_MEMORY_BYTES:
            return io.BytesIO(body.read())
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - handed on open
        try:
            shutil.copyfileobj(body, file, 1024 * 1024)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file
