"""Find what the newest complete delivery of a billing period consists of: a manifest, and the files that it names.

    <prefix>/<export>/metadata/BILLING_PERIOD=YYYY-MM/<export>-Manifest.json                            Data Exports, both ways
                                                     /<time>-<execution>/<export>-Manifest.json         "create new" only
    <prefix>/<export>/data/BILLING_PERIOD=YYYY-MM/<export>-00001.snappy.parquet                         "overwrite"
                                                 /<time>-<execution>/<export>-00001.csv.gz              "create new"
    <prefix>/<report>/YYYYMMDD-YYYYMMDD/<report>-Manifest.json                                          legacy report
                                       /<assembly>/<report>-1.csv.gz
    <prefix>/<report>/<report>/year=YYYY/month=M/<report>-Manifest.json                                 legacy, overwrite

Sources: AWS Data Exports user guide, "Understanding export delivery", and Cost and Usage Reports user guide, "Viewing files in
Amazon S3". A Data Exports manifest is delivered once all of its data files are, and the one in the period's folder is always
that of the most recent refresh: an execution without one is still under way. FOCUS exports have been seen with the folder's
name in lower case. What lies in the folder and is not in the manifest is an older refresh, or a part emptied by a smaller one.

With "overwrite" the files of the next refresh replace these before the manifest does. So no file may be newer than the
manifest, and the manifest must be the same after reading. The guide on legacy reports does not say what is written last;
there, only the latter is held.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from ai_finops.days import month_end
from ai_finops.errors import SourceBroken, SourceNotReady
from ai_finops.extract import s3_objects

_PERIOD_FOLDERS = ("BILLING_PERIOD={}", "billing_period={}")
_MANIFEST = "Manifest.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an export lies, and which settings say so."""

    bucket: str
    prefix: str
    name: str
    settings: str
    """What the names of its settings begin with, `AI_FINOPS_BILLING`."""
    has_legacy: bool = False
    """Whether a legacy report may lie here instead."""

    @property
    def roots(self) -> tuple[str, ...]:
        """The prefixes below which all of the export may lie; without a prefix of its own its keys may begin with a slash."""
        prefix = self.prefix.strip("/")
        return (f"{prefix}/{self.name}/",) if prefix else (f"{self.name}/", f"/{self.name}/")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery of one period consists of."""

    period: str
    bucket: str
    manifest_key: str
    id: str | None
    """Of the execution; another one means other files."""
    keys: tuple[str, ...]
    """Of the data files, in the order of the manifest."""
    not_newer_than: datetime | None
    """When its manifest was written, where no data file can have been written later."""

    def address(self, key: str) -> str:
        """Return the address of one of its objects."""
        return f"s3://{self.bucket}/{key}"


def find_delivery(s3: Any, *, period: str, place: Place) -> Delivery | None:
    """Return the newest complete delivery of a period, `YYYY-MM`, or None when there is none.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket cannot be read.
        SourceBroken: The manifest is not one, or names what cannot be one of its files.
    """
    for key, modified_at in _manifests(s3, period=period, place=place):
        try:
            return _read_manifest(s3, key, period=period, place=place, modified_at=modified_at)
        except s3_objects.ObjectGone:
            continue
    return None


def open_file(s3: Any, key: str, *, delivery: Delivery, folder: Path) -> BinaryIO:
    """Return the content of one of the delivery's files.

    Raises:
        SourceForbidden, SourceNotReady: It cannot be read, or is newer than the manifest: the next delivery has begun.
        SourceBroken: It is not there.
    """
    try:
        return s3_objects.read_object(
            s3, bucket=delivery.bucket, key=key, folder=folder, unmodified_since=delivery.not_newer_than
        )
    except s3_objects.ObjectGone as error:
        raise SourceBroken(
            f"{delivery.address(key)} is named by the manifest and is not there, so the delivery is not whole; the old "
            f"version of {delivery.period} stays; wait for the next delivery"
        ) from error
    except s3_objects.ObjectChanged as error:
        raise SourceNotReady(
            f"{delivery.address(key)} is newer than the manifest {delivery.manifest_key}, so a delivery is under way; the old "
            f"version of {delivery.period} stays; try again when the manifest is newer than its files"
        ) from error


def require_unchanged(s3: Any, delivery: Delivery, *, place: Place) -> None:
    """Stop when the delivery was replaced while it was read.

    Raises:
        SourceNotReady: It was, or the manifest cannot be read any more.
    """
    try:
        now = _read_manifest(
            s3, delivery.manifest_key, period=delivery.period, place=place, modified_at=delivery.not_newer_than
        )
    except s3_objects.ObjectGone:
        now = None
    if now != delivery:
        raise SourceNotReady(
            f"the export of {delivery.period} was delivered anew while {delivery.address(delivery.manifest_key)} was "
            "read; try again"
        )


def _manifests(s3: Any, *, period: str, place: Place) -> Iterator[tuple[str, datetime | None]]:
    """Yield the keys at which the period's manifest may lie, the likeliest first, and when it was written if known."""
    for root in place.roots:
        for template in _PERIOD_FOLDERS:
            folder = f"{root}metadata/{template.format(period)}/"
            found = s3_objects.list_objects(s3, bucket=place.bucket, prefix=folder)
            manifests = [each for each in found if each.key.endswith(_MANIFEST)]
            if manifests:
                newest = max(manifests, key=lambda each: (_rank(each.key, folder, place), each.modified_at, each.key))
                yield newest.key, newest.modified_at
    if place.has_legacy:
        for root in place.roots:
            for folder in _legacy_folders(period, place):
                yield f"{root}{folder}/{place.name}-{_MANIFEST}", None


