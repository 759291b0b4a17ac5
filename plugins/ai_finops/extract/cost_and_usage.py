"""Cost Explorer's GetCostAndUsage: what to ask so that nothing is netted, page by page, as rows.

An answer has at most two group keys, and a group without the record type among its keys sums usage with the credits, refunds
and taxes of the same service. So with two keys of one's own the bill is asked for in two halves that make up the whole: what
is `Usage`, by both keys, and all that is not, by the first key and its record type.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from botocore.exceptions import ClientError

from ai_finops import aws
from ai_finops.errors import PartitionExpired, SourceError, SourceUnavailable
from ai_finops.extract.said_fields import SaidFields

METRICS = ("UnblendedCost", "AmortizedCost", "UsageQuantity")
"""Unblended ties to the invoice. Amortised spreads what was paid up front over the days it is for, as FOCUS's EffectiveCost
does; it comes in the same answer for nothing, and cannot be asked for once the day has expired."""
RECORD_TYPE, USAGE = "RECORD_TYPE", "Usage"
PERMISSION = "ce:GetCostAndUsage on *"
MOST_PAGES = 200
"""Two dollars: more for a few weeks of days is a question that does not end."""
_NOT_NOW = {
    "DataUnavailableException": "it has no data yet, which takes up to 24 hours once it is switched on",
    "InvalidNextTokenException": "it lost its place between two pages",
    "RequestChangedException": "it lost its place between two pages",
    "BillingViewHealthStatusException": "the billing view is not healthy",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One half of the bill, or all of it."""

    part: str
    """`all`, `usage` or `other`"""
    group_keys: tuple[str, ...]
    account_id: str | None = None
    """The account that is asked about; None for all that the credentials see."""

    @property
    def name(self) -> str:
        """What it is called in object keys."""
        return f"{self.account_id or 'all-accounts'}/{self.part}"

    def request(self, *, first: date, last: date) -> dict[str, Any]:
        """Return the parameters for the days from `first` to `last`; the end that AWS wants is exclusive."""
        asked = {
            "TimePeriod": {"Start": str(first), "End": str(last + timedelta(days=1))},
            "Granularity": "DAILY",
            "Metrics": list(METRICS),
            "GroupBy": [_group(key) for key in self.group_keys],
        }
        usage = {"Dimensions": {"Key": RECORD_TYPE, "Values": [USAGE]}}
        conditions = {"usage": [usage], "other": [{"Not": usage}]}.get(self.part, [])
        if self.account_id:
            conditions.append({"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [self.account_id]}})
        if conditions:
            asked["Filter"] = conditions[0] if len(conditions) == 1 else {"And": conditions}
        return asked


@dataclass(frozen=True, slots=True)
class DayGroups:
    """What one page says of one day."""

    day: date
    groups: list[dict[str, Any]]
    is_estimated: bool
    page_number: int
    """1 for the first page that holds something of the day."""
    api_call_number: int
    bytes_read: int
    """The page's, on the first day of it."""


def questions(keys: tuple[str, ...], *, account_id: str | None) -> list[Question]:
    """Return what to ask so that every row has one record type: once where it fits into two keys, else twice."""
    if RECORD_TYPE in keys:
        return [Question("all", keys, account_id)]
    if len(keys) == 1:
        return [Question("all", (*keys, RECORD_TYPE), account_id)]
    return [Question("usage", keys, account_id), Question("other", (keys[0], RECORD_TYPE), account_id)]


def ask(ce: Any, question: Question, *, first: date, last: date, numbers: Iterator[int]) -> Iterator[DayGroups]:
    """Yield what Cost Explorer says of each day from `first` to `last`, page by page.

    Args:
        numbers: Gives each answer its number.

    Raises:
        PartitionExpired: It does not keep the first day any more.
        SourceForbidden, SourceUnavailable, SourceError: It refuses, or does not answer.
        SourceBroken: A page is not as documented.
    """
    asked, pages_by_day = question.request(first=first, last=last), {}
    tokens: set[str] = set()
    for _ in range(MOST_PAGES):
        with _errors_named(first):
            answer = ce.get_cost_and_usage(**asked)
        number, bytes_read = next(numbers), _bytes_read(answer)
        fields = SaidFields(answer, place=f"Cost Explorer {question.name}")
        for said in fields.listed("ResultsByTime"):
            result = SaidFields(said, place=f"Cost Explorer {question.name}")
            day = _day_of(result)
            pages_by_day[day] = pages_by_day.get(day, 0) + 1
            is_estimated = bool(result.flag("Estimated"))
            yield DayGroups(day, result.listed("Groups"), is_estimated, pages_by_day[day], number, bytes_read)
            bytes_read = 0
        token = answer.get("NextPageToken")
        if not token:
            return
        if token in tokens:
            break
        tokens.add(token)
        asked |= {"NextPageToken": token}
    raise SourceUnavailable(
        f"cannot read Cost Explorer {question.name}: its pages do not end; try again, or group by fewer things "
        "(AI_FINOPS_COST_EXPLORER_KEYS)"
    )


def read_group(said: Any, *, question: Question, day: date) -> dict[str, Any]:
    """Make a row of one group.

    Raises:
        SourceBroken: A key or a metric is missing or cannot be read; the message names it.
    """
    fields = SaidFields(said, place=f"Cost Explorer {question.name} {day}")
    values = fields.listed("Keys")
    if len(values) != len(question.group_keys):
        raise fields.broken(f"a group has {len(values)} keys and {len(question.group_keys)} were asked for")
    by_key = {key: _value(key, value) for key, value in zip(question.group_keys, values, strict=True)}
    record_type = by_key.pop(RECORD_TYPE, USAGE)
    named = [*by_key.items(), (None, None), (None, None)][:2]
    metrics = fields.part("Metrics", is_required=True)
    unblended, amortized, quantity = (metrics.part(name, is_required=True) for name in METRICS)
    currency, other = (each.text("Unit", is_required=True) for each in (unblended, amortized))
    if currency != other:
        raise fields.broken(f"one group has two currencies, {currency} and {other}")
    return {
        "account_id": question.account_id,
        "key_1_name": named[0][0],
        "key_1_value": named[0][1],
        "key_2_name": named[1][0],
        "key_2_value": named[1][1],
        "record_type": record_type,
        "unblended_cost": unblended.decimal("Amount", is_required=True),
        "amortized_cost": amortized.decimal("Amount", is_required=True),
        "currency_code": currency,
        "usage_quantity": quantity.decimal("Amount", is_required=True),
        "usage_unit": quantity.text("Unit"),
    }


def _group(key: str) -> dict[str, str]:
    kind, _, name = key.partition(":")
    return {"Type": kind, "Key": name} if name else {"Type": "DIMENSION", "Key": key}


def _value(key: str, value: str) -> str | None:
    """A group's value; that of a tag or a cost category comes as `name$value`, or as `name$` where there is none."""
    name = key.partition(":")[2]
    return (value.removeprefix(f"{name}$") if name else value) or None


def _day_of(result: SaidFields) -> date:
    period = result.part("TimePeriod", is_required=True)
    start, end = (period.text(name, is_required=True) for name in ("Start", "End"))
    try:
        day = date.fromisoformat(start)
        if date.fromisoformat(end) != day + timedelta(days=1):
            raise ValueError("not one day")
    except ValueError as error:
        raise result.broken(f"a result is of no day: {start} to {end}") from error
    return day


def _bytes_read(answer: dict[str, Any]) -> int:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return int(headers.get("content-length") or 0)


@contextmanager
def _errors_named(first: date) -> Iterator[None]:
    """Cost Explorer's own errors in this package's words; the rest is named as for every AWS service."""
    with aws.errors_named("Cost Explorer", permission=PERMISSION):
        try:
            yield
        except ClientError as error:
            code, said = (error.response.get("Error", {}).get(name, "") for name in ("Code", "Message"))
            if code == "BillExpirationException" or (code == "ValidationException" and "14 months" in said):
                raise PartitionExpired(
                    f"Cost Explorer does not keep {first} any more ({said or code}); what was landed before stays"
                ) from error
            if code in _NOT_NOW:
                raise SourceUnavailable(
                    f"cannot read Cost Explorer: {_NOT_NOW[code]} ({code}); try again later"
                ) from error
            if code == "ValidationException":
                raise SourceError(
                    f"cannot read Cost Explorer: it refuses the question ({said}); correct AI_FINOPS_COST_EXPLORER_KEYS or "
                    "AI_FINOPS_COST_EXPLORER_ACCOUNTS"
                ) from error
            raise
