"""Land CloudWatch's metric points: namespace `AI/FinOps` (written by the decorator) and `AWS/Bedrock`.

A partition is a metric day. Points that are put late show up hours or days later (AWS: data older than 24 hours may take 48 to
appear), so each landing reads its day and the two before it again. Series are discovered with ListMetrics, which knows those
with a point in the last two weeks; the ones that the lake has seen around the day are asked for as well. Names are kept as
CloudWatch has them: where a metric is written under two names, as the cache metrics of Bedrock are, both are landed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.errors import PartitionExpired
from ai_finops.extract import landings
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.known_series import series_around
from ai_finops.extract.metric_data import NAMESPACES, Series, list_series, read_points
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_schemas import METRIC_POINTS

SOURCE = "cloudwatch"
CLIENTS = ("cloudwatch",)
PERMISSIONS = (("cloudwatch:ListMetrics", "*"), ("cloudwatch:GetMetricData", "*"))
"""CloudWatch has no resources to name in either."""
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
    with aws.calls_counted(clients) as calls:
        series = _series(clients["cloudwatch"], lake=lake, day=day)
        # All days are read before one is written: a fault in between leaves every partition as it was.
        accounts = {each: Accounts(SOURCE, day) for each in days_read(day, as_of=as_of)}
        tables = {
            each: _read_day(each, day, series, cloudwatch=clients["cloudwatch"], accounts=account, as_of=as_of)
            for each, account in accounts.items()
        }
    for each in tables:
        count = accounts[each].totals()["loaded_count"]
        landings.refuse_emptying(
            lake, SOURCE, str(each), table="metric_points", row_count=count, allow_empty=allow_empty
        )
    for each, contents in tables.items():
        # The same points read again on a later day are the same content.
        lake.write_partition(SOURCE, str(each), tables=contents, ignoring=("landing_date",))
    counts = [account.totals() for account in accounts.values()]
    totals = {name: sum(each[name] for each in counts) for name in counts[0]}
    keys = tuple(str(each) for each in tables)
    return landings.outcome(SOURCE, day, as_of=as_of, totals=totals, partitions=keys, api_calls=calls.calls())


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


def _series(cloudwatch: Any, *, lake: Lake, day: date) -> list[Series]:
    listed = {each for namespace in NAMESPACES for each in list_series(cloudwatch, namespace=namespace)}
    known = listed | series_around(lake, SOURCE, day=day)
    return sorted(known, key=lambda each: (each.namespace, each.metric_name, each.dimensions))


def _read_day(
    metric_day: date, day: date, series: list[Series], *, cloudwatch: Any, accounts: Accounts, as_of: date
) -> dict[str, pa.Table]:
    """Return the tables of one metric day's partition."""
    period = period_seconds(metric_day, as_of=as_of)
    rows = [
        row | {"landing_date": day, "metric_date": metric_day}
        for row in read_points(cloudwatch, series, day=metric_day, period_seconds=period)
    ]
    for namespace, count in _by_namespace(rows):
        account = accounts.objects[accounts.open(namespace)]
        account.read_count = account.loaded_count = count
    points = pa.Table.from_pylist(rows, schema=METRIC_POINTS).sort_by(_ORDER)
    return {"metric_points": points, "objects": accounts.objects_table(), "quarantine": accounts.quarantine_table()}


def _by_namespace(rows: list[dict]) -> Iterator[tuple[str, int]]:
    for namespace in NAMESPACES:
        yield namespace, sum(row["namespace"] == namespace for row in rows)
