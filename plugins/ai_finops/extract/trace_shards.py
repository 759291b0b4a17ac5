"""Land a day of traces in shards, which may run on several machines: plan, each shard, join.

A plan lists the day's objects once and divides them into stretches of about the same number of bytes, in the order in which an
undivided landing reads them; keys begin with the hour, so a stretch is one of time. A shard reads its objects, which is nearly
all of the work, and writes their spans down. The join takes the spans of all shards in order, as an undivided landing takes
them from its reader, and writes the same bytes: repeats, forgotten users, counts, texts and queries are settled there, over
the whole day. Nothing is visible before. Why so: docs/decisions/0035-traces-in-shards.md
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pyarrow.parquet as pq

from ai_finops import aws, extract
from ai_finops.api_calls import ApiCalls, in_order
from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.errors import LakeError, SettingsError
from ai_finops.extract import landings, shard_scratch, span_spill, span_table, traces
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.clients import open_clients
from ai_finops.extract.contents import Texts
from ai_finops.extract.s3_objects import S3Object
from ai_finops.extract.shard_scratch import ShardPlan, ShardRead
from ai_finops.extract.span_contents import SpanContents
from ai_finops.extract.span_intake import SpanIntake
from ai_finops.extract.span_loader import SpanReader
from ai_finops.extract.span_spill import SpanSpill
from ai_finops.lake import Lake, Outcome
from ai_finops.privacy import user_keys
from ai_finops.privacy.users import SealedUsers, landing_users

SOURCE = traces.SOURCE
FORM = 1
"""Of what shards write; a join puts together what was written in its own."""
LEAST_BYTES = 4 * 1024 * 1024
"""Of a shard: reading less takes no longer than starting a task."""
OBJECT_BYTES = 16 * 1024
"""What asking for an object counts as, beside what is in it."""


def plan(day: date, *, run: str, settings: Settings, as_of: date, today: date | None = None) -> ShardPlan:
    """List the objects of a landing day and divide them into at most `AI_FINOPS_TRACE_SHARDS` shards.

    Args:
        day: The landing day, UTC.
        run: The name of the run; an earlier plan of the same run is removed.
        as_of, today: As `extract.land` has them.
    Returns:
        The plan; of a day without objects it has no shards.
    Raises:
        SettingsError: The day is not over.
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket cannot be listed, or nothing lies below the prefix.
        LakeError: The lake or the keys of users cannot be used.
    """
    extract.require_over(SOURCE, day, as_of=as_of, today=today)
    began = time.monotonic()
    with user_keys.opened(settings):  # makes the secret where there is none, and tells when it is another
        mark = user_keys.seal_mark(user_keys.secret_of(settings))
    with (
        open_clients(traces.CLIENTS, settings=settings) as clients,
        aws.calls_counted(clients) as calls,
        traces.bucket_setting(settings.traces_bucket),
    ):
        shards = divide(traces.list_day(day, settings=settings, s3=clients["s3"]), most=settings.trace_shards)
    made = ShardPlan(
        plan_id=shard_scratch.new_name(),
        source=SOURCE,
        day=day,
        run=run,
        asked_on=today or as_of,
        bucket=settings.traces_bucket,
        keeps_content=settings.keep_content,
        seal_mark=mark,
        reader=_reader(),
        shard_count=len(shards),
        api_calls=calls.calls(),
        seconds=round(time.monotonic() - began, 3),
    )
    shard_scratch.write_plan(Lake(settings.lake), made, shards)
    return made


def divide(objects: Sequence[S3Object], *, most: int) -> list[Sequence[S3Object]]:
    """Return stretches of objects, at most so many, none empty, of about the same weight and of `LEAST_BYTES` or more."""
    weights = [each.size + OBJECT_BYTES for each in objects]
    whole = sum(weights)
    count = max(1, min(most, whole // LEAST_BYTES))
    shards: list[list[S3Object]] = [[] for _ in range(count)]
    before = 0
    for each, weight in zip(objects, weights, strict=True):
        # The shard in which the object's middle lies.
        shards[min(count - 1, (2 * before + weight) * count // (2 * whole))].append(each)
        before += weight
    return [shard for shard in shards if shard]


def land_shard(day: date, *, plan_id: str, number: int, settings: Settings) -> ShardRead:
    """Read the objects of one shard and write down what is in them; a shard that was read already is left as it is.

    Raises:
        SettingsError: This machine's secret, release or DuckDB is another than that of the plan.
        SourceForbidden, SourceMissing, SourceUnavailable: An object cannot be read.
        LakeError: The plan is gone, or the lake cannot be written.
    """
    lake = Lake(settings.lake)
    planned = shard_scratch.read_plan(lake, SOURCE, day, plan_id)
    if (done := shard_scratch.shard_read(lake, planned, number)) is not None:
        return done
    _require_reader(planned)
    secret = user_keys.secret_of(settings)
    if user_keys.seal_mark(secret) != planned.seal_mark:
        raise SettingsError(
            "AI_FINOPS_USER_KEY is another secret here than where the shards were planned, so that users would not be known "
            "again; set the same on every machine"
        )
    began = time.monotonic()
    objects, accounts = shard_scratch.read_objects(lake, planned, number), Accounts(SOURCE, day)
    with (
        open_clients(traces.CLIENTS, settings=settings) as clients,
        aws.calls_counted(clients) as calls,
        traces.bucket_setting(planned.bucket),
        tempfile.TemporaryDirectory(prefix="shard-") as temporary,
    ):
        folder = Path(temporary)
        spill = SpanSpill(folder / "spans.parquet", users=SealedUsers(secret))
        reader = SpanReader(
            folder, accounts=accounts, taker=spill, as_of=morning_after(day), keeps_content=planned.keeps_content
        )
        try:
            traces.read_objects(
                objects, bucket=planned.bucket, s3=clients["s3"], reader=reader, accounts=accounts, folder=folder
            )
            reader.finish()
            files = _written(folder, accounts=accounts, texts=reader.texts)
        finally:
            reader.close()
        read = ShardRead(
            attempt=shard_scratch.new_name(),
            checksums={},
            api_calls=calls.calls(),
            seconds=round(time.monotonic() - began, 3),
            object_count=len(objects),
            span_count=spill.span_count,
        )
        files |= {"spans.parquet": spill.path} if spill.span_count else {}
        return shard_scratch.write_shard(lake, planned, number, files=files, read=read)


def join(
    day: date,
    *,
    plan_id: str,
    settings: Settings,
    as_of: date,
    today: date | None = None,
    allow_empty: bool = False,
) -> Outcome:
    """Put what the shards of a plan read together and replace the day's partition; again it finds the same.

    What the shards wrote stays until `shard_scratch.remove_plan`, so that a join that was killed can be tried again.

    Returns:
        The outcome, not recorded: that of an undivided landing, but for the seconds, which are those of all tasks.
    Raises:
        SettingsError: The day is not over, or this machine's release or DuckDB is another than that of the plan.
        SourceBroken: The day had spans and has none now; the old partition stays.
        LakeError: The plan is gone, a shard of it was not read, or the lake cannot be written; the old partition stays.
    """
    extract.require_over(SOURCE, day, as_of=as_of, today=today)
    lake, asked_on = Lake(settings.lake), today or as_of
    planned = shard_scratch.read_plan(lake, SOURCE, day, plan_id)
    _require_reader(planned)
    began = time.monotonic()
    reads = [_read_of(lake, planned, number) for number in range(planned.shard_count)]
    accounts = Accounts(SOURCE, day)
    with (
        landing_users(day, settings=settings, as_of=asked_on, is_sealed=True) as users,
        aws.calls_counted({}) as calls,
        tempfile.TemporaryDirectory(prefix="traces-") as temporary,
    ):
        folder = Path(temporary)
        intake = SpanIntake(folder, accounts=accounts, users=users)
        try:
            firsts = _take_all(lake, planned, reads, intake=intake, accounts=accounts)
            tables = intake.settle()
            texts = _texts(lake, planned, reads, firsts=firsts, intake=intake, accounts=accounts, folder=folder)
            queries = intake.queries(texts=texts, open_embedder=lambda: traces.open_embedder(settings, calls))
        finally:
            intake.close()
        traces.write_day(
            day,
            tables=tables,
            texts=texts,
            queries=queries,
            accounts=accounts,
            settings=settings,
            lake=lake,
            as_of=asked_on,
            allow_empty=allow_empty,
        )
    outcome = landings.outcome(
        SOURCE,
        day,
        as_of=as_of,
        totals=accounts.totals(),
        partitions=(str(day),),
        api_calls=_summed(planned.api_calls, *(each.api_calls for each in reads), calls.calls()),
    )
    seconds = planned.seconds + sum(each.seconds for each in reads) + time.monotonic() - began
    return replace(outcome, landing_seconds=round(seconds, 3))


def _reader() -> str:
    """Name the code by which spans are read: hashes of ids are DuckDB's, and what a name means is the release's."""
    return f"ai-finops {version('ai-finops')}, duckdb {version('duckdb')}, form {FORM}"


def _require_reader(planned: ShardPlan) -> None:
    if planned.reader != _reader():
        raise SettingsError(
            f"the shards of {planned.source} {planned.day} were planned by {planned.reader} and this machine has {_reader()}; "
            "bring all machines to one release, and clear the plan task of the day"
        )


def _written(folder: Path, *, accounts: Accounts, texts: SpanContents | None) -> dict[str, Path]:
    """Write the rest of what a shard read; a file without rows is left out."""
    files = {}
    for name, table in (("objects", accounts.objects_table()), ("quarantine", accounts.quarantine_table())):
        if table.num_rows:
            files[f"{name}.parquet"] = folder / f"{name}.parquet"
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    if texts is not None and texts.write_all(folder / "texts.parquet"):
        files["texts.parquet"] = folder / "texts.parquet"
    return files


def _read_of(lake: Lake, planned: ShardPlan, number: int) -> ShardRead:
    read = shard_scratch.shard_read(lake, planned, number)
    if read is None:
        raise LakeError(
            f"shard {number} of {planned.source} {planned.day} was not read; clear that shard's task, and what follows it"
        )
    return read


def _take_all(
    lake: Lake, planned: ShardPlan, reads: Sequence[ShardRead], *, intake: SpanIntake, accounts: Accounts
) -> list[int]:
    """Take the spans of all shards in order; return the number of the first object of each."""
    firsts = []
    for number, read in enumerate(reads):
        objects, quarantine, spans = (
            shard_scratch.shard_file(lake, planned, number, read=read, name=f"{name}.parquet")
            for name in ("objects", "quarantine", "spans")
        )
        none = accounts.quarantine_table().slice(0, 0)
        firsts.append(
            accounts.adopt(
                pq.read_table(objects, partitioning=None),
                pq.read_table(quarantine, partitioning=None) if quarantine else none,
            )
        )
        for rows, unmapped in span_spill.read_spill(spans, first_number=firsts[-1]) if spans else ():
            intake.take(rows, unmapped=unmapped)
    return firsts


def _texts(
    lake: Lake,
    planned: ShardPlan,
    reads: Sequence[ShardRead],
    *,
    firsts: Sequence[int],
    intake: SpanIntake,
    accounts: Accounts,
    folder: Path,
) -> Texts | None:
    if not planned.keeps_content:
        return None
    with span_table.connect(folder) as connection:
        texts = SpanContents(connection)
        for number, (read, first) in enumerate(zip(reads, firsts, strict=True)):
            if path := shard_scratch.shard_file(lake, planned, number, read=read, name="texts.parquet"):
                texts.add_written(path, first_number=first)
        return texts.write(
            folder / "span_contents.parquet",
            spans=intake.spans,
            object_keys=[account.object_key for account in accounts.objects],
            landing_date=planned.day,
            without_traces=intake.forgotten_traces,
        )


def _summed(*counted: tuple[ApiCalls, ...]) -> tuple[ApiCalls, ...]:
    calls: Counter = Counter()
    items: Counter = Counter()
    for each in _all(counted):
        calls[each.kind] += each.call_count
        items[each.kind] += each.item_count
    return in_order([ApiCalls(*kind, count, items[kind]) for kind, count in calls.items()])


def _all(counted: Sequence[tuple[ApiCalls, ...]]) -> Iterator[ApiCalls]:
    return chain.from_iterable(counted)
