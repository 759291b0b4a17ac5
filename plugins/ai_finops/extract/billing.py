"""Land the AWS bill: the CUR export (2.0, or a legacy report) of the billing period that holds a day, found by its manifest."""

from __future__ import annotations

from datetime import date

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.extract import export_landing
from ai_finops.extract.cur_export import CUR
from ai_finops.extract.export_delivery import Place
from ai_finops.lake import Lake, Outcome

SOURCE = CUR.source
CLIENTS = ("s3",)
PERMISSIONS = (("s3:ListBucket", "arn:aws:s3:::{bucket}"), ("s3:GetObject", "arn:aws:s3:::{bucket}/*"))


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the partitions of the billing periods that `day` touches; see `export_landing.land_periods`.

    Args:
        day: The landing day, UTC; its month is the period.
        as_of: The run's today.
        allow_empty: Whether a period that had lines may become one that has none.
    """
    place = Place(
        bucket=settings.billing_bucket,
        prefix=settings.billing_prefix,
        name=settings.billing_export,
        settings="AI_FINOPS_BILLING",
        has_legacy=True,
    )
    return export_landing.land_periods(
        CUR, day, place=place, lake=lake, clients=clients, as_of=as_of, allow_empty=allow_empty
    )
