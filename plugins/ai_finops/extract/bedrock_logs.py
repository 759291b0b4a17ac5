"""Land one day of Bedrock's model invocation logs: one record a call, whoever made it and however it was instrumented.

A key's hour is the hour in which Bedrock delivered the record, so the day is a landing day as it is for traces; the call's own
time is in the record. Only the day's keys are listed and read, in every account and region that has logs in the bucket. Bodies
may be in a record: counts, ids and times are taken out of them, and nothing else leaves the reader unless texts are kept
(contents.py). A body of more than 100 KB lies in an object of its own, which is never read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.errors import SourceMissing
from ai_finops.extract import bedrock_log_keys, contents, landings, s3_objects
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.bedrock_log_keys import LogFolder
from ai_finops.extract.bedrock_log_loader import MODELS, InvocationLoader
from ai_finops.extract.bedrock_profiles import Model, Profiles, list_profiles, region_to_ask
from ai_finops.lake import Lake, Outcome
from ai_finops.privacy.users import landing_users

SOURCE = "bedrock_logs"
CONTENTS = "bedrock_log_contents"
CLIENTS = ("s3", "bedrock")
PERMISSIONS = (
    ("s3:ListBucket", "arn:aws:s3:::{bucket}"),
    ("s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}/AWSLogs/*/BedrockModelInvocationLogs/*"),
    ("bedrock:ListInferenceProfiles", "*"),
)
PARTITIONS_EACH_WAY = 15
"""Landed days before and after a day that are asked for a profile which is not listed any more."""
Said = tuple[str | None, str | None, str]
"""Account, region and the model as it was named."""


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the day's partition with the calls of its log objects.

    Args:
        day: The landing day, UTC.
        as_of: The date on which the bucket is read.
        allow_empty: Whether a day that had calls may become one that has none.
    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket, an object or the inference profiles cannot be read, or
            there are no invocation logs at all below the prefix.
        SourceBroken: The day had calls and has none now.
        LakeError: The partition cannot be written. In every case the old partition stays.
    """
    accounts = Accounts(SOURCE, day)
    in_bucket = s3_objects.bucket_setting("AI_FINOPS_BEDROCK_LOGS_BUCKET", bucket=settings.bedrock_logs_bucket)
    with (
        landing_users(day, settings=settings, as_of=as_of) as users,
        aws.calls_counted(clients) as calls,
        in_bucket,
        tempfile.TemporaryDirectory(prefix="bedrock-logs-") as folder,
    ):
        loader = InvocationLoader(
            Path(folder),
            accounts=accounts,
            users=users,
            as_of=morning_after(day),
            keeps_content=settings.keep_content,
        )
        try:
            regions, said = _read_day(
                day, loader, settings=settings, s3=clients["s3"], accounts=accounts, folder=Path(folder)
            )
            profiles = _profiles(said, regions=regions, bedrock=clients["bedrock"], settings=settings, calls=calls)
            models = _models_table(said, profiles=profiles, day=day, lake=lake)
            tables = loader.tables(models=models, landing_date=day)
            texts = loader.contents(landing_date=day)
        finally:
            loader.close()
        totals = accounts.totals()
        landings.refuse_emptying(
            lake, SOURCE, str(day), table="invocations", row_count=totals["loaded_count"], allow_empty=allow_empty
        )
        lake.write_partition(SOURCE, str(day), tables=tables)
        contents.settle(
            day, source=CONTENTS, table="invocation_contents", texts=texts, settings=settings, lake=lake, as_of=as_of
        )
    return landings.outcome(SOURCE, day, as_of=as_of, totals=totals, partitions=(str(day),), api_calls=calls.calls())


