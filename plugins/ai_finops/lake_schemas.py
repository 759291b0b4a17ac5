"""The column names and types of every table in the raw lake.

A table is written with exactly this schema, also when it has no rows, so that a build never guesses a type from data.
Timestamps are UTC with microseconds, token columns are counts, ids are text. Every column may be null unless its comment
says otherwise: the lake keeps what a source said, and "not said" is null, never 0 or ''.
"""

from __future__ import annotations

import pyarrow as pa

TIMESTAMP = pa.timestamp("us", tz="UTC")
TEXT_MAP = pa.map_(pa.string(), pa.string())


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


SPANS = _schema(
    trace_id=pa.string(),
    span_id=pa.string(),
    parent_span_id=pa.string(),
    span_name=pa.string(),
    span_kind=pa.int32(),
    started_at=TIMESTAMP,
    ended_at=TIMESTAMP,
    status_code=pa.int32(),
    scope_name=pa.string(),
    scope_version=pa.string(),
    service_name=pa.string(),
    account_id=pa.string(),
    region_id=pa.string(),
    dialect=pa.string(),
    attribute_count=pa.int32(),
    operation_name=pa.string(),
    provider_name=pa.string(),
    request_model=pa.string(),
    response_model=pa.string(),
    response_id=pa.string(),
    request_id=pa.string(),
    feature_id=pa.string(),
    pipeline_id=pa.string(),
    journey_id=pa.string(),
    user_id=pa.string(),
    task_type=pa.string(),
    model_tier=pa.string(),
    prompt_version=pa.string(),
    processing=pa.string(),
    error_type=pa.string(),
    uncached_input_tokens=pa.int64(),
    cache_read_input_tokens=pa.int64(),
    cache_write_5m_input_tokens=pa.int64(),
    cache_write_1h_input_tokens=pa.int64(),
    output_tokens=pa.int64(),
    reasoning_output_tokens=pa.int64(),
    search_unit_count=pa.int64(),
    usage_figure_count=pa.int32(),
    has_usage=pa.bool_(),
    reported_cost_usd=pa.float64(),
    details_json=pa.string(),
    object_key=pa.string(),
    object_line=pa.int64(),
    landing_date=pa.date32(),
)

UNMAPPED_ATTRIBUTES = _schema(
    landing_date=pa.date32(), attribute_name=pa.string(), service_name=pa.string(), span_count=pa.int64()
)

SPAN_CONTENTS = _schema(
    trace_id=pa.string(),
    span_id=pa.string(),
    attribute_name=pa.string(),
    content_kind=pa.string(),
    content=pa.string(),
    landing_date=pa.date32(),
)

LINE_ITEMS = _schema(
    billing_period=pa.string(),
    bill_billing_entity=pa.string(),
    bill_billing_period_start_date=TIMESTAMP,
    bill_payer_account_id=pa.string(),
    bill_invoice_id=pa.string(),
    line_item_usage_account_id=pa.string(),
    line_item_usage_account_name=pa.string(),
    line_item_usage_start_date=TIMESTAMP,
    line_item_usage_end_date=TIMESTAMP,
    line_item_product_code=pa.string(),
    line_item_usage_type=pa.string(),
    line_item_operation=pa.string(),
    line_item_line_item_type=pa.string(),
    line_item_line_item_description=pa.string(),
    line_item_resource_id=pa.string(),
    line_item_iam_principal=pa.string(),
    line_item_usage_amount=pa.float64(),
    line_item_unblended_cost=pa.float64(),
    line_item_currency_code=pa.string(),
    line_item_legal_entity=pa.string(),
    pricing_unit=pa.string(),
    pricing_term=pa.string(),
    pricing_public_on_demand_cost=pa.float64(),
    product=TEXT_MAP,
    product_servicecode=pa.string(),
    product_product_family=pa.string(),
    resource_tags=TEXT_MAP,
    object_key=pa.string(),
)

METRIC_POINTS = _schema(
    namespace=pa.string(),
    metric_name=pa.string(),
    statistic=pa.string(),
    dimensions_json=pa.string(),
    feature=pa.string(),
    model=pa.string(),
    period_seconds=pa.int32(),
    point_at=TIMESTAMP,
    value=pa.float64(),
    unit=pa.string(),
    landing_date=pa.date32(),
    metric_date=pa.date32(),
)

OBJECTS = _schema(
    source=pa.string(),
    landing_date=pa.date32(),
    object_key=pa.string(),
    bytes_read=pa.int64(),
    read_count=pa.int64(),
    loaded_count=pa.int64(),
    ignored_count=pa.int64(),
    quarantined_count=pa.int64(),
    duplicate_count=pa.int64(),
    reason=pa.string(),
)

QUARANTINE = _schema(
    source=pa.string(),
    landing_date=pa.date32(),
    object_key=pa.string(),
    place=pa.string(),
    reason=pa.string(),
    record_count=pa.int64(),
)

SOURCE_TABLES = {
    "traces": {"spans": SPANS, "unmapped_attributes": UNMAPPED_ATTRIBUTES},
    "billing": {"line_items": LINE_ITEMS},
    "cloudwatch": {"metric_points": METRIC_POINTS},
}

SCHEMAS: dict[tuple[str, str], pa.Schema] = {
    (source, table): schema
    for source, tables in SOURCE_TABLES.items()
    for table, schema in {**tables, "objects": OBJECTS, "quarantine": QUARANTINE}.items()
} | {("trace_contents", "span_contents"): SPAN_CONTENTS}
"""Schema by (source, table). Every source has `objects` and `quarantine` beside its own tables; `trace_contents` is none: it
holds texts that the landing of traces sets apart, and no build reads it."""


def tables_of(source: str) -> dict[str, pa.Schema]:
    """Return the schemas of one source by table name; empty when the source is not known."""
    return {table: schema for (name, table), schema in SCHEMAS.items() if name == source}
