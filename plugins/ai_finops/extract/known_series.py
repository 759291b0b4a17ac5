"""Series that the lake has seen: ListMetrics forgets a series two weeks after its last point, the lake does not.

A back-fill of a day long past would otherwise miss every series that has been silent since. The partitions around the day are
read, a bounded number of them, so that a landing costs the same with however much history.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from ai_finops.extract import landings
from ai_finops.extract.metric_data import Series
from ai_finops.lake import Lake

PARTITIONS_EACH_WAY = 15
"""How many landed days before a day, and how many from it on, are asked for their series."""
_COLUMNS = ["namespace", "metric_name", "dimensions_json"]


def series_around(lake: Lake, source: str, *, day: date) -> set[Series]:
    """Return the series that have a point in the partitions nearest to `day`, itself included.

    Raises:
        LakeError: A partition cannot be read.
    """
    versions = landings.partitions_around(lake, source, day=day, each_way=PARTITIONS_EACH_WAY)
    return {each for version in versions for each in _series_in(version.file("metric_points"))}


def _series_in(file: Path) -> list[Series]:
    points = pq.read_table(file, columns=_COLUMNS, partitioning=None)
    rows = points.group_by(_COLUMNS).aggregate([]).to_pylist()
    return [
        Series(row["namespace"], row["metric_name"], tuple(sorted(json.loads(row["dimensions_json"]).items())))
        for row in rows
    ]