def _read_day(
    day: date, loader: InvocationLoader, *, settings: Settings, s3: Any, accounts: Accounts, folder: Path
) -> tuple[set[str], list[Said]]:
    """Return the regions that have logs, and the models that the day's calls name."""
    bucket, prefix = settings.bedrock_logs_bucket, settings.bedrock_logs_prefix
    folders = bedrock_log_keys.day_folders(s3, bucket=bucket, prefix=prefix, day=day)
    if not folders:
        raise SourceMissing(
            f"there are no Bedrock invocation logs at all below s3://{bucket}/{bedrock_log_keys.root_prefix(prefix)}; "
            "correct AI_FINOPS_BEDROCK_LOGS_PREFIX, or switch model invocation logging on in Bedrock"
        )
    places = []
    for each in folders:
        objects = s3_objects.list_objects(s3, bucket=bucket, prefix=each.prefix)
        wanted = [found for found in objects if not _is_ignored(found, folder=each, accounts=accounts)]
        places += [(each.account_id, each.region_id)] * len(objects)
        for fetched in s3_objects.fetch_each(s3, bucket=bucket, objects=wanted, folder=folder):
            _add(fetched, loader=loader, accounts=accounts)
    return {each.region_id for each in folders}, loader.finish(places=places)


def _is_ignored(found: s3_objects.S3Object, *, folder: LogFolder, accounts: Accounts) -> bool:
    reason = bedrock_log_keys.why_ignored(found.key, folder=folder)
    if reason:
        accounts.ignore(accounts.open(found.key), reason=reason)
    return reason is not None


def _add(fetched: s3_objects.Fetched, *, loader: InvocationLoader, accounts: Accounts) -> None:
    number = accounts.open(fetched.object.key, bytes_read=fetched.object.size)
    if fetched.file is None:
        accounts.objects[number].bytes_read = 0
        accounts.objects[number].reason = "gone between listing and reading"
        return
    with fetched.file as file:
        loader.add(number, file)


def _profiles(
    said: Iterable[Said], *, regions: set[str], bedrock: Any, settings: Settings, calls: aws.ClientCalls
) -> Profiles:
    """Return the profiles that the names of models may stand for; calls to other regions are counted too.

    Only a region that has a folder of logs is asked: what a record says of itself opens no connection.
    """
    asked = sorted({region_to_ask(name, region=region) for _, region, name in said} & regions)
    others = {
        region: aws.client("bedrock", settings=replace(settings, aws_region=region))
        for region in asked
        if region != bedrock.meta.region_name
    }
    try:
        for each in others.values():
            calls.watch(each)
        return Profiles({region: list_profiles(others.get(region, bedrock)) for region in asked})
    finally:
        for each in others.values():
            each.close()


def _models_table(said: Iterable[Said], *, profiles: Profiles, day: date, lake: Lake) -> pa.Table:
    """Return what each model name stands for, with the columns of `MODELS`."""
    models = {each: profiles.resolve(each[2], account=each[0], region=each[1]) for each in said}
    unknown = {name for (_, _, name), model in models.items() if model.model_id is None}
    known = _known_from_lake(lake, day=day, names=unknown) if unknown else {}
    rows = []
    for (account, region, name), model in models.items():
        found = known.get(name, model) if model.model_id is None else model
        rows.append((account, region, name, found.model_id, found.region_scope, found.profile_arn))
    return pa.Table.from_pylist([dict(zip(MODELS.names, row, strict=True)) for row in rows], schema=MODELS)


def _known_from_lake(lake: Lake, *, day: date, names: set[str]) -> dict[str, Model]:
    """Return what earlier landings found out about profiles that are gone: a profile never changes its model."""
    versions = landings.partitions_around(lake, SOURCE, day=day, each_way=PARTITIONS_EACH_WAY)
    if not versions:
        return {}
    query = """
        select distinct coalesce(invoked_model_id, model_id) as said, resolved_model_id, region_scope, inference_profile_arn
        from read_parquet($1, hive_partitioning=false)
        where resolved_model_id is not null and list_contains($2, said)"""
    with duckdb.connect() as connection:
        rows = connection.execute(query, [[str(each.file("invocations")) for each in versions], sorted(names)])
        return {said: Model(*model) for said, *model in rows.fetchall()}
