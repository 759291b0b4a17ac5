"""The column names and types of every table in the raw lake.

A table is written with exactly this schema, also when it has no rows, so that a build never guesses a type from data.
Timestamps are UTC with microseconds, token columns are counts, ids are text. Every column may be null unless its comment
says otherwise: the lake keeps what a source said, and "not said" is null, never 0 or ''.
"""

from __future__ import annotations

import pyarrow as pa

from ai_finops.analyse.schemas import PROJECTIONS, SAVINGS

TIMESTAMP = pa.timestamp("us", tz="UTC")
TEXT_MAP = pa.map_(pa.string(), pa.string())
EXACT = pa.decimal128(38, 12)
"""Money and quantities: what a source wrote in decimals, rounded at the 12th place and never through a double."""


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
    journey_name=pa.string(),
    user_id=pa.string(),
    task_type=pa.string(),
    model_tier=pa.string(),
    prompt_version=pa.string(),
    processing=pa.string(),
    error_type=pa.string(),
    usage_gap=pa.string(),
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
    retry_count=pa.int64(),
    time_to_first_token_ms=pa.float64(),
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

SPAN_QUERIES = _schema(
    trace_id=pa.string(),
    span_id=pa.string(),
    evidence=pa.string(),
    fingerprint=pa.string(),
    embedder_id=pa.string(),
    embedding=pa.list_(pa.field("element", pa.float32())),
    prompt_blocks=pa.list_(pa.field("element", pa.int64())),
    prompt_block_tokens=pa.int64(),
    usage_date=pa.date32(),
    landing_date=pa.date32(),
)

QUERY_NEIGHBOURS = _schema(
    feature_id=pa.string(),
    trace_id=pa.string(),
    span_id=pa.string(),
    evidence=pa.string(),
    embedder_id=pa.string(),
    is_repeat=pa.bool_(),
    is_compared=pa.bool_(),
    reached_similarity=pa.float64(),
    is_asked_again=pa.bool_(),
    prompt_block_tokens=pa.int64(),
    reusable_5m_tokens=pa.int64(),
    reusable_1h_tokens=pa.int64(),
    reusable_24h_tokens=pa.int64(),
    asked_at=TIMESTAMP,
    usage_date=pa.date32(),
)

QUERY_CALLS = _schema(
    call_id=pa.string(), trace_id=pa.string(), span_id=pa.string(), feature_id=pa.string(), usage_date=pa.date32()
)

QUERY_INPUTS = _schema(input=pa.string(), checksum=pa.string(), usage_date=pa.date32())

QUERY_DRIFTS = _schema(
    feature_id=pa.string(),
    embedder_id=pa.string(),
    similarity=pa.float64(),
    query_count=pa.int64(),
    distinct_query_count=pa.int64(),
    asked_count=pa.int64(),
    reference_count=pa.int64(),
    covered_count=pa.int64(),
    self_covered_count=pa.int64(),
    week_start_date=pa.date32(),
)
"""Of a feature's queries of a week: how many of those asked about have one as alike among `reference_count` of the week
before, and among as many others of their own week. Without an embedder, the same text counts."""
PROJECTION_BACKTESTS = _schema(
    feature_id=pa.string(),
    method=pa.string(),
    status=pa.string(),
    window_day_count=pa.int64(),
    window_start_date=pa.date32(),
    daily_usd=pa.list_(pa.field("element", pa.float64())),
    day_margin_usd=pa.float64(),
    level_margin_usd=pa.float64(),
    slope_margin_usd=pa.float64(),
    middle_x=pa.float64(),
    input_sha256=pa.string(),
    origin_date=pa.date32(),
)
"""A forecast as it would have been made on `origin_date`, and a checksum of the days that it was made of."""

