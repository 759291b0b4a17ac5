"""A stand-in for Cost Explorer's GetCostAndUsage over HTTP that enforces what AWS documents; moto's ignores parameters.

The end is exclusive, after the start and not past the beginning of next month; days older than fourteen months are refused; one
or two group keys; known metrics, dimensions and filters; a value that nobody has gives nothing; `Total` is empty when grouped;
a page token belongs to its request. Sums are made of lines, so a group is what AWS would make of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from tests.extract.api_server import ApiServer, Request, api_server, json_answer
from tests.extract.stand_in import Answer

TARGET = "AWSInsightsIndexService.GetCostAndUsage"
METRICS = {
    *("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost"),
    *("NormalizedUsageAmount", "UnblendedCost", "UsageQuantity"),
}
DIMENSIONS = {
    "SERVICE": "service",
    "USAGE_TYPE": "usage_type",
    "RECORD_TYPE": "record_type",
    "LINKED_ACCOUNT": "account",
}
TODAY = date(2025, 6, 5)


@dataclass(frozen=True)
class Line:
    """What a bill is made of; amounts are text in decimal digits."""

    day: date
    service: str = "Amazon Bedrock"
    usage_type: str = "USE1-NovaLite-input-tokens"
    record_type: str = "Usage"
    account: str = "111122223333"
    unblended: str = "1"
    amortized: str | None = None
    """As unblended, unless something was paid up front."""
    quantity: str = "10"
    unit: str = "1K tokens"
    currency: str = "USD"
    tags: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """A code and a message of AWS's."""


class CostExplorer:
    """An account's lines, and the days that are still estimated."""

    def __init__(self, today: date = TODAY) -> None:
        self.today = today
        self.lines: list[Line] = []
        self.estimated: set[date] = set()
        self.groups_per_page = 1000
        self.server: ApiServer

    @property
    def asked(self) -> list[dict]:
        """The requests that came, retries included."""
        return [json.loads(request.body) for request in self.server.requests]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("x-amz-target") != TARGET or "authorization" not in request.headers:
            return error("UnrecognizedClientException", "not signed, or not this call")
        try:
            return json_answer(self._answer(json.loads(request.body)))
        except Refused as refused:
            return error(*refused.args)

    def _answer(self, asked: dict) -> dict:
        first, end = self._period(asked)
        if asked.get("Granularity") != "DAILY" or not asked.get("Metrics") or set(asked["Metrics"]) - METRICS:
            raise Refused("ValidationException", "Granularity or Metrics is not valid")
        groups = asked.get("GroupBy", [])
        if not 1 <= len(groups) <= 2:
            raise Refused("ValidationException", "GroupBy: Member must have length less than or equal to 2")
        lines = [line for line in self.lines if first <= line.day < end and _fits(asked.get("Filter"), line)]
        flat = []
        for day in (first + timedelta(days=number) for number in range((end - first).days)):
            of_day = [line for line in lines if line.day == day]
            keys = sorted({_keys(groups, line) for line in of_day})
            flat += [(day, key, [line for line in of_day if _keys(groups, line) == key]) for key in keys] or [
                (day, None, [])
            ]
        start, mark = 0, hashlib.sha256(json.dumps({**asked, "NextPageToken": 0}, sort_keys=True).encode()).hexdigest()
        if token := asked.get("NextPageToken"):
            start, _, of = token.partition(":")
            if not start.isdigit():
                raise Refused("InvalidNextTokenException", "The pagination token is invalid.")
            if of != mark:
                raise Refused("RequestChangedException", "Your request parameters changed between pages.")
        rest = int(start) + self.groups_per_page
        results = self._results(flat[int(start) : rest], asked["Metrics"])
        return {"GroupDefinitions": groups, "ResultsByTime": results, "DimensionValueAttributes": []} | (
            {"NextPageToken": f"{rest}:{mark}"} if rest < len(flat) else {}
        )

    def _period(self, asked: dict) -> tuple[date, date]:
        try:
            first, end = (date.fromisoformat(asked["TimePeriod"][name]) for name in ("Start", "End"))
        except (KeyError, ValueError) as wrong:
            raise Refused("ValidationException", "TimePeriod is not valid") from wrong
        if first >= end:
            raise Refused("ValidationException", "Start date (and hour) should be before end date (and hour)")
        if first > self.today:
            raise Refused("ValidationException", "start date is in the future")
        if end > (self.today.replace(day=28) + timedelta(days=4)).replace(day=1):
            raise Refused("ValidationException", "end date past the beginning of next month")
        months = self.today.year * 12 + self.today.month - 1 - 14
        if first < date(months // 12, months % 12 + 1, 1):
            raise Refused("ValidationException", "You haven't enabled historical data beyond 14 months")
        return first, end

    def _results(self, flat: list, metrics: list[str]) -> list[dict]:
        results: dict[date, dict] = {}
        for day, key, lines in flat:
            period = {"Start": str(day), "End": str(day + timedelta(days=1))}
            plain = {"TimePeriod": period, "Total": {}, "Groups": [], "Estimated": day in self.estimated}
            result = results.setdefault(day, plain)
            if key is not None:
                result["Groups"].append({"Keys": list(key), "Metrics": {name: _sum(name, lines) for name in metrics}})
        return list(results.values())


def error(code: str, message: str, status: int = 400) -> Answer:
    return json_answer({"__type": code, "message": message}, status)


@contextmanager
def cost_explorer_stand_in() -> Iterator[CostExplorer]:
    stand_in = CostExplorer()
    with api_server(stand_in.answer) as stand_in.server:
        yield stand_in


def _keys(groups: list[dict], line: Line) -> tuple[str, ...]:
    return tuple(_key(group, line) for group in groups)


def _key(group: dict, line: Line) -> str:
    if group["Type"] == "DIMENSION" and group["Key"] in DIMENSIONS:
        return getattr(line, DIMENSIONS[group["Key"]])
    if group["Type"] in ("TAG", "COST_CATEGORY"):
        return f"{group['Key']}${line.tags.get(group['Key'], '')}"
    raise Refused("ValidationException", f"cannot group by {group}")


def _fits(condition: dict | None, line: Line) -> bool:
    if condition is None:
        return True
    ((kind, inner),) = condition.items()
    if kind == "And":
        if len(inner) < 2:
            raise Refused("ValidationException", "And needs two expressions")
        return all(_fits(each, line) for each in inner)
    if kind == "Not":
        return not _fits(inner, line)
    if kind == "Dimensions" and inner["Key"] in DIMENSIONS:
        return getattr(line, DIMENSIONS[inner["Key"]]) in inner["Values"]
    raise Refused("ValidationException", f"cannot filter by {condition}")


def _sum(metric: str, lines: list[Line]) -> dict:
    if metric == "UsageQuantity":
        units = {line.unit for line in lines}
        total = sum(Decimal(line.quantity) for line in lines)
        return {"Amount": f"{total:f}", "Unit": units.pop() if len(units) == 1 else "N/A"}
    amounts = [line.amortized or line.unblended if metric == "AmortizedCost" else line.unblended for line in lines]
    return {"Amount": f"{sum(Decimal(amount) for amount in amounts):f}", "Unit": lines[0].currency}
