"""Where Bedrock puts its invocation logs in a bucket, and what its objects are by their names.

    <prefix>/AWSLogs/<account>/BedrockModelInvocationLogs/<region>/YYYY/MM/DD/HH/<name>.json.gz
                                                                            /HH/data/<name>_input.json.gz

A body of more than 100 KB is an object of its own below `data/` (Bedrock user guide, "Model invocation logging"). It is
content and nothing else, so it is never fetched. Accounts and regions are listed by delimiter, so that a landing lists the
day's keys and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ai_finops import aws

LOG_ENDINGS = (".json.gz", ".json", ".jsonl.gz", ".jsonl")
LARGE_BODY = "a large body kept beside its log line: content is not read"
OTHER_OBJECT = "not an invocation log by its name"


@dataclass(frozen=True, slots=True)
class LogFolder:
    """One day of one account's calls in one region."""

    account_id: str
    region_id: str
    prefix: str


def root_prefix(prefix: str) -> str:
    """Return what all accounts' log keys begin with."""
    prefix = prefix.strip("/")
    return f"{prefix}/AWSLogs/" if prefix else "AWSLogs/"


def day_folders(s3: Any, *, bucket: str, prefix: str, day: date) -> list[LogFolder]:
    """Return the day's folder of every account and region that has logs at all, by account and region.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket cannot be listed.
    """
    root = root_prefix(prefix)
    folders = []
    for account in _folders(s3, bucket=bucket, prefix=root):
        logs = f"{root}{account}/BedrockModelInvocationLogs/"
        folders += [
            LogFolder(account, region, f"{logs}{region}/{day:%Y/%m/%d}/")
            for region in _folders(s3, bucket=bucket, prefix=logs)
        ]
    return sorted(folders, key=lambda each: (each.account_id, each.region_id))


def why_ignored(key: str, *, folder: LogFolder) -> str | None:
    """Return why an object of a day's folder is not read, or None for a log."""
    if "/data/" in f"/{key.removeprefix(folder.prefix)}":
        return LARGE_BODY
    return None if key.endswith(LOG_ENDINGS) else OTHER_OBJECT


def _folders(s3: Any, *, bucket: str, prefix: str) -> list[str]:
    """Return the names right below a prefix that have something below them."""
    permission = f"s3:ListBucket on arn:aws:s3:::{bucket}"
    with aws.errors_named(f"the bucket {bucket}", permission=permission):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
    return [each.removeprefix(prefix).strip("/") for each in found]