DOCUMENT_USES = _schema(
    trace_id=pa.string(),
    span_id=pa.string(),
    document_rank=pa.int64(),
    use_score=pa.float64(),
    estimated_token_count=pa.int64(),
    answer_count=pa.int64(),
    method_id=pa.string(),
    landing_date=pa.date32(),
)
"""Of a retrieval's document: how far the answers of its trace draw on it, and the method that says so."""

INVOCATION_CONTENTS = _schema(
    request_id=pa.string(),
    account_id=pa.string(),
    region_id=pa.string(),
    content_kind=pa.string(),
    content=pa.string(),
    landing_date=pa.date32(),
)

INVOCATIONS = _schema(
    request_id=pa.string(),
    response_id=pa.string(),
    account_id=pa.string(),
    region_id=pa.string(),
    inference_region_id=pa.string(),
    operation=pa.string(),
    model_id=pa.string(),
    resolved_model_id=pa.string(),
    region_scope=pa.string(),
    inference_profile_arn=pa.string(),
    invoked_model_id=pa.string(),
    response_model=pa.string(),
    identity_arn=pa.string(),
    request_metadata=TEXT_MAP,
    feature_id=pa.string(),
    pipeline_id=pa.string(),
    journey_id=pa.string(),
    journey_name=pa.string(),
    user_id=pa.string(),
    task_type=pa.string(),
    prompt_version=pa.string(),
    status=pa.string(),
    error_code=pa.string(),
    schema_version=pa.string(),
    service_tier=pa.string(),
    performance=pa.string(),
    is_streaming=pa.bool_(),
    uncached_input_tokens=pa.int64(),
    cache_read_input_tokens=pa.int64(),
    cache_write_5m_input_tokens=pa.int64(),
    cache_write_1h_input_tokens=pa.int64(),
    output_tokens=pa.int64(),
    reasoning_output_tokens=pa.int64(),
    usage_figure_count=pa.int32(),
    input_document_count=pa.int64(),
    latency_ms=pa.int64(),
    invoked_at=TIMESTAMP,
    object_key=pa.string(),
    object_line=pa.int64(),
    landing_date=pa.date32(),
)

LINE_ITEMS = _schema(
    billing_period=pa.string(),
    bill_bill_type=pa.string(),
    bill_billing_entity=pa.string(),
    bill_billing_period_start_date=TIMESTAMP,
    bill_payer_account_id=pa.string(),
    bill_invoice_id=pa.string(),
    bill_invoicing_entity=pa.string(),
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
    line_item_usage_amount=EXACT,
    line_item_unblended_cost=EXACT,
    line_item_net_unblended_cost=EXACT,
    line_item_currency_code=pa.string(),
    line_item_legal_entity=pa.string(),
    pricing_unit=pa.string(),
    pricing_term=pa.string(),
    pricing_public_on_demand_cost=EXACT,
    product=TEXT_MAP,
    product_servicecode=pa.string(),
    product_product_family=pa.string(),
    discount=TEXT_MAP,
    resource_tags=TEXT_MAP,
    cost_category=TEXT_MAP,
    tags=TEXT_MAP,
    savings_plan_savings_plan_a_r_n=pa.string(),
    savings_plan_offering_type=pa.string(),
    savings_plan_savings_plan_rate=EXACT,
    savings_plan_savings_plan_effective_cost=EXACT,
    savings_plan_total_commitment_to_date=EXACT,
    savings_plan_used_commitment=EXACT,
    savings_plan_amortized_upfront_commitment_for_billing_period=EXACT,
    savings_plan_recurring_commitment_for_billing_period=EXACT,
    reservation_reservation_a_r_n=pa.string(),
    reservation_subscription_id=pa.string(),
    reservation_effective_cost=EXACT,
    reservation_amortized_upfront_cost_for_usage=EXACT,
    reservation_recurring_fee_for_usage=EXACT,
    reservation_unused_amortized_upfront_fee_for_billing_period=EXACT,
    reservation_unused_recurring_fee=EXACT,
    object_key=pa.string(),
)

