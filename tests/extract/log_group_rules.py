"""CloudWatch Logs' rules for reading a log group, from the API reference of DescribeLogGroups and FilterLogEvents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.extract.json_aws import Refused

GROUPS_PER_PAGE = 50
EVENTS_PER_PAGE = 10_000
BYTES_PER_PAGE = 1024 * 1024


@dataclass
class LogGroupRules:
    """Log groups with their events; `call` reads them."""

    account_id: str = "111122223333"
    retention_days: dict[str, int | None] = field(default_factory=dict)
    events: dict[str, list[dict]] = field(default_factory=dict)
    empty_pages: int = 0
    """Pages without events, but with a token, before the first that has some."""
    most_events_per_page: int = EVENTS_PER_PAGE

    def add_group(self, name: str, *, retention_days: int | None = None) -> None:
        self.retention_days[name] = retention_days
        self.events[name] = []

    def put(self, group: str, message: str, *, at: datetime, ingested_at: datetime | None = None) -> None:
        """Add an event; it is ingested at its own time unless it says."""
        self.events[group].append(
            {
                "logStreamName": "default",
                "timestamp": int(at.timestamp() * 1000),
                "ingestionTime": int((ingested_at or at).timestamp() * 1000),
                "message": message,
                "eventId": f"{len(self.events[group]):056d}",
            }
        )

    def call(self, operation: str, params: dict) -> dict:
        return {"DescribeLogGroups": self._describe, "FilterLogEvents": self._filter}[operation](params)

    def _describe(self, params: dict) -> dict:
        limit = params.get("limit", GROUPS_PER_PAGE)
        if not 1 <= limit <= GROUPS_PER_PAGE:
            raise Refused("InvalidParameterException", "limit")
        names = [name for name in sorted(self.events) if name.startswith(params.get("logGroupNamePrefix", ""))]
        start = int(params.get("nextToken", 0))
        found = []
        for name in names[start : start + limit]:
            arn = f"arn:aws:logs:us-east-1:{self.account_id}:log-group:{name}:*"
            kept = self.retention_days[name]
            found.append({"logGroupName": name, "arn": arn} | ({"retentionInDays": kept} if kept else {}))
        return {"logGroups": found} | ({"nextToken": str(start + limit)} if start + limit < len(names) else {})

    def _filter(self, params: dict) -> dict:
        limit = params.get("limit", EVENTS_PER_PAGE)
        if not 1 <= limit <= EVENTS_PER_PAGE or params["startTime"] < 0:
            raise Refused("InvalidParameterException", "limit or time")
        if params["logGroupName"] not in self.events:
            raise Refused("ResourceNotFoundException", "The specified log group does not exist.")
        empty, start = (int(part) for part in params.get("nextToken", f"{self.empty_pages}/0").split("/"))
        # Both ends are inclusive.
        found = [
            each
            for each in self.events[params["logGroupName"]]
            if params["startTime"] <= each["timestamp"] <= params["endTime"]
        ]
        found = sorted(found, key=lambda each: (each["timestamp"], each["ingestionTime"], each["eventId"]))[start:]
        if empty and found:
            return {"events": [], "searchedLogStreams": [], "nextToken": f"{empty - 1}/{start}"}
        page, size = [], 0
        for each in found[: min(limit, self.most_events_per_page)]:
            size += len(each["message"].encode())
            if page and size > BYTES_PER_PAGE:
                break
            page.append(each)
        more = {"nextToken": f"0/{start + len(page)}"} if len(page) < len(found) else {}
        return {"events": page, "searchedLogStreams": []} | more
