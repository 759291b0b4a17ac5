"""CloudWatch's rules for reading metrics, from the API reference of ListMetrics and GetMetricData."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.extract.json_aws import Refused

LISTED_PER_PAGE = 500
QUERIES_PER_CALL = 500
DATAPOINTS_PER_CALL = 100_800
KEPT = ((15, 60), (63, 300), (455, 3600))
"""Days that points of at least so many seconds are kept."""
Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass
class MetricRules:
    """Metrics that were put; `call` answers for them."""

    now: datetime = datetime(2025, 6, 5, 6, tzinfo=UTC)
    forgotten: set[str] = field(default_factory=set)
    """Names of metrics that ListMetrics does not know any more."""
    never_whole: set[str] = field(default_factory=set)
    """Names of metrics whose last page says PartialData."""
    left_out: set[str] = field(default_factory=set)
    """Names of metrics that no page speaks of."""
    status: dict[str, str] = field(default_factory=dict)
    """Status by name of a metric, if not the usual one."""
    messages: list[dict] = field(default_factory=list)
    points: dict[Key, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    """Seconds and value, by namespace, name and dimensions."""

    def put(self, name: str, *values: float, at: datetime, namespace: str = "AI/FinOps", **dimensions: str) -> None:
        """Add points of one metric at one time."""
        key = (namespace, name, tuple(sorted(dimensions.items())))
        self.points[key] += [(at.timestamp(), value) for value in values]

    def call(self, operation: str, params: dict) -> dict:
        return {"ListMetrics": self._list, "GetMetricData": self._get}[operation](params)

    def _list(self, params: dict) -> dict:
        known = [key for key in sorted(self.points) if key[0] == params["Namespace"] and key[1] not in self.forgotten]
        start = int(params.get("NextToken") or 0)
        metrics = [
            {"Namespace": space, "MetricName": name, "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions]}
            for space, name, dimensions in known[start : start + LISTED_PER_PAGE]
        ]
        more = {"NextToken": str(start + LISTED_PER_PAGE)} if start + LISTED_PER_PAGE < len(known) else {}
        return {"Metrics": metrics} | more

    def _get(self, params: dict) -> dict:
        queries, limit = params["MetricDataQueries"], params.get("MaxDatapoints", DATAPOINTS_PER_CALL)
        self._check(queries, limit)
        series = {query["Id"]: self._series(query["MetricStat"], params) for query in queries}
        done = int(params.get("NextToken") or 0)  # points given on the pages before
        results, room = [], limit
        for query in queries:
            points, name = series[query["Id"]], query["MetricStat"]["Metric"]["MetricName"]
            skipped = min(done, len(points))
            done -= skipped
            given = points[skipped : skipped + room]
            room -= len(given)
            is_whole = skipped + len(given) == len(points) and name not in self.never_whole
            # A series that an earlier page finished is not spoken of again.
            if name not in self.left_out and (given or not points or not is_whole) and not (skipped and not given):
                results.append(
                    {
                        "Id": query["Id"],
                        "Label": name,
                        "Timestamps": [moment for moment, _ in given],
                        "Values": [value for _, value in given],
                        "StatusCode": self.status.get(name) or ("Complete" if is_whole else "PartialData"),
                    }
                )
        given_so_far = int(params.get("NextToken") or 0) + limit - room
        more = {"NextToken": str(given_so_far)} if given_so_far < sum(map(len, series.values())) else {}
        return {"MetricDataResults": results, "Messages": self.messages} | more

    def _check(self, queries: list[dict], limit: int) -> None:
        ids = [query["Id"] for query in queries]
        if not 1 <= len(queries) <= QUERIES_PER_CALL:
            raise Refused("ValidationError", f"{len(queries)} queries")
        if not 1 <= limit <= DATAPOINTS_PER_CALL:
            raise Refused("ValidationError", f"MaxDatapoints {limit}")
        if len(set(ids)) != len(ids) or not all(re.fullmatch(r"[a-z][a-zA-Z0-9_]{0,254}", each) for each in ids):
            raise Refused("ValidationError", "ids")
        if any(query["MetricStat"]["Period"] % 60 for query in queries):
            raise Refused("ValidationError", "period")

    def _series(self, stat: dict, params: dict) -> list[tuple[float, float]]:
        """Aggregate the points of one query: start inclusive, end exclusive, nothing finer than what is kept."""
        metric, period = stat["Metric"], stat["Period"]
        age_days = (self.now.timestamp() - params["StartTime"]) / 86400
        finest = next((seconds for days, seconds in KEPT if age_days <= days), None)
        if finest is None or period < finest:
            return []
        key = (
            metric["Namespace"],
            metric["MetricName"],
            tuple(sorted((d["Name"], d["Value"]) for d in metric["Dimensions"])),
        )
        buckets = defaultdict(list)
        for moment, value in self.points.get(key, ()):
            if params["StartTime"] <= moment < params["EndTime"]:
                buckets[moment // period * period].append(value)
        how = {"Sum": sum, "SampleCount": len, "Average": lambda values: sum(values) / len(values)}[stat["Stat"]]
        return [(moment, float(how(values))) for moment, values in sorted(buckets.items())]