INVOICE_TOTALS = _schema(
    billing_period=pa.string(),
    bill_billing_entity=pa.string(),
    bill_bill_type=pa.string(),
    bill_payer_account_id=pa.string(),
    bill_invoice_id=pa.string(),
    bill_invoicing_entity=pa.string(),
    line_item_usage_account_id=pa.string(),
    line_item_product_code=pa.string(),
    line_item_line_item_type=pa.string(),
    line_item_currency_code=pa.string(),
    is_landed=pa.bool_(),
    line_count=pa.int64(),
    line_item_unblended_cost=EXACT,
    line_item_net_unblended_cost=EXACT,
)
"""All lines of the export, those that were left out too, so that an invoice's total can be met."""

FOCUS_CHARGES = _schema(
    billing_period=pa.string(),
    focus_version=pa.string(),
    billing_account_id=pa.string(),
    billing_account_name=pa.string(),
    billing_account_type=pa.string(),
    sub_account_id=pa.string(),
    sub_account_name=pa.string(),
    sub_account_type=pa.string(),
    invoice_id=pa.string(),
    invoice_issuer_name=pa.string(),
    provider_name=pa.string(),
    publisher_name=pa.string(),
    billing_currency=pa.string(),
    billing_period_start=TIMESTAMP,
    billing_period_end=TIMESTAMP,
    charge_period_start=TIMESTAMP,
    charge_period_end=TIMESTAMP,
    charge_category=pa.string(),
    charge_class=pa.string(),
    charge_description=pa.string(),
    charge_frequency=pa.string(),
    billed_cost=EXACT,
    effective_cost=EXACT,
    list_cost=EXACT,
    contracted_cost=EXACT,
    list_unit_price=EXACT,
    contracted_unit_price=EXACT,
    consumed_quantity=EXACT,
    consumed_unit=pa.string(),
    pricing_category=pa.string(),
    pricing_quantity=EXACT,
    pricing_unit=pa.string(),
    pricing_currency=pa.string(),
    pricing_currency_list_unit_price=EXACT,
    pricing_currency_contracted_unit_price=EXACT,
    pricing_currency_effective_cost=EXACT,
    service_name=pa.string(),
    service_category=pa.string(),
    service_subcategory=pa.string(),
    sku_id=pa.string(),
    sku_meter=pa.string(),
    sku_price_id=pa.string(),
    sku_price_details=TEXT_MAP,
    region_id=pa.string(),
    region_name=pa.string(),
    resource_id=pa.string(),
    resource_name=pa.string(),
    resource_type=pa.string(),
    commitment_discount_id=pa.string(),
    commitment_discount_type=pa.string(),
    commitment_discount_status=pa.string(),
    tags=TEXT_MAP,
    x_operation=pa.string(),
    x_service_code=pa.string(),
    x_usage_type=pa.string(),
    x_discounts=TEXT_MAP,
    x_cost_categories=TEXT_MAP,
    object_key=pa.string(),
)

FOCUS_INVOICE_TOTALS = _schema(
    billing_period=pa.string(),
    provider_name=pa.string(),
    billing_account_id=pa.string(),
    sub_account_id=pa.string(),
    invoice_id=pa.string(),
    invoice_issuer_name=pa.string(),
    service_name=pa.string(),
    charge_category=pa.string(),
    billing_currency=pa.string(),
    is_landed=pa.bool_(),
    line_count=pa.int64(),
    billed_cost=EXACT,
    effective_cost=EXACT,
)
"""The same for a FOCUS export."""

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

DAILY_COSTS = _schema(
    usage_date=pa.date32(),  # never null
    account_id=pa.string(),
    key_1_name=pa.string(),
    key_1_value=pa.string(),
    key_2_name=pa.string(),
    key_2_value=pa.string(),
    record_type=pa.string(),
    unblended_cost=EXACT,
    amortized_cost=EXACT,
    currency_code=pa.string(),
    usage_quantity=EXACT,
    usage_unit=pa.string(),
    is_estimated=pa.bool_(),
    api_call_number=pa.int32(),
    object_key=pa.string(),
    landing_date=pa.date32(),
)

