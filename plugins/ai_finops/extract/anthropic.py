"""Land what Anthropic says an organisation used and what it charges for it, day by day.

Tokens come in disjoint classes: input is said without what was read from or written to the cache. Money comes as text in
cents, and without Priority Tier, which is billed apart: there the usage is all there is. Both reports may still change, so each
landing reads the days before it again. No retention is documented: a day that the API has forgotten has no rows, and is refused
where there were some.
Source: platform.claude.com, Admin API, "Get Messages Usage Report", "Get Cost Report", "Usage and Cost API".
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.extract.reports import Calendar, Report, land_reports
from ai_finops.extract.said_fields import SaidFields
from ai_finops.lake import Lake, Outcome

SOURCE = "anthropic"
CLIENTS = ("anthropic",)
PERMISSIONS: tuple[tuple[str, str], ...] = ()
"""None of AWS's. The key is an admin key, `sk-ant-admin…`, which only organisations have."""
MOST_BUCKETS = 31
LEFT_OUT = ("account_id", "service_account_id", "speed")
"""Known and not kept: people, by whom nothing is grouped, and what is said only to a beta header."""
_KEYS = ("workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo")
_COST_TEXTS = (
    *("workspace_id", "description", "cost_type", "model", "token_type"),
    *("service_tier", "context_window", "inference_geo"),
)


def land(
    day: date, *, settings: Settings, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool = False
) -> Outcome:
    """Replace the partitions of `day` and the days before it that still change.

    Args:
        day: The landing day, UTC.
        as_of: The run's today.
        allow_empty: Whether a day that had usage or costs may become one that has none.
    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable, SourceError: The API refuses, or does not answer.
        SourceBroken: An answer cannot be read, the message names the field; or a day lost all its usage or costs.
        LakeError: A partition cannot be written. In every case the old partitions stay.
    """
    return land_reports(
        REPORTS,
        source=SOURCE,
        calendar=CALENDAR,
        api=clients["anthropic"],
        day=day,
        day_count=settings.anthropic_days_read,
        lake=lake,
        as_of=as_of,
        allow_empty=allow_empty,
    )


def _span(bucket: SaidFields) -> tuple[datetime, datetime]:
    said = [bucket.text(name, is_required=True) for name in ("starting_at", "ending_at")]
    try:
        start, end = (datetime.fromisoformat(each) for each in said)
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("no time zone")
    except ValueError as error:
        raise bucket.broken(f"a bucket is of no RFC 3339 time: {said}") from error
    return start, end


CALENDAR = Calendar(
    window=lambda start, end: [
        ("starting_at", f"{start:%Y-%m-%dT%H:%M:%SZ}"),
        ("ending_at", f"{end:%Y-%m-%dT%H:%M:%SZ}"),
    ],
    span=_span,
)


def _usage(fields: SaidFields) -> dict[str, Any]:
    fields.leave(*LEFT_OUT)
    written, tools = fields.part("cache_creation"), fields.part("server_tool_use")
    return {
        **{name: fields.text(name) for name in _KEYS},
        "uncached_input_tokens": fields.count("uncached_input_tokens", is_required=True),
        "cache_read_input_tokens": fields.count("cache_read_input_tokens", is_required=True),
        "cache_write_5m_input_tokens": _written(fields, written, "ephemeral_5m_input_tokens"),
        "cache_write_1h_input_tokens": _written(fields, written, "ephemeral_1h_input_tokens"),
        "output_tokens": fields.count("output_tokens", is_required=True),
        "web_search_request_count": tools.count("web_search_requests") if tools else None,
    }


def _written(fields: SaidFields, written: SaidFields | None, name: str) -> int | None:
    """Tokens written to the cache: in an object of their own, or under the dotted name by which the cost report calls them."""
    if written is None:
        return fields.count(f"cache_creation.{name}", is_required=True)
    return written.count(name, is_required=True)


def _cost(fields: SaidFields) -> dict[str, Any]:
    fields.leave(*LEFT_OUT)
    currency = fields.text("currency", is_required=True).upper()
    if currency != "USD":
        raise fields.broken(f"amounts are in {currency}, and only of USD is the lowest unit known to be a hundredth")
    return {
        **{name: fields.text(name) for name in _COST_TEXTS},
        "amount_usd": fields.decimal("amount", is_required=True, power_of_ten=-2),
        "said_amount_cents": fields.as_said("amount"),
        "currency_code": currency,
    }


REPORTS = (
    Report(
        "usage_report/messages",
        "/v1/organizations/usage_report/messages",
        table="usage_buckets",
        group_by=_KEYS,
        most_buckets=MOST_BUCKETS,
        read=_usage,
    ),
    Report(
        "cost_report",
        "/v1/organizations/cost_report",
        table="cost_buckets",
        group_by=("workspace_id", "description"),
        most_buckets=MOST_BUCKETS,
        read=_cost,
    ),
)
