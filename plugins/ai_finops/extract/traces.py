"""Land one day of spans: OTLP objects in the layout of the collector's `awss3exporter`.

A key's day is the day the collector wrote it, so a late span lies in a later day's partition; which day a call belongs to is
the warehouse's business. Only the objects below the day's prefix are listed and read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
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
from ai_finops.extract.s3_objects import S3Object
from ai_finops.extract.span_loader import SpanLoader, SpanReader
from ai_finops.lake import Lake, Outcome
from ai_finops.privacy.users import landing_users

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
    in_bucket = bucket_setting(settings.traces_bucket)
    with (
        landing_users(day, settings=settings, as_of=as_of) as users,
        aws.calls_counted(clients) as calls,
        in_bucket,
        tempfile.TemporaryDirectory(prefix="traces-") as folder,
    ):
        objects = list_day(day, settings=settings, s3=clients["s3"])
        loader = SpanLoader(
            Path(folder),
            accounts=accounts,
            users=users,
            as_of=morning_after(day),
            keeps_content=settings.keep_content,
        )
        try:
            read_objects(
                objects,
                bucket=settings.traces_bucket,
                s3=clients["s3"],
                reader=loader,
                accounts=accounts,
                folder=Path(folder),
            )
            tables, texts = loader.tables(), loader.contents()
            queries = loader.queries(texts=texts, open_embedder=lambda: open_embedder(settings, calls))
        finally:
            loader.close()
        write_day(
            day,
            tables=tables,
            texts=texts,
            queries=queries,
            accounts=accounts,
            settings=settings,
            lake=lake,
            as_of=as_of,
            allow_empty=allow_empty,
        )
    return landings.outcome(
        SOURCE, day, as_of=as_of, totals=accounts.totals(), partitions=(str(day),), api_calls=calls.calls()
    )


def bucket_setting(bucket: str) -> AbstractContextManager[None]:
    """Say of a bucket that does not exist which setting names it."""
    return s3_objects.bucket_setting("AI_FINOPS_TRACES_BUCKET", bucket=bucket)


def list_day(day: date, *, settings: Settings, s3: Any) -> list[S3Object]:
    """Return the objects of a landing day in the order in which they are read: JSON, then protobuf, then others, each by key.

    One encoding after the other, because objects are read many together: with both at once it would depend on how many, which
    rows come first.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket cannot be listed, or nothing lies below the prefix.
    """
    bucket = settings.traces_bucket
    objects = s3_objects.list_objects(s3, bucket=bucket, prefix=day_prefix(day, settings=settings))
    if not objects:
        _require_prefix(s3, settings=settings)
    return sorted(objects, key=lambda each: (_encoding(each.key), each.key))


def read_objects(
    objects: Sequence[S3Object], *, bucket: str, s3: Any, reader: SpanReader, accounts: Accounts, folder: Path
) -> None:
    """Give objects to a reader, in their order, each with an account.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: One cannot be read.
    """
    for fetched in s3_objects.fetch_each(s3, bucket=bucket, objects=objects, folder=folder):
        _add(fetched, reader=reader, accounts=accounts)


def write_day(
    day: date,
    *,
    tables: Mapping[str, pa.Table | Path],
    texts: contents.Texts | None,
    queries: contents.Texts,
    accounts: Accounts,
    settings: Settings,
    lake: Lake,
    as_of: date,
    allow_empty: bool,
) -> None:
    """Make what was read of a day's objects the day's: spans, texts, queries, and what answers draw on.

    Raises:
        SourceBroken: The day had spans and has none now.
        LakeError: The lake cannot be written.
    """
    loaded_count = accounts.totals()["loaded_count"]
    landings.refuse_emptying(lake, SOURCE, str(day), table="spans", row_count=loaded_count, allow_empty=allow_empty)
    lake.write_partition(SOURCE, str(day), tables={**tables, "objects": tables["objects"].sort_by("object_key")})
    kept = {"settings": settings, "lake": lake, "as_of": as_of}
    contents.settle(day, source=CONTENTS, table="span_contents", texts=texts, **kept)
    contents.settle(day, source=QUERIES, table=span_queries.TABLE, texts=queries, **kept)
    context_uses.settle(day, **kept)


def day_prefix(day: date, *, settings: Settings) -> str:
    """Return the part of the key that all objects of a landing day share."""
    part = day.strftime(settings.traces_partition_format).strip("/")
    return _root_prefix(settings) + (f"{part}/" if part else "")


def _root_prefix(settings: Settings) -> str:
    prefix = settings.traces_prefix.strip("/")
    return f"{prefix}/" if prefix else ""


def open_embedder(settings: Settings, calls: aws.ClientCalls) -> Embedder:
    """Return what turns texts into vectors; its calls are counted too."""
    from ai_finops.analyse import more_embedders

    return more_embedders.open_embedder(settings, watch=calls.watch)


def _require_prefix(s3: Any, *, settings: Settings) -> None:
    """Tell a day without objects from a place where no collector ever wrote."""
    bucket, prefix = settings.traces_bucket, _root_prefix(settings)
    if not s3_objects.has_objects(s3, bucket=bucket, prefix=prefix):
        raise SourceMissing(
            f"there are no trace objects at all below s3://{bucket}/{prefix}; correct AI_FINOPS_TRACES_PREFIX, "
            "or wait for the collector's first object"
        )


def _encoding(key: str) -> int:
    return 0 if key.endswith(JSON_ENDINGS) else 1 if key.endswith(PROTOBUF_ENDINGS) else 2


def _add(fetched: s3_objects.Fetched, *, reader: SpanReader, accounts: Accounts) -> None:
    key = fetched.object.key
    number = accounts.open(key, bytes_read=fetched.object.size)
    if fetched.file is None:
        accounts.objects[number].bytes_read = 0
        accounts.objects[number].reason = "gone between listing and reading"
        return
    with fetched.file as file:
        if key.endswith(JSON_ENDINGS):
            reader.add_json(number, file)
        elif key.endswith(PROTOBUF_ENDINGS):
            reader.add_protobuf(number, file)
        else:
            accounts.ignore(number, reason="not a trace file by its name")
