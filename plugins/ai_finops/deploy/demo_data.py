"""What `demo-data` does: give the local AWS its buckets and the sample, moved so that it ended yesterday.

The local AWS forgets all when it stops. One that has the buckets has been filled, and stays as it is: its metrics would
otherwise be counted twice. An object put last tells one that was filled from one that was left half full.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.demo.account import create_account, errors_named
from ai_finops.demo.deliver import deliver
from ai_finops.demo.run import told
from ai_finops.demo.sample import load_sample
from ai_finops.demo.sample_plan import LAST_DATE
from ai_finops.errors import AiFinopsError, SettingsError

MARK = "sample-is-whole"
"""Object of the bucket of traces, outside its prefix."""


def fill(settings: Settings, *, now: datetime) -> str:
    """Fill an empty local AWS; return what was done, in a sentence.

    Raises:
        SettingsError: It is a real account, or the local AWS was left half full.
        SourceUnavailable: It does not answer.
    """
    _refuse_real_account()
    clients = {name: aws.client(name, settings=settings) for name in ("s3", "cloudwatch")}
    with errors_named("the local AWS"):
        names = [bucket["Name"] for bucket in clients["s3"].list_buckets()["Buckets"]]
    if settings.traces_bucket in names:
        return _already_there(clients["s3"], bucket=settings.traces_bucket)
    create_account(clients, settings)
    sample = load_sample(shift_days=(now.date() - timedelta(days=1) - LAST_DATE).days)
    report = deliver(sample, first=sample.first_day, last=sample.last_day, clients=clients, settings=settings)
    clients["s3"].put_object(Bucket=settings.traces_bucket, Key=MARK, Body=b"")
    return f"{told(report)}, from {sample.first_day} to {sample.last_day}"


def _already_there(s3: Any, *, bucket: str) -> str:
    if "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix=MARK):
        return "the sample is there already"
    raise SettingsError(
        f"bucket {bucket} of the local AWS holds a part of the sample: an earlier try was interrupted; "
        "restart local-aws, which then forgets it, and start demo-data again"
    )


def _refuse_real_account() -> None:
    if not os.environ.get("AWS_ENDPOINT_URL"):
        raise SettingsError(
            "AWS_ENDPOINT_URL is empty, so the sample would go into a real account; set it to the local AWS, "
            "as make env does for the demo"
        )


def main() -> int:
    """Fill it, or say in a sentence why not."""
    try:
        done = fill(Settings.from_env(), now=datetime.now(UTC))
    except AiFinopsError as error:
        print(f"demo-data: {error}", file=sys.stderr)
        return 1
    print(f"demo-data: {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
