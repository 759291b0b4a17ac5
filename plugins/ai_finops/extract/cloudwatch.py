"""Land CloudWatch's metric points: namespace `AI/FinOps` (written by the decorator) and `AWS/Bedrock`.

A partition is a metric day. Points that are put late show up hours or days later (AWS: data older than 24 hours may take 48 to
appear), so each landing reads its day and the two before it again. Series are discovered with ListMetrics, which knows those
with a point in the last two weeks: a back-fill sees no series that has been silent since.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pyarrow as pa

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.errors import PartitionExpired
from ai_finops.extract import landings
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.metric_data import NAMESPACES, Series, list_series, read_points
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_schemas import METRIC_POINTS

SOURCE = "cloudwatch"
CLIENTS = ("cloudwatch",)
DAYS_READ = 3
WANTED_PERIOD_SECONDS = 3600
"""Hourly points: what the marts compare, and kept for every age that is kept at all, so a re-read finds the same."""
RETENTION = ((15, 60), (63, 300), (455, 3600))
"""Days that CloudWatch keeps points of at least so many seconds (API reference, GetMetricData)."""
_ORDER = [(name, "ascending") for name in ("namespace", "metric_name", "dimensions_json", "statistic", "point_at")]


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the partitions of `day` and the days before it that may still change.

    Args:
        day: The landing day, UTC.
        as_of: The run's today; retention is counted back from it.
        allow_empty: Whether a day that had points may become one that has none.
    Raises:
        PartitionExpired: CloudWatch does not keep the day any more.
        SourceForbidden, SourceUnavailable: CloudWatch refuses, or does not answer.
        SourceBroken: A day that had points has none now.
        LakeError: A partition cannot be written. In every case the old partitions stay.
    """
    period_seconds(day, as_of=as_of)
    totals = Accounts(SOURCE, day).totals()
    landed = []
    with aws.calls_counted(clients) as calls:
        series = [each for namespace in NAMESPACES for each in list_series(clients["cloudwatch"], namespace=namespace)]
        for metric_day in days_read(day, as_of=as_of):
            counts = _land_metric_day(
                metric_day, day, series, lake=lake, clients=clients, as_of=as_of, allow_empty=allow_empty
            )
            totals = {name: totals[name] + counts[name] for name in totals}
            landed.append(str(metric_day))
    return landings.outcome(
        SOURCE, day, as_of=as_of, totals=totals, partitions=tuple(landed), api_call_count=calls.count
    )


def days_read(day: date, *, as_of: date) -> list[date]:
    """Return the metric days that a landing of `day` reads, the earliest first; expired ones are left out."""
    days = (day - timedelta(days=back) for back in reversed(range(DAYS_READ)))
    return [each for each in days if (as_of - each).days <= RETENTION[-1][0]]


def period_seconds(day: date, *, as_of: date, wanted: int = WANTED_PERIOD_SECONDS) -> int:
    """Return the period to ask for: `wanted`, or the shortest that is still kept if that is longer.

    Raises:
        PartitionExpired: Nothing of the day is kept any more.
    """
    age_days = (as_of - day).days
    for kept_days, shortest_seconds in RETENTION:
        if age_days <= kept_days:
            return max(wanted, shortest_seconds)
    raise PartitionExpired(
        f"CloudWatch keeps no points of {day} as of {as_of}: {age_days} days is past its {RETENTION[-1][0]}; "
        "what was landed before stays"
    )


def _land_metric_day(
    metric_day: date,
    day: date,
    series: list[Series],
    *,
    lake: Lake,
    clients: aws.Clients,
    as_of: date,
    allow_empty: bool,
) -> dict[str, int]:
    accounts = Accounts(SOURCE, day)
    period = period_seconds(metric_day, as_of=as_of)
    rows = [
        row | {"landing_date": day, "metric_date": metric_day}
        for row in read_points(clients["cloudwatch"], series, day=metric_day, period_seconds=period)
    ]
    for namespace, count in _by_namespace(rows):
        account = accounts.objects[accounts.open(namespace)]
        account.read_count = account.loaded_count = count
    points = pa.Table.from_pylist(rows, schema=METRIC_POINTS).sort_by(_ORDER)
    key = str(metric_day)
    landings.refuse_emptying(
        lake, SOURCE, key, table="metric_points", row_count=points.num_rows, allow_empty=allow_empty
    )
    tables = {"metric_points": points, "objects": accounts.objects_table(), "quarantine": accounts.quarantine_table()}
    # The same points read again on a later day are the same content.
    lake.write_partition(SOURCE, key, tables=tables, ignoring=("landing_date",))
    return accounts.totals()


def _by_namespace(rows: list[dict]) -> Iterator[tuple[str, int]]:
    for namespace in NAMESPACES:
        yield namespace, sum(row["namespace"] == namespace for row in rows)