REPORTED_DAYS = _schema(
    usage_date=pa.date32(),
    is_estimated=pa.bool_(),
    group_count=pa.int64(),
    landing_date=pa.date32(),
)

OPENAI_USAGE_BUCKETS = _schema(
    usage_date=pa.date32(),  # never null
    usage_type=pa.string(),
    project_id=pa.string(),
    api_key_id=pa.string(),
    model=pa.string(),
    is_batch=pa.bool_(),
    service_tier=pa.string(),
    image_size=pa.string(),
    image_source=pa.string(),
    vector_store_id=pa.string(),
    search_context_size=pa.string(),
    request_count=pa.int64(),
    said_input_tokens=pa.int64(),
    uncached_input_tokens=pa.int64(),
    cache_read_input_tokens=pa.int64(),
    cache_write_input_tokens=pa.int64(),
    output_tokens=pa.int64(),
    input_text_tokens=pa.int64(),
    input_audio_tokens=pa.int64(),
    input_image_tokens=pa.int64(),
    input_cached_text_tokens=pa.int64(),
    input_cached_audio_tokens=pa.int64(),
    input_cached_image_tokens=pa.int64(),
    output_text_tokens=pa.int64(),
    output_audio_tokens=pa.int64(),
    output_image_tokens=pa.int64(),
    usage_quantity=EXACT,
    usage_unit=pa.string(),
    object_key=pa.string(),
    landing_date=pa.date32(),
)

OPENAI_COST_BUCKETS = _schema(
    usage_date=pa.date32(),  # never null
    project_id=pa.string(),
    api_key_id=pa.string(),
    line_item=pa.string(),
    quantity=EXACT,
    quantity_unit=pa.string(),
    amount=EXACT,
    said_amount=pa.string(),
    currency_code=pa.string(),
    object_key=pa.string(),
    landing_date=pa.date32(),
)

ANTHROPIC_USAGE_BUCKETS = _schema(
    usage_date=pa.date32(),  # never null
    workspace_id=pa.string(),
    api_key_id=pa.string(),
    model=pa.string(),
    service_tier=pa.string(),
    context_window=pa.string(),
    inference_geo=pa.string(),
    uncached_input_tokens=pa.int64(),
    cache_read_input_tokens=pa.int64(),
    cache_write_5m_input_tokens=pa.int64(),
    cache_write_1h_input_tokens=pa.int64(),
    output_tokens=pa.int64(),
    web_search_request_count=pa.int64(),
    object_key=pa.string(),
    landing_date=pa.date32(),
)

ANTHROPIC_COST_BUCKETS = _schema(
    usage_date=pa.date32(),  # never null
    workspace_id=pa.string(),
    description=pa.string(),
    cost_type=pa.string(),
    model=pa.string(),
    token_type=pa.string(),
    service_tier=pa.string(),
    context_window=pa.string(),
    inference_geo=pa.string(),
    amount_usd=EXACT,
    said_amount_cents=pa.string(),
    currency_code=pa.string(),
    object_key=pa.string(),
    landing_date=pa.date32(),
)

UNREAD_FIELDS = _schema(
    usage_date=pa.date32(),
    report=pa.string(),
    field_name=pa.string(),
    result_count=pa.int64(),
    object_key=pa.string(),
    landing_date=pa.date32(),
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
    "bedrock_logs": {"invocations": INVOCATIONS},
    "xray_spans": {"spans": SPANS, "unmapped_attributes": UNMAPPED_ATTRIBUTES},
    "billing": {"line_items": LINE_ITEMS, "invoice_totals": INVOICE_TOTALS},
    "cloudwatch": {"metric_points": METRIC_POINTS},
    "focus": {"charges": FOCUS_CHARGES, "invoice_totals": FOCUS_INVOICE_TOTALS},
    "cost_explorer": {"daily_costs": DAILY_COSTS, "reported_days": REPORTED_DAYS},
    "openai": {
        "usage_buckets": OPENAI_USAGE_BUCKETS,
        "cost_buckets": OPENAI_COST_BUCKETS,
        "unread_fields": UNREAD_FIELDS,
    },
    "anthropic": {
        "usage_buckets": ANTHROPIC_USAGE_BUCKETS,
        "cost_buckets": ANTHROPIC_COST_BUCKETS,
        "unread_fields": UNREAD_FIELDS,
    },
}

