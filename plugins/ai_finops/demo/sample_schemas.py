"""What the bundled sample's files hold: one Arrow schema per file.

`calls` is the ground truth: what each call did and what its provider counted, from which the spans, the bill and the
CloudWatch metrics of the demo are written. A column that a row has no use for is null; a zero is a zero.
"""

from __future__ import annotations

import pyarrow as pa

_TIMESTAMP = pa.timestamp("us", tz="UTC")

CALLS = pa.schema(
    [
        ("call_number", pa.int32()),
        ("started_at", _TIMESTAMP),
        ("duration_ms", pa.int32()),
        ("service_name", pa.string()),
        ("feature_id", pa.string()),
        ("pipeline_id", pa.string()),
        ("task_type", pa.string()),
        ("operation_name", pa.string()),
        ("provider_name", pa.string()),
        ("request_model", pa.string()),
        ("uncached_input_tokens", pa.int64()),
        ("cache_read_input_tokens", pa.int64()),
        ("cache_write_5m_input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("search_units", pa.int32()),
        ("has_usage", pa.bool_()),
        ("is_instrumented", pa.bool_()),
        ("is_error", pa.bool_()),
        ("parent_call_number", pa.int32()),
        ("user_number", pa.int32()),
        ("journey_number", pa.int32()),
        ("prompt_version", pa.string()),
        ("query_number", pa.int32()),
        ("rerank_number", pa.int32()),
        ("landing_delay_s", pa.int32()),
        ("delivery_count", pa.int8()),
    ]
)

QUERIES = pa.schema([("query_number", pa.int32()), ("text", pa.string()), ("intent", pa.string())])

RERANKS = pa.schema(
    [
        ("rerank_number", pa.int32()),
        ("docid", pa.list_(pa.string())),
        ("rank_before", pa.list_(pa.int16())),
        ("rank_after", pa.list_(pa.int16())),
        ("score_before", pa.list_(pa.float32())),
        ("relevance", pa.list_(pa.int8())),
    ]
)

SHADOW = pa.schema(
    [
        ("started_at", _TIMESTAMP),
        ("task_type", pa.string()),
        ("baseline_model", pa.string()),
        ("candidate_model", pa.string()),
        ("is_baseline_correct", pa.bool_()),
        ("is_candidate_correct", pa.bool_()),
        ("subject", pa.string()),
    ]
)

SCHEMAS = {"calls": CALLS, "queries": QUERIES, "reranks": RERANKS, "shadow": SHADOW}
