"""Land one day of spans: OTLP objects in the layout of the collector's `awss3exporter`.

A key's day is the day the collector wrote it, so a late span lies in a later day's partition; which day a call belongs to is
the warehouse's business. Only the objects below the day's prefix are listed and read.
"""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.errors import SourceMissing
from ai_finops.extract import contents, context_uses, landings, s3_objects, span_queries
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.span_loader import SpanLoader
from ai_finops.lake import Lake, Outcome
from ai_finops.privacy.users import Users, landing_users

if TYPE_CHECKING:
    from ai_finops.analyse.embedder import Embedder

SOURCE = "traces"
CONTENTS, QUERIES = "trace_contents", "trace_queries"
CLIENTS = ("s3",)
PERMISSIONS = (("s3:ListBucket", "arn:aws:s3:::{bucket}"), ("s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}/*"))
JSON_ENDINGS = (".json", ".json.gz", ".json.zst", ".jsonl", ".jsonl.gz", ".jsonl.zst")
PROTOBUF_ENDINGS = (".binpb", ".binpb.gz", ".binpb.zst")


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the day's partition with the spans of its objects.

    Args:
        day: The landing day, UTC.
        as_of: The date on which the bucket is read; the retention of texts is counted back from it.
        allow_empty: Whether a day that had spans may become one that has none.
    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket or an object cannot be read, or nothing at all lies
            below the prefix.
        SourceBroken: The day had spans and has none now.
        LakeError: The partition cannot be written. In every case the old partition stays.
    """
    accounts = Accounts(SOURCE, day)
    in_bucket = s3_objects.bucket_setting("AI_FINOPS_TRACES_BUCKET", bucket=settings.traces_bucket)
    with (
        landing_users(day, settings=settings, as_of=as_of) as users,
        aws.calls_counted(clients) as calls,
        in_bucket,
        tempfile.TemporaryDirectory(prefix="traces-") as folder,
    ):
        tables, texts, queries = _read_day(
            day, settings=settings, s3=clients["s3"], accounts=accounts, users=users, folder=Path(folder), calls=calls
        )
        totals = accounts.totals()
        landings.refuse_emptying(
            lake, SOURCE, str(day), table="spans", row_count=totals["loaded_count"], allow_empty=allow_empty
        )
        lake.write_partition(SOURCE, str(day), tables=tables)
        kept = {"settings": settings, "lake": lake, "as_of": as_of}
        contents.settle(day, source=CONTENTS, table="span_contents", texts=texts, **kept)
        contents.settle(day, source=QUERIES, table=span_queries.TABLE, texts=queries, **kept)
        context_uses.settle(day, **kept)
    return landings.outcome(SOURCE, day, as_of=as_of, totals=totals, partitions=(str(day),), api_calls=calls.calls())


def day_prefix(day: date, *, settings: Settings) -> str:
    """Return the part of the key that all objects of a landing day share."""
    part = day.strftime(settings.traces_partition_format).strip("/")
    return _root_prefix(settings) + (f"{part}/" if part else "")


def _root_prefix(settings: Settings) -> str:
    prefix = settings.traces_prefix.strip("/")
    return f"{prefix}/" if prefix else ""


def _read_day(
    day: date,
    *,
    settings: Settings,
    s3: Any,
    accounts: Accounts,
    users: Users,
    folder: Path,
    calls: aws.ClientCalls,
) -> tuple[dict[str, pa.Table | Path], contents.Texts | None, contents.Texts]:
    bucket = settings.traces_bucket
    objects = s3_objects.list_objects(s3, bucket=bucket, prefix=day_prefix(day, settings=settings))
    if not objects:
        _require_prefix(s3, settings=settings)
    loader = SpanLoader(
        folder, accounts=accounts, users=users, as_of=morning_after(day), keeps_content=settings.keep_content
    )
    try:
        for fetched in s3_objects.fetch_each(s3, bucket=bucket, objects=objects, folder=folder):
            _add(fetched, loader=loader, accounts=accounts)
        tables, texts = loader.tables(), loader.contents()
        return tables, texts, loader.queries(texts=texts, open_embedder=lambda: _open_embedder(settings, calls))
    finally:
        loader.close()


def _open_embedder(settings: Settings, calls: aws.ClientCalls) -> Embedder:
    from ai_finops.analyse.more_embedders import open_embedder

    return open_embedder(settings, watch=calls.watch)


def _require_prefix(s3: Any, *, settings: Settings) -> None:
    """Tell a day without objects from a place where no collector ever wrote."""
    bucket, prefix = settings.traces_bucket, _root_prefix(settings)
    if not s3_objects.has_objects(s3, bucket=bucket, prefix=prefix):
        raise SourceMissing(
            f"there are no trace objects at all below s3://{bucket}/{prefix}; correct AI_FINOPS_TRACES_PREFIX, "
            "or wait for the collector's first object"
        )


def _add(fetched: s3_objects.Fetched, *, loader: SpanLoader, accounts: Accounts) -> None:
    key = fetched.object.key
    number = accounts.open(key, bytes_read=fetched.object.size)
    if fetched.file is None:
        accounts.objects[number].bytes_read = 0
        accounts.objects[number].reason = "gone between listing and reading"
        return
    with fetched.file as file:
        if key.endswith(JSON_ENDINGS):
            loader.add_json(number, file)
        elif key.endswith(PROTOBUF_ENDINGS):
            loader.add_protobuf(number, file)
        else:
            accounts.ignore(number, reason="not a trace file by its name")
