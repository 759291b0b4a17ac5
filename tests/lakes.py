"""Lakes to test with: in a folder, and on the local AWS over HTTP."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa

from ai_finops import aws
from ai_finops.lake import Lake
from ai_finops.lake_place import LakeOnS3
from ai_finops.lake_schemas import SPANS, tables_of
from tests import sql
from tests.extract.stand_in import use_endpoint

DAY = "2025-06-02"
BUCKET = "ai-finops-lake"


def place_on_s3(request, tmp_path: Path, *, most_bytes: int = 10**9) -> LakeOnS3:
    """A prefix of the test's own, and a folder for copies; making it asks nothing of S3."""
    prefix = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    return LakeOnS3(BUCKET, f"{prefix}/the lake", "us-east-1", tmp_path / "copies", most_bytes)


def lake_on_s3(request, tmp_path: Path, *, endpoint: str, monkeypatch) -> Lake:
    """A lake of the test's own in a bucket that is there; a lock whose holder is dead is waited for as long as a test can."""
    use_endpoint(monkeypatch, endpoint)
    monkeypatch.setattr("ai_finops.lake_lease.EXPIRES_SECONDS", 1.0)
    place = place_on_s3(request, tmp_path)
    aws.client("s3", settings=place).create_bucket(Bucket=BUCKET)
    return Lake(place)


def elsewhere(lake: Lake, tmp_path: Path) -> Lake:
    """The same lake on S3 as another machine sees it: without any copy."""
    return Lake(replace(lake.root, copies=tmp_path / "copies of another machine"))


def keys_of(lake: Lake) -> list[str]:
    """All that lies in a lake, locks apart."""
    if isinstance(lake.root, Path):
        found = (path.relative_to(lake.root).as_posix() for path in lake.root.rglob("*") if path.is_file())
    else:
        found = (key for key, _ in lake.store.bucket.below(""))
    return sorted(key for key in found if not key.startswith("locks/"))


def remove_object(lake: Lake, key: str) -> None:
    """Remove one object behind the lake's back."""
    if isinstance(lake.root, Path):
        (lake.root / key).unlink()
    else:
        lake.store.bucket.remove([key])


def span_tables(*span_ids: str, landing_date: date = date(2025, 6, 2), spans=None) -> dict:
    """The tables of a traces partition with these spans."""
    tables = {name: schema.empty_table() for name, schema in tables_of("traces").items()}
    rows = [{"trace_id": "t", "span_id": span_id, "landing_date": landing_date} for span_id in span_ids]
    tables["spans"] = spans or pa.Table.from_pylist(rows, schema=SPANS)
    return tables


def span_ids(lake: Lake) -> list[str]:
    """The spans that a reader sees."""
    files = [str(file) for file in lake.files("traces", "spans")]
    return [row[0] for row in sql.rows("select span_id from read_parquet($1) order by 1", files)]
