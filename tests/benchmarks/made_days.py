"""Days of a lake to measure builds with: generated, the same on every run, written by the lake's own code.

A trace is a request of a web service (span 1) that retrieves documents (span 2), asks a model through a framework (span 3 tells
of the call, span 4 is the call itself, with the provider's id), and then asks a small model for a title (span 5): two calls in
five spans. Each day four traces cross midnight, and one span in a thousand lands two days late. The bill has a line an hour
for each model, token class and tag, and is landed whole every day, as an export that is written over.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from ai_finops.config import Settings
from ai_finops.days import days_between, month_start, morning_after
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_schemas import tables_of

FIRST_DAY = date(2025, 3, 3)
SPANS_PER_TRACE = 5
CROSSING_TRACES = 4
LATE_SHARE, LATE_DAYS = 0.001, 2
BATCH_SHARE = 0.08
ACCOUNT = "111122223333"
SONNET = "us.anthropic.claude-sonnet-4-20250514-v1:0"
HAIKU = "us.anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
_PRICES = {SONNET: (3.0, 15.0), HAIKU: (0.8, 4.0), NOVA: (0.06, 0.24)}  # USD for a million, input and output
_FEATURES = (
    *("document_summarization", "support_chat", "ticket_triage", "invoice_extraction", "onboarding_assistant"),
    *("contract_review", None),
)
_PIPELINES = ("rag_answer", "summarize", "triage", "extract_fields")
_SERVICES = ("support-api", "docs-api", "growth-api")
_TASKS = ("chat", "summarization", "classification")
_USERS = 400


def land_day(settings: Settings, day: date, *, span_count: int) -> None:
    """Land the traces of one day, about `span_count` spans, and the bill up to it."""
    lake = Lake(settings.lake)
    spans = _partition(day, trace_count=span_count // SPANS_PER_TRACE)
    _write(lake, "traces", day, key=str(day), spans=spans)
    land_bill(settings, day, trace_count=span_count // SPANS_PER_TRACE)


def land_bill(
    settings: Settings, day: date, *, trace_count: int, prices: Mapping[str, tuple[float, float]] | None = None
) -> None:
    """Land the bill of the month up to `day`, of `trace_count` traces a day.

    Args:
        prices: USD for a million tokens, input and output, by model; those of the traces here when left out.
    """
    rows = bill(day, trace_count=trace_count, prices=prices)
    lines = pa.Table.from_pylist(rows, schema=tables_of("billing")["line_items"])
    _write(Lake(settings.lake), "billing", day, key=f"{day:%Y-%m}", line_items=lines, invoice_totals=_totals(lines))


def _write(lake: Lake, source: str, day: date, *, key: str, **tables: pa.Table) -> None:
    """Write a partition and its outcome: the tables given, the objects that they came from, the others without rows."""
    schemas = tables_of(source)
    rows = next(iter(tables.values()))
    objects = rows.group_by("object_key").aggregate([("object_key", "count")]).sort_by("object_key").to_pylist()
    listed = [
        {name: 0 for name in schemas["objects"].names if name.endswith("_count")}
        | {"source": source, "landing_date": day, "object_key": each["object_key"], "bytes_read": 0}
        | {"read_count": each["object_key_count"], "loaded_count": each["object_key_count"], "reason": None}
        for each in objects
    ]
    known = {"objects": pa.Table.from_pylist(listed, schema=schemas["objects"])} | tables
    lake.write_partition(
        source, key, tables={name: known.get(name, schema.empty_table()) for name, schema in schemas.items()}
    )
    _record(lake, source, day, count=rows.num_rows, key=key)


def _partition(day: date, *, trace_count: int) -> pa.Table:
    """Return the spans that land on `day`: its own in time, those of traces from before midnight, and late ones."""
    schema = tables_of("traces")["spans"]
    columns: dict[str, list] = {name: [] for name in schema.names}
    for begun in (day - timedelta(days=LATE_DAYS), day - timedelta(days=1), day):
        if begun >= FIRST_DAY:
            for row in _spans(begun, trace_count=trace_count):
                if row.pop("lands_on") == day:
                    for name in schema.names:
                        columns[name].append(row.get(name))
    columns["landing_date"] = [day] * len(columns["span_id"])
    return pa.table(columns, schema=schema)


def _spans(day: date, *, trace_count: int) -> list[dict]:
    """Return the spans of the traces that begin on `day`, each with the day on which it lands."""
    rng = random.Random(day.toordinal())
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    rows = []
    for number in range(trace_count):
        second = 86_398.5 if number < CROSSING_TRACES else rng.uniform(0, 86_390)
        rows += _trace(rng, midnight + timedelta(seconds=second), key=f"{day:%Y/%m/%d}/{number % 96:02d}.json")
    for row in rows:
        is_late = rng.random() < LATE_SHARE
        row["lands_on"] = day + timedelta(days=LATE_DAYS) if is_late else row["started_at"].date()
    return rows


def _trace(rng: random.Random, began_at: datetime, *, key: str) -> list[dict]:
    trace_id, feature, user = f"{rng.getrandbits(128):032x}", rng.choice(_FEATURES), f"user-{rng.randrange(_USERS)}"
    service, pipeline, task = rng.choice(_SERVICES), rng.choice(_PIPELINES), rng.choice(_TASKS)
    model = rng.choice((SONNET, SONNET, HAIKU, NOVA))
    ids = [f"{rng.getrandbits(64):016x}" for _ in range(SPANS_PER_TRACE)]
    common = {
        "trace_id": trace_id,
        "span_kind": 1,
        "status_code": 0,
        "service_name": service,
        "account_id": ACCOUNT,
        "dialect": "semconv",
        "attribute_count": 9,
        "object_key": key,
        "usage_figure_count": 0,
        "has_usage": False,
    }
    journey = f"journey-{trace_id[:12]}" if rng.random() < 0.5 else None
    asked = {"feature_id": feature, "pipeline_id": pipeline, "journey_id": journey, "user_id": user, "task_type": task}
    documents = [{"id": f"doc-{rng.randrange(5000)}", "score": round(rng.random(), 3)} for _ in range(4)]
    usage = {"uncached_input_tokens": rng.randrange(300, 6000), "output_tokens": rng.randrange(20, 900)}
    batch = {"processing": "batch"} if rng.random() < BATCH_SHARE else {}
    title = {"uncached_input_tokens": rng.randrange(50, 400), "output_tokens": rng.randrange(4, 20)}

    def call(model_id: str, tokens: dict[str, int]) -> dict:
        told = {"cache_read_input_tokens": 0, "usage_figure_count": 3, "has_usage": True}
        return {"operation_name": "chat", "provider_name": "aws.bedrock", "request_model": model_id} | tokens | told

    parts = (
        ("POST /answer", None, 0.0, 4.0, {"operation_name": "other", "scope_name": "fastapi"} | asked),
        (
            *("retrieve", ids[0], 0.1, 0.4),
            {"operation_name": "retrieval", "scope_name": "rag", "details_json": json.dumps({"documents": documents})},
        ),
        ("ChatBedrock", ids[0], 0.5, 3.0, call(model, usage) | {"scope_name": "framework", "dialect": "openinference"}),
        (
            *("chat", ids[2], 0.6, 2.9),
            call(model, usage) | {"scope_name": "sdk", "response_id": f"msg_{rng.getrandbits(96):024x}"},
        ),
        (
            *("title", ids[0], 3.1, 3.8),
            call(NOVA, title) | {"scope_name": "sdk", "response_id": f"msg_{rng.getrandbits(96):024x}"} | batch,
        ),
    )
    return [
        common
        | {"span_id": ids[number], "span_name": name, "parent_span_id": parent, "object_line": number + 1}
        | {"started_at": began_at + timedelta(seconds=start), "ended_at": began_at + timedelta(seconds=end)}
        | facts
        for number, (name, parent, start, end, facts) in enumerate(parts)
    ]


def bill(last: date, *, trace_count: int, prices: Mapping[str, tuple[float, float]] | None = None) -> list[dict]:
    """Return the lines of the month of `last`, up to that day: an hour, model, token class and tag each."""
    rows = []
    for day in days_between(max(month_start(last), FIRST_DAY), last):
        rng = np.random.default_rng(day.toordinal())
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for hour in range(24):
            started = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            for model, usd in (prices or _PRICES).items():
                for token_class, price in zip(("input", "output"), usd, strict=True):
                    for tags in ({}, {"user_feature": "contract_review"}):
                        # About what was traced, a twelfth of it tagged.
                        tokens = trace_count * (1700 if token_class == "input" else 250) / 24 * (0.08 if tags else 1)
                        amount = Decimal(round(tokens * float(rng.uniform(0.9, 1.2)))) / 1_000_000
                        cost = (amount * Decimal(str(price))).quantize(Decimal("1e-12"))
                        rows.append(_line(started, model, token_class, amount=amount, cost=cost, tags=tags))
        # Of a batch more or less than was traced that day is billed on it, and the rest a day later.
        for token_class, tokens, price in zip(("input", "output"), (225, 12), _PRICES[NOVA], strict=True):
            amount = Decimal(round(trace_count * BATCH_SHARE * tokens * float(rng.uniform(0.5, 1.5)))) / 1_000_000
            cost = (amount * Decimal(str(price)) / 2).quantize(Decimal("1e-12"))
            rows.append(_line(midnight, NOVA, token_class, amount=amount, cost=cost, tags={}, suffix="-batch"))
    return rows


def _line(
    started: datetime, model: str, token_class: str, *, amount: Decimal, cost: Decimal, tags: dict, suffix: str = ""
) -> dict:
    return {
        "billing_period": f"{started:%Y-%m}",
        "bill_billing_entity": "AWS",
        "bill_payer_account_id": ACCOUNT,
        "line_item_usage_account_id": ACCOUNT,
        "line_item_usage_start_date": started,
        "line_item_usage_end_date": started + timedelta(hours=1),
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": f"USE1-any-{token_class}-tokens{suffix}",
        "line_item_operation": "InvokeModelInference",
        "line_item_line_item_type": "Usage",
        "line_item_resource_id": f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{model}",
        "line_item_usage_amount": amount,
        "line_item_unblended_cost": cost,
        "line_item_currency_code": "USD",
        "pricing_unit": "1M tokens",
        "pricing_public_on_demand_cost": cost,
        "product": [("product_name", "Amazon Bedrock")],
        "resource_tags": list(tags.items()),
        "object_key": "cur.parquet",
    }


def _totals(lines: pa.Table) -> pa.Table:
    schema = tables_of("billing")["invoice_totals"]
    cost = sum(lines["line_item_unblended_cost"].to_pylist(), Decimal(0))
    row = {
        "billing_period": lines["billing_period"][0].as_py(),
        "bill_billing_entity": "AWS",
        "bill_payer_account_id": ACCOUNT,
        "line_item_usage_account_id": ACCOUNT,
        "line_item_product_code": "AmazonBedrock",
        "line_item_line_item_type": "Usage",
        "line_item_currency_code": "USD",
        "is_landed": True,
        "line_count": lines.num_rows,
        "line_item_unblended_cost": cost,
    }
    return pa.Table.from_pylist([row], schema=schema)


def _record(lake: Lake, source: str, day: date, *, count: int, key: str) -> None:
    as_of = morning_after(day)
    lake.record_outcome(
        Outcome(
            source=source,
            landing_date=day,
            status="loaded",
            as_of_date=as_of,
            extracted_at=datetime(as_of.year, as_of.month, as_of.day, 6, tzinfo=UTC),
            read_count=count,
            loaded_count=count,
            partitions=(key,),
        )
    )
