"""The bucket of a lake on S3: its objects below a prefix, with conditional writes, and its errors as the lake's."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

from ai_finops import aws
from ai_finops.errors import LakeError, LakeUnavailable, SourceError, SourceMissing, SourceUnavailable
from ai_finops.lake_place import LakeOnS3

_READ_ATTEMPTS = 3
_BROKEN_OFF = (HTTPClientError, IncompleteReadError, ResponseStreamingError)
_IN_PARTS = TransferConfig(multipart_threshold=64 * 1024**2, multipart_chunksize=32 * 1024**2, max_concurrency=4)
_AT_ONCE = 1000
"""Keys that one request lists or removes."""
_CONFLICT_ATTEMPTS = 5
_NOT_AS_EXPECTED = {404, 409, 412}
"""Of a conditional write: there is nothing, somebody writes at this moment, there is something else."""
PERMISSIONS = (
    ("s3:ListBucket", "arn:aws:s3:::{bucket}"),
    ("s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}/*"),
    ("s3:PutObject", "arn:aws:s3:::{bucket}/{prefix}/*"),
    ("s3:DeleteObject", "arn:aws:s3:::{bucket}/{prefix}/*"),
    ("s3:AbortMultipartUpload", "arn:aws:s3:::{bucket}/{prefix}/*"),
)
"""Listing cannot be narrowed to the prefix: S3 then says of an object that is not there that it may not be read."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Objects below the prefix of a lake's place, by their keys in the lake."""

    place: LakeOnS3

    def address(self, key: str) -> str:
        """Return the URI of an object."""
        return f"s3://{self.place.bucket}/{self.place.key(key)}"

    def find(self, pattern: str) -> dict[str, str]:
        """Return key and stamp of each object that a pattern names; `*` stands for what is within one part."""
        fits = re.compile("[^/]*".join(map(re.escape, pattern.split("*")))).fullmatch
        return {key: stamp for key, stamp in self.below(pattern.partition("*")[0]) if fits(key)}

    def below(self, start: str) -> Iterator[tuple[str, str]]:
        """Yield key and stamp of each object whose key begins so, in order."""
        with self._errors(start, "s3:ListBucket", verb="list"):
            cut = len(self.place.key(""))
            for page in self._pages(Prefix=self.place.key(start)):
                for item in page.get("Contents", ()):
                    yield item["Key"][cut:], _stamp(item)

    def names(self, home: str) -> list[str]:
        """Return the names right below `home` that have something below themselves."""
        with self._errors(home, "s3:ListBucket", verb="list"):
            prefix = self.place.key(f"{home}/")
            pages = self._pages(Prefix=prefix, Delimiter="/")
            return [each["Prefix"][len(prefix) : -1] for page in pages for each in page.get("CommonPrefixes", ())]

    def read(self, key: str) -> tuple[bytes, str]:
        """Return content and stamp of an object.

        Raises:
            FileNotFoundError: There is none.
        """
        parts: list[bytes] = []
        stamp = self._read(key, parts.append, parts.clear)
        return b"".join(parts), stamp

    def download(self, key: str, *, to: Path) -> str:
        """Write an object into a file; return the SHA-256 of what was written.

        Raises:
            FileNotFoundError: There is none.
        """
        with to.open("wb") as file:
            digest = hashlib.sha256()

            def add(data: bytes) -> None:
                try:
                    file.write(data)
                except OSError as error:
                    raise LakeError(
                        f"could not keep a copy of {self.address(key)} in {to.parent}: {error}; make room there, or set "
                        "AI_FINOPS_LAKE_COPIES to another folder"
                    ) from error
                digest.update(data)

            def again() -> None:
                nonlocal digest
                digest = hashlib.sha256()
                file.seek(0)
                file.truncate()

            self._read(key, add, again)
        return digest.hexdigest()

    def put(self, key: str, data: bytes) -> str:
        """Write an object, whatever is there; return its stamp."""
        with self._errors(key, "s3:PutObject", verb="write"):
            return _stamp(self._s3.put_object(Bucket=self.place.bucket, Key=self.place.key(key), Body=data))

    def upload(self, file: Path, key: str) -> None:
        """Write an object out of a file, in parts where it is large."""
        with self._errors(key, "s3:PutObject", verb="write"):
            try:
                self._s3.upload_file(str(file), self.place.bucket, self.place.key(key), Config=_IN_PARTS)
            except S3UploadFailedError as error:
                raise error.__context__ or error from error

    def create(self, key: str, data: bytes) -> str | None:
        """Write an object where none is; return its stamp, None where one is that does not say the same.

        An answer that was lost on its way makes botocore ask again: what it then finds there is its own.
        """
        return self._put_if(key, data, IfNoneMatch="*")

    def swap(self, key: str, data: bytes, *, stamp: str) -> str | None:
        """Write an object in place of the one with that stamp; return its own, None where that one is no longer there."""
        return self._put_if(key, data, IfMatch=f'"{stamp}"')

    def stamp(self, key: str) -> str | None:
        """Return the stamp of an object; None where there is none."""
        try:
            with self._errors(key, "s3:GetObject", verb="read"):
                return _stamp(self._s3.head_object(Bucket=self.place.bucket, Key=self.place.key(key)))
        except FileNotFoundError:
            return None

    def remove(self, keys: Iterable[str]) -> None:
        """Remove objects, in the order given; one that is not there is fine."""
        wanted = list(keys)
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            with self._errors(some[0], "s3:DeleteObject", verb="remove"):
                objects = [{"Key": self.place.key(key)} for key in some]
                reply = self._s3.delete_objects(Bucket=self.place.bucket, Delete={"Objects": objects, "Quiet": True})
            if reply.get("Errors"):
                first = reply["Errors"][0]
                said = f"{first.get('Code')}: {first.get('Message')}"
                raise LakeError(
                    f"could not remove s3://{self.place.bucket}/{first.get('Key')}: {said}; allow s3:DeleteObject on it"
                )

    def remove_one(self, key: str, *, stamp: str) -> None:
        """Remove the object with that stamp; one that is another by now stays."""
        with self._errors(key, "s3:DeleteObject", verb="remove"):
            try:
                self._s3.delete_object(Bucket=self.place.bucket, Key=self.place.key(key), IfMatch=f'"{stamp}"')
            except ClientError as error:
                if _status(error) not in _NOT_AS_EXPECTED:
                    raise

    @property
    def _s3(self) -> Any:
        return _client(self.place, os.getpid(), *map(os.environ.get, _CLIENT_IS_OF))

    def _pages(self, **what: str) -> Iterator[dict]:
        return self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.place.bucket, **what)

    def _put_if(self, key: str, data: bytes, **condition: str) -> str | None:
        for attempt in range(1, _CONFLICT_ATTEMPTS + 1):
            with self._errors(key, "s3:PutObject", verb="write"):
                try:
                    return _stamp(
                        self._s3.put_object(Bucket=self.place.bucket, Key=self.place.key(key), Body=data, **condition)
                    )
                except ClientError as error:
                    if _status(error) not in _NOT_AS_EXPECTED or _code(error) == "NoSuchBucket":
                        raise
                    if _status(error) != 409 or attempt == _CONFLICT_ATTEMPTS:
                        break
            time.sleep(0.05 * 2**attempt)
        try:
            content, stamp = self.read(key)
        except FileNotFoundError:
            return None
        return stamp if content == data else None

    def _read(self, key: str, add: Any, again: Any) -> str:
        """Give an object's content piece by piece; a connection that breaks off in the middle is tried again from the start."""
        with self._errors(key, "s3:GetObject", verb="read"):
            for attempt in range(1, _READ_ATTEMPTS + 1):
                try:
                    reply = self._s3.get_object(Bucket=self.place.bucket, Key=self.place.key(key))
                    with closing(reply["Body"]) as body:
                        for piece in body.iter_chunks(1024 * 1024):
                            add(piece)
                    return _stamp(reply)
                except _BROKEN_OFF:
                    if attempt == _READ_ATTEMPTS:
                        raise
                    time.sleep(0.1 * 2**attempt)
                    again()
        raise AssertionError("unreachable")

    @contextmanager
    def _errors(self, key: str, action: str, *, verb: str) -> Iterator[None]:
        """Turn what S3 answers into the lake's errors, and an object that is not there into `FileNotFoundError`."""
        address = self.address(key)
        on = f"arn:aws:s3:::{self.place.bucket}" + ("" if action == "s3:ListBucket" else f"/{self.place.key('*')}")
        try:
            with aws.errors_named(address, permission=f"{action} on {on}", verb=verb):
                yield
        except SourceUnavailable as error:
            raise LakeUnavailable(str(error)) from error
        except aws.BucketMissing as error:
            raise LakeError(
                f"cannot {verb} {address}: the bucket {self.place.bucket} does not exist; make it, or correct AI_FINOPS_LAKE"
            ) from error
        except SourceMissing as error:
            if not isinstance(error.__cause__, ClientError) or _status(error.__cause__) != 404:
                raise LakeError(str(error)) from error
            raise FileNotFoundError(2, "there is no such object", address) from error
        except SourceError as error:
            raise LakeError(str(error)) from error


_CLIENT_IS_OF = (
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
)
"""What boto3 reads when a client is made."""


@lru_cache(maxsize=4)
def _client(place: LakeOnS3, process_id: int, *_: str | None) -> Any:
    """Return a client, the same for all objects of a process: making one takes as long as several requests."""
    return aws.client("s3", settings=place)


def _stamp(reply: dict) -> str:
    """Return the entity tag without what quotes it."""
    return re.sub(r"[^0-9A-Za-z-]", "", reply["ETag"])


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