def _legacy_folders(period: str, place: Place) -> Iterator[str]:
    first = date.fromisoformat(f"{period}-01")
    last = month_end(first)
    for end in (last + timedelta(days=1), last):  # real ranges end with the next month's first day; the guide's do not
        yield f"{first:%Y%m%d}-{end:%Y%m%d}"
    for month in (f"{first.month}", f"{first.month:02}"):
        yield f"{place.name}/year={first.year}/month={month}"


def _rank(key: str, folder: str, place: Place) -> int:
    """Prefer the manifest of the period's folder, by its full name or its short one, to one of a single execution."""
    return {f"{place.name}-{_MANIFEST}": 2, _MANIFEST: 1}.get(key.removeprefix(folder), 0)


def _read_manifest(s3: Any, key: str, *, period: str, place: Place, modified_at: datetime | None) -> Delivery:
    where = f"s3://{place.bucket}/{key}"
    with s3_objects.read_object(s3, bucket=place.bucket, key=key) as file:
        content = file.read()
    try:
        plain = json.loads(content)
        legacy = "reportKeys" in plain
        files = [
            _key_of(each, plain.get("bucket") if legacy else None)
            for each in plain["reportKeys" if legacy else "dataFiles"]
        ]
        delivery_id = plain.get("assemblyId" if legacy else "executionId")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceBroken(
            f"{where} is not a manifest with dataFiles or reportKeys ({type(error).__name__}); the old version of {period} "
            "stays; wait for the next delivery"
        ) from error
    for bucket, file_key in files:
        if bucket not in (None, place.bucket):
            raise SourceBroken(
                f"{where} names s3://{bucket}/{file_key}, which is not in the bucket {place.bucket}; correct the export, or "
                f"{place.settings}_BUCKET"
            )
    keys = tuple(file_key for _, file_key in files)
    twice = next((each for each in keys if keys.count(each) > 1), None)
    if twice is not None:
        raise SourceBroken(
            f"{where} names {twice} twice; the old version of {period} stays; wait for the next delivery"
        )
    return Delivery(period, place.bucket, key, delivery_id, keys, None if legacy else modified_at)


def _key_of(data_file: str, bucket: str | None) -> tuple[str | None, str]:
    """Return the bucket, where it is said, and the key of a data file: an address, or a key alone."""
    if data_file.startswith("s3://"):
        bucket, _, key = data_file.removeprefix("s3://").partition("/")
        return bucket, key
    return bucket, data_file
