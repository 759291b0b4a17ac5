"""Land what OpenAI says an organisation used and what it charges for it, day by day.

Usage says tokens, requests and other quantities by project, key and model; costs say money by project, key and line item, and
tie to the invoice (API reference, Usage: "for financial purposes, we recommend using the Costs endpoint"). They do not
reconcile exactly, so they stay two tables. Both still change for some days, so each landing reads the days before it again.
No retention is documented: a day that the API has forgotten has no rows, and is refused where there were some.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.extract.reports import Calendar, Report, land_reports
from ai_finops.extract.said_fields import SaidFields
from ai_finops.lake import Lake, Outcome

SOURCE = "openai"
CLIENTS = ("openai",)
PERMISSIONS: tuple[tuple[str, str], ...] = ()
"""None of AWS's. The admin key needs to read usage and costs (scope `api.usage.read`)."""
MOST_USAGE_BUCKETS, MOST_COST_BUCKETS = 31, 180
LEFT_OUT = ("object", "organization_id", "organization_name", "project_name", "user_id", "user_email")
"""Known and not kept: names of what has an id, and people, by whom nothing is grouped."""
_BY_KEY = ("project_id", "api_key_id")


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
        api=clients["openai"],
        day=day,
        day_count=settings.openai_days_read,
        lake=lake,
        as_of=as_of,
        allow_empty=allow_empty,
    )


def _span(bucket: SaidFields) -> tuple[datetime, datetime]:
    seconds = [bucket.count(name, is_required=True) for name in ("start_time", "end_time")]
    try:
        start, end = (datetime.fromtimestamp(each, UTC) for each in seconds)
    except (OverflowError, ValueError) as error:
        raise bucket.broken(f"a bucket is of no time: {seconds}") from error
    return start, end


CALENDAR = Calendar(
    window=lambda start, end: [("start_time", int(start.timestamp())), ("end_time", int(end.timestamp()))], span=_span
)


_KEY_COLUMNS = {"size": "image_size", "source": "image_source", "context_level": "search_context_size"}


def _usage(usage_type: str, quantities: Callable[[SaidFields], dict[str, Any]], *group_by: str) -> Report:
    def read(fields: SaidFields) -> dict[str, Any]:
        fields.leave(*LEFT_OUT)
        keys = {_KEY_COLUMNS.get(name, name): fields.text(name) for name in group_by if name != "batch"}
        is_batch = fields.flag("batch") if "batch" in group_by else None
        return {"usage_type": usage_type, "is_batch": is_batch, **keys, **quantities(fields)}

    return Report(
        f"usage/{usage_type}",
        f"/v1/organization/usage/{usage_type}",
        table="usage_buckets",
        group_by=group_by,
        most_buckets=MOST_USAGE_BUCKETS,
        read=read,
    )


_SPLITS = (
    *("input_text_tokens", "input_audio_tokens", "input_image_tokens"),
    *("input_cached_text_tokens", "input_cached_audio_tokens", "input_cached_image_tokens"),
    *("output_text_tokens", "output_audio_tokens", "output_image_tokens"),
)


def _completions(fields: SaidFields) -> dict[str, Any]:
    return {
        **_input_classes(fields),
        "output_tokens": fields.count("output_tokens", is_required=True),
        "request_count": fields.count("num_model_requests", is_required=True),
        **{name: fields.count(name) for name in _SPLITS},
    }


def _input_classes(fields: SaidFields) -> dict[str, int | None]:
    """The disjoint classes of input tokens.

    `input_tokens` holds them all. Newer answers also say `input_uncached_tokens`; for older ones it is what is left of the
    total, unless nothing is said of the cache: then it is not known.
    """
    said_uncached = fields.count("input_uncached_tokens")
    total = fields.count("input_tokens", is_required=said_uncached is None)
    cached = fields.count("input_cached_tokens")
    written = fields.count("input_cache_write_tokens")
    uncached = said_uncached
    if uncached is None and cached is not None:
        uncached = total - cached - (written or 0)
        if uncached < 0:
            raise fields.broken(f"more cached input tokens than input tokens ({cached} and {written or 0} of {total})")
    return {
        "said_input_tokens": total,
        "uncached_input_tokens": uncached,
        "cache_read_input_tokens": cached,
        "cache_write_input_tokens": written,
    }


def _embeddings(fields: SaidFields) -> dict[str, Any]:
    """Embeddings have no cache, so all input is uncached."""
    total = fields.count("input_tokens", is_required=True)
    requests = fields.count("num_model_requests", is_required=True)
    return {"said_input_tokens": total, "uncached_input_tokens": total, "request_count": requests}


def _quantity(name: str, unit: str) -> Callable[[SaidFields], dict[str, Any]]:
    def read(fields: SaidFields) -> dict[str, Any]:
        quantity = fields.decimal(name, is_required=True)
        if quantity < 0:
            raise fields.broken(f"the field {name} is negative ({quantity:f})")
        return {
            "usage_quantity": quantity,
            "usage_unit": unit,
            "request_count": fields.count("num_model_requests"),
        }

    return read


def _cost(fields: SaidFields) -> dict[str, Any]:
    fields.leave(*LEFT_OUT)
    amount = fields.part("amount", is_required=True)
    return {
        **{name: fields.text(name) for name in ("project_id", "api_key_id", "line_item", "quantity_unit")},
        "quantity": fields.decimal("quantity"),
        "amount": amount.decimal("value", is_required=True),
        "said_amount": amount.as_said("value"),
        "currency_code": amount.text("currency", is_required=True).upper(),
    }


REPORTS = (
    _usage("completions", _completions, *_BY_KEY, "model", "batch", "service_tier"),
    _usage("embeddings", _embeddings, *_BY_KEY, "model"),
    _usage("images", _quantity("images", "images"), *_BY_KEY, "model", "size", "source"),
    _usage("audio_speeches", _quantity("characters", "characters"), *_BY_KEY, "model"),
    _usage("audio_transcriptions", _quantity("seconds", "seconds"), *_BY_KEY, "model"),
    _usage("vector_stores", _quantity("usage_bytes", "bytes"), "project_id"),
    _usage("code_interpreter_sessions", _quantity("num_sessions", "sessions"), "project_id"),
    _usage("file_search_calls", _quantity("num_requests", "calls"), *_BY_KEY, "vector_store_id"),
    _usage("web_search_calls", _quantity("num_requests", "calls"), *_BY_KEY, "model", "context_level"),
    Report(
        "costs",
        "/v1/organization/costs",
        table="cost_buckets",
        group_by=("project_id", "line_item", "api_key_id"),
        most_buckets=MOST_COST_BUCKETS,
        read=_cost,
    ),
)
"""What costs money (API reference, Usage, read 2026-11); `usage/moderations` is free and not read."""
