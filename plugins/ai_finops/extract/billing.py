"""Land the AWS bill: the CUR 2.0 export of the billing period that holds a day, found through its manifest.

An export changes under us until months after the period's end, and the ids of its lines do not survive a delivery, so a period
is always replaced whole (AWS Data Exports user guide, "Understanding export delivery"). On the first days of a month the period
before is read again too. It is all or nothing: a broken export leaves the version before it in place.
"""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.days import billing_period, month_start
from ai_finops.errors import SourceMissing, SourceUnavailable
from ai_finops.extract import cur_export, landings, s3_objects
from ai_finops.extract.accounts import Accounts
from ai_finops.lake import Lake, Outcome

SOURCE = "billing"
CLIENTS = ("s3",)
PERMISSIONS = (("s3:ListBucket", "arn:aws:s3:::{bucket}"), ("s3:GetObject", "arn:aws:s3:::{bucket}/*"))
LAST_DAY_OF_PERIOD_BEFORE = 5
"""Up to this day of a month the period before is expected to change most: it is read again every day."""


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the partitions of the billing periods that `day` touches with their exports.

    The outcome is `missing` when no such period has been delivered yet.

    Args:
        day: The landing day, UTC; its month is the period.
        as_of: The run's today.
        allow_empty: Whether a period that had lines may become one that has none.
    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket or the export cannot be read.
        SourceBroken: A file of the manifest or a column is missing, or a period lost all its lines.
        LakeError: The partition cannot be written. In every case the old partitions stay.
    """
    totals = Accounts(SOURCE, day).totals()
    landed = []
    in_bucket = s3_objects.bucket_setting("AI_FINOPS_BILLING_BUCKET", bucket=settings.billing_bucket)
    with aws.calls_counted(clients) as calls, in_bucket:
        for period in periods_of(day):
            counts = _land_period(period, day, settings=settings, lake=lake, clients=clients, allow_empty=allow_empty)
            if counts is not None:
                landed.append(period)
                totals = {name: totals[name] + counts[name] for name in totals}
        if not landed:
            _require_export(clients["s3"], settings=settings)
    return landings.outcome(
        SOURCE,
        day,
        as_of=as_of,
        totals=totals,
        partitions=tuple(landed),
        api_call_count=calls.count,
        status=None if landed else "missing",
    )


def periods_of(day: date) -> list[str]:
    """Return the billing periods to read on `day`, the earlier first."""
    before = [billing_period(month_start(day) - timedelta(days=1))] if day.day <= LAST_DAY_OF_PERIOD_BEFORE else []
    return [*before, billing_period(day)]


def _land_period(
    period: str, day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, allow_empty: bool
) -> dict[str, int] | None:
    """Land one period; return its counts, or None when it has not been delivered."""
    s3 = clients["s3"]
    manifest = cur_export.read_manifest(s3, period=period, settings=settings)
    if manifest is None:
        return None
    accounts = Accounts(SOURCE, day)
    with tempfile.TemporaryDirectory(prefix="billing-") as folder:
        lines = cur_export.read_lines(s3, manifest, accounts=accounts, folder=Path(folder))
    if cur_export.read_manifest(s3, period=period, settings=settings) != manifest:
        raise SourceUnavailable(f"the export of {period} was delivered anew while it was read; try again")
    landings.refuse_emptying(
        lake, SOURCE, period, table="line_items", row_count=lines.num_rows, allow_empty=allow_empty
    )
    tables = {"line_items": lines, "objects": accounts.objects_table(), "quarantine": accounts.quarantine_table()}
    # The same export read on another day is the same content.
    lake.write_partition(SOURCE, period, tables=tables, ignoring=("landing_date",))
    return accounts.totals()


def _require_export(s3: Any, *, settings: Settings) -> None:
    """Tell an export that has not delivered a period yet from one that is not there at all."""
    bucket, prefix = settings.billing_bucket, cur_export.export_prefix(settings)
    if not s3_objects.has_objects(s3, bucket=bucket, prefix=prefix):
        raise SourceMissing(
            f"there is no billing export below s3://{bucket}/{prefix}; correct AI_FINOPS_BILLING_PREFIX and "
            "AI_FINOPS_BILLING_EXPORT, or wait for its first delivery"
        )
