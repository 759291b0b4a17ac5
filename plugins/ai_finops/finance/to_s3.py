"""Put a month's files on S3: with their checksums, the manifest last, and never over a final version.

s3://<bucket>/<prefix>/2025-06/provisional/…     written over while the month is open; its manifest says when it is whole
                              /v1/…  /v2/…       as on the disk
                              /current.json      which of them is the newest, written after all its files
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError, FinanceError, SettingsError, SourceError, SourceMissing
from ai_finops.finance.file_sets import MANIFEST, FileSet, current_set, final_sets

_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PERMISSIONS = (
    ("s3:ListBucket", "arn:aws:s3:::{bucket}"),
    ("s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}/*"),
    ("s3:PutObject", "arn:aws:s3:::{bucket}/{prefix}/*"),
)
"""Without listing the bucket a missing object is `403`."""


@dataclass(frozen=True, slots=True)
class Store:
    """A prefix of a bucket."""

    s3: Any
    bucket: str
    prefix: str

    def put_month(self, month_folder: Path) -> str:
        """Put what is not there yet of a month: its final versions, else the provisional set, then the pointer.

        Returns:
            A line about it; empty when all was there.
        Raises:
            FinanceError: The bucket holds a final version that is another one.
            SourceError: The bucket refuses, or does not answer.
        """
        current = current_set(month_folder)
        sets = final_sets(month_folder) or [current]
        put_count = sum(self._put_set(each, month=month_folder.name) for each in sets)
        plain = {"set": current.key, "status": current.manifest["status"], "build_id": current.manifest["build_id"]}
        pointer = (json.dumps(plain | {"manifest": f"{current.key}/{MANIFEST}"}, indent=1) + "\n").encode()
        put_count += self._put(f"{month_folder.name}/current.json", pointer, is_final=False)
        return f"{month_folder.name}: put {put_count} files to {self.uri(month_folder.name)}" if put_count else ""

    def uri(self, key: str) -> str:
        """Return the address of a key below the prefix."""
        return f"s3://{self.bucket}/{self._key(key)}"

    def _put_set(self, found: FileSet, *, month: str) -> int:
        """Put what is not there of a set. Each object of a final one is looked at, since it must be there for good."""
        base, is_final = f"{month}/{found.key}", found.version is not None
        manifest = (found.folder / MANIFEST).read_bytes()
        if not is_final and self._checksum(f"{base}/{MANIFEST}") == _checksum_of(manifest):
            return 0
        count = 0
        for name in found.files:
            count += self._put(f"{base}/{name}", (found.folder / name).read_bytes(), is_final=is_final)
        return count

    def _put(self, key: str, data: bytes, *, is_final: bool) -> int:
        """Put one object, unless it is there as it is; return how many were written."""
        checksum = _checksum_of(data)
        if self._checksum(key) == checksum:
            return 0
        arguments = {
            "Bucket": self.bucket,
            "Key": self._key(key),
            "Body": data,
            "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": checksum,
            "ContentType": _TYPES[Path(key).suffix],
        }
        with self._errors_named(key, "s3:PutObject", "write"):
            try:
                self.s3.put_object(**arguments, **({"IfNoneMatch": "*"} if is_final else {}))
            except ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 412:
                    raise
                if self._content(key) == data:  # put there by somebody without a checksum, as from a backup
                    return 0
                raise FinanceError(
                    f"{self.uri(key)} holds other content than the final version here, and was not written over; restore "
                    "the one that is right from a backup, or give AI_FINOPS_FINANCE_S3 another prefix"
                ) from error
        return 1

    def _checksum(self, key: str) -> str | None:
        """Return an object's SHA-256 in base64; None when there is none."""
        try:
            with self._errors_named(key, "s3:GetObject", "read"):
                found = self.s3.head_object(Bucket=self.bucket, Key=self._key(key), ChecksumMode="ENABLED")
        except aws.BucketMissing:
            raise
        except SourceMissing:
            return None
        return found.get("ChecksumSHA256")

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def _content(self, key: str) -> bytes:
        with self._errors_named(key, "s3:GetObject", "read"):
            return self.s3.get_object(Bucket=self.bucket, Key=self._key(key))["Body"].read()

    def _errors_named(self, key: str, action: str, verb: str) -> AbstractContextManager[None]:
        return aws.errors_named(self.uri(key), permission=f"{action} on it (AI_FINOPS_FINANCE_S3)", verb=verb)


def put_months(
    month_folders: Sequence[Path], *, settings: Settings, on_line: Callable[[str], None]
) -> list[AiFinopsError]:
    """Put months on S3 where that is configured; what keeps one of them from it keeps no other from it.

    Returns:
        An error for each month that is not there whole, in words that name the month and the object.
    """
    failed: list[AiFinopsError] = []
    try:
        store = open_store(settings)
        for folder in month_folders if store else ():
            try:
                line = store.put_month(folder)
            except aws.BucketMissing:
                raise
            except (FinanceError, SourceError) as error:
                failed.append(type(error)(f"{folder.name}: {error}"))
            else:
                on_line(line) if line else None
    except (SettingsError, aws.BucketMissing) as error:  # of every month alike
        failed.append(error)
    return failed


def open_store(settings: Settings) -> Store | None:
    """Return where `AI_FINOPS_FINANCE_S3` says that files go; None where it says nothing."""
    if not settings.finance_s3:
        return None
    parts = urlsplit(settings.finance_s3)
    return Store(aws.client("s3", settings=settings), parts.netloc, parts.path.strip("/"))


def _checksum_of(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