ROUTING_TASK_TYPES = _schema(
    feature_id=pa.string(),
    pipeline_id=pa.string(),
    operation_name=pa.string(),
    task_type=pa.string(),
    status=pa.string(),
    confidence=pa.string(),
    how=pa.string(),
    call_count=pa.int64(),
    sample_count=pa.int64(),
    agreeing_count=pa.int64(),
    found_date=pa.date32(),
)

ROUTING_COMPARISONS = _schema(
    trace_id=pa.string(),
    span_id=pa.string(),
    task_type=pa.string(),
    baseline_model_id=pa.string(),
    candidate_model_id=pa.string(),
    how=pa.string(),
    baseline_input_tokens=pa.int64(),
    baseline_output_tokens=pa.int64(),
    candidate_input_tokens=pa.int64(),
    candidate_output_tokens=pa.int64(),
    is_no_worse=pa.bool_(),
    cost_usd=pa.float64(),
    made_date=pa.date32(),
)

DERIVED_TABLES = {
    "context_uses": {"document_uses": DOCUMENT_USES},
    "routing_findings": {"task_types": ROUTING_TASK_TYPES, "comparisons": ROUTING_COMPARISONS},
}
"""Families that a landing makes beside its source's own, and that builds read: the tables of each."""
DERIVED_FROM = {"context_uses": "traces", "routing_findings": "traces"}
"""The source whose landing makes the family."""

ISSUED_TABLES = {"projections": PROJECTIONS, "savings": SAVINGS}
"""What builds issue, by date of issue, each with column `as_of_date` (build/issued.py)."""
ISSUED_FAMILIES = ("issued", "backcast")
"""Where it is kept: what a build of that date issued, and what later ones made of dates that nobody issued."""

SCHEMAS: dict[tuple[str, str], pa.Schema] = {
    (source, table): schema
    for source, tables in SOURCE_TABLES.items()
    for table, schema in {**tables, "objects": OBJECTS, "quarantine": QUARANTINE}.items()
} | {
    ("trace_contents", "span_contents"): SPAN_CONTENTS,
    ("trace_queries", "span_queries"): SPAN_QUERIES,
    ("xray_queries", "span_queries"): SPAN_QUERIES,
    ("query_neighbours", "queries"): QUERY_NEIGHBOURS,
    ("query_neighbours", "query_calls"): QUERY_CALLS,
    ("query_neighbours", "inputs"): QUERY_INPUTS,
    ("query_drifts", "drifts"): QUERY_DRIFTS,
    ("query_drifts", "inputs"): QUERY_INPUTS,
    ("projection_backtests", "forecasts"): PROJECTION_BACKTESTS,
    ("bedrock_log_contents", "invocation_contents"): INVOCATION_CONTENTS,
    **{(family, table): schema for family, tables in DERIVED_TABLES.items() for table, schema in tables.items()},
    **{(family, table): schema for family in ISSUED_FAMILIES for table, schema in ISSUED_TABLES.items()},
}
"""Schema by (source, table). Every source has `objects` and `quarantine` beside its own tables; the two of contents are none:
they hold texts that the landing of traces or invocation logs sets apart, and no build reads them."""


def tables_of(source: str) -> dict[str, pa.Schema]:
    """Return the schemas of one source by table name; empty when the source is not known."""
    return {table: schema for (name, table), schema in SCHEMAS.items() if name == source}
