"""Four days whose marts are worked out by hand. List prices: Sonnet 4 $3 in and $15 out, 3.5 Haiku $0.80 and $4 per 1M tokens.

| day | bill | traces |
|---|---|---|
| Mon 2 June | cells of every kind, see the lines | calls of four features |
| Tue 3 June | Sonnet input, nothing traced | none of this day |
| Wed 4 June | none | calls only: the estimate stands in |
| Mon 9 June | Sonnet input | two calls |
"""

from __future__ import annotations

import json
from decimal import Decimal

from tests.warehouse.tiny_lake import HAIKU, HAIKU_ID, NOVA, RERANK, SONNET, SONNET_ID, at, line, outcome, span

AS_OF_DATE = "2025-06-10"
FIRST = "2025-06-02"
_MARKETPLACE = {"bill_billing_entity": "AWS Marketplace", "line_item_product_code": "4o7ktnlcsvunpe0e1xmqtzqtb"}
_CREDIT = {"line_item_line_item_type": "Credit", "line_item_usage_type": "", "pricing_unit": None}
_TAX = {"line_item_line_item_type": "Tax", "line_item_usage_type": "", "pricing_unit": None}

LINES = [
    # Of 1,000,000 input tokens 600,000 are traced: 60 % of $3.00 is $1.80, of which support_chat has two thirds.
    line(FIRST, "USE1-Claude4Sonnet-input-tokens", "1M tokens", 1.0, 3.0),
    # 120,000 output tokens are traced, 100,000 billed: coverage stops at 1, half of $1.50 each.
    line(FIRST, "USE1-Claude4Sonnet-output-tokens", "1M tokens", 0.1, 1.5),
    # Marketplace: the model stands in the product name alone. Fully traced.
    line(
        FIRST, "USE1-MP:USE1_InputTokenCount-Units", "Units", 0.5, 0.4,
        product={"product_name": "Claude 3.5 Haiku (Amazon Bedrock Edition)"}, **_MARKETPLACE,
    ),
    # 100 searches billed, 50 traced: covered by half.
    line(
        FIRST, "USE1-MP:USE1_search_units-Units", "Units", 100, 0.2,
        product={"product_name": "Cohere Rerank v3.5 (Amazon Bedrock Edition)"}, **_MARKETPLACE,
    ),
    # Ten micro-dollars between three equal features: 4, 3 and 3. Billed in two lines whose cents do not end.
    line(FIRST, "USE1-NovaLite-input-tokens", "1K tokens", 0.2, 0.0000066),
    line(FIRST, "USE1-NovaLite-input-tokens", "1K tokens", 0.1, 0.0000034003),
    # Batch has a cell of its own: nothing traced as batch.
    line(FIRST, "USE1-Claude4Sonnet-input-tokens-batch", "1M tokens", 1.0, 1.5),
    line(FIRST, "USE1-FancyNew9-input-tokens", "1M tokens", 1.0, 2.0),
    line(FIRST, "USE1-Guardrail-ContentPolicyUnitsConsumed", "TextUnits", 1000, 0.15),
    line(FIRST, "", "", 0, -1.0, **_CREDIT),
    line(FIRST, "", "", 1, 0.5, **_TAX),
    line(FIRST, "BoxUsage:m5.large", "Hrs", 24, 2.304, line_item_product_code="AmazonEC2"),
    line("2025-06-03", "USE1-Claude4Sonnet-input-tokens", "1M tokens", 1.0, 3.0),
    line("2025-06-09", "USE1-Claude4Sonnet-input-tokens", "1M tokens", 2.0, 6.0),
]  # fmt: skip

_DOCS = {
    "feature_id": "document_summarization",
    "pipeline_id": "summarize",
    "service_name": "docs-api",
    "task_type": "summarization",
}
_TRIAGE = {"feature_id": "ticket_triage", "pipeline_id": "classify", "task_type": "classification"}

SPANS = [
    span("a", f"{FIRST} 10:00", SONNET, uncached_input_tokens=400_000, output_tokens=60_000),
    span("b", f"{FIRST} 11:00", SONNET, uncached_input_tokens=200_000, output_tokens=60_000, user_id="user-2", **_DOCS),
    span("c", f"{FIRST} 12:00", HAIKU, uncached_input_tokens=500_000),
    span(
        "d", f"{FIRST} 12:01", RERANK, operation_name="rerank", search_unit_count=49, trace_id="trace-c",
    ),
    # Ten documents to put in order: one search unit.
    span(
        "d2", f"{FIRST} 12:02", RERANK, operation_name="rerank", trace_id="trace-c", has_usage=True,
        details_json=json.dumps({"input_documents": [{"id": str(n)} for n in range(10)], "output_documents": []}),
    ),
    span("e1", f"{FIRST} 13:00", NOVA, uncached_input_tokens=100, **_TRIAGE | {"feature_id": "zeta"}),
    span("e2", f"{FIRST} 13:00", NOVA, uncached_input_tokens=100, **_TRIAGE | {"feature_id": "alpha"}),
    span("e3", f"{FIRST} 13:00", NOVA, uncached_input_tokens=100, **_TRIAGE),
    # No usage: counted as a call, weighs nothing.
    span("f", f"{FIRST} 14:00", NOVA, **_TRIAGE),
    # Frames of calls are not calls.
    span("w", f"{FIRST} 10:00", SONNET, operation_name="invoke_workflow", uncached_input_tokens=400_000, output_tokens=60_000),
    # Two deliveries of one span; the second, a day later, has the whole usage and is the call.
    span("g", "2025-06-04 09:00", SONNET, uncached_input_tokens=1_000),
    span(
        "g", "2025-06-04 09:00", SONNET, uncached_input_tokens=1_000_000, output_tokens=0,
        object_key="2025-06-05/z.json", landing_date=at("2025-06-05").date(),
    ),
    # One call, seen by the provider's SDK and by an instrumentation: the same response.
    span("h1", "2025-06-04 10:00", HAIKU, uncached_input_tokens=250_000, response_id="r1", trace_id="trace-h", feature_id=None),
    span("h2", "2025-06-04 10:00", HAIKU, uncached_input_tokens=250_000, response_id="r1", trace_id="trace-h"),
    # Late: lands on the 5th, happened one second before the 5th began.
    span(
        "i", "2025-06-04 23:59:59", HAIKU, uncached_input_tokens=250_000, feature_id=None,
        landing_date=at("2025-06-05").date(),
    ),
    span("j", "2025-06-04 11:00", "us.acme.mystery-1-v1:0", uncached_input_tokens=10, output_tokens=5),
    # From the future of the build.
    span("k", "2025-06-10 00:00", HAIKU, uncached_input_tokens=1, landing_date=at("2025-06-09").date()),
    span("l", "2025-06-09 08:00", SONNET, uncached_input_tokens=1_000_000),
    span("m", "2025-06-09 08:00", SONNET, uncached_input_tokens=1_000_000, **_DOCS),
]  # fmt: skip

OUTCOMES = [
    *(outcome("traces", f"2025-06-{day:02}") for day in (2, 4, 5, 9)),
    outcome("traces", "2025-06-03", status="empty", read_count=0, loaded_count=0),
    outcome("billing", "2025-06-09"),
    outcome(
        "traces", "2025-06-06", status="failed", error="refused", read_count=3, loaded_count=1, quarantined_count=2
    ),
]

# Between the phases: week one costs $15.00001, week two (one day so far) $6.
ANALYSES = {
    "analysis_projections": [
        {
            "as_of_date": at(AS_OF_DATE).date(), "feature_id": "total", "scenario": "as_is", "method": "linear_trend",
            "target_period": period, "target_date": at(target).date(), "month_number": number, "status": "short_history",
            "actual_status": status, "actual_cost_usd": actual, "missing_day_count": missing, "window_day_count": 4,
            "projected_cost_usd": usd, "low_cost_usd": usd and usd - 1, "high_cost_usd": usd and usd + 1, "error_horizon": "7d",
            "wape_ratio": 0.25, "bias_ratio": -0.25, "coverage_ratio": 0.8, "error_origin_count": 3, "is_backcast": False,
        }
        for period, target, number, usd, status, actual, missing in (
            ("day", "2025-06-10", None, Decimal(10), None, None, None),
            ("day", "2025-06-11", None, Decimal(11), None, None, None),
            ("month", "2025-06-01", 0, None, "too_many_days_missing", None, 4),
        )
    ],
    "analysis_projection_errors": [
        {
            "as_of_date": at(AS_OF_DATE).date(), "feature_id": "total", "method": "in_use", "horizon": "7d", "horizon_days": 2,
            "origin_count": 3, "wape_ratio": 0.25, "bias_ratio": -0.25, "coverage_ratio": 1.0, "method_in_use": "mean_7d",
            "is_in_use": True, "status": "measured",
        }
    ],
    "analysis_projection_backtests": [
        {
            "origin_date": at("2025-06-02").date(), "feature_id": "total", "method": "mean_7d", "horizon": "7d",
            "horizon_day_count": 7, "known_day_count": 5, "last_target_date": at("2025-06-08").date(),
            "projected_cost_usd": Decimal(12), "low_cost_usd": Decimal(8), "high_cost_usd": Decimal(16),
            "actual_cost_usd": Decimal(15), "absolute_error_usd": Decimal(3), "interval_scale": 1.5,
            "is_in_interval": True, "is_method_in_use": True, "status": "short_history",
        }
    ],
    "analysis_planned_features": [
        {
            "as_of_date": at(AS_OF_DATE).date(), "feature_id": "alpha", "pipeline_id": "rag_answer", "status": "launched",
            "plan_status": "launched", "owner": "ann@example.com", "reason": "by hand", "launch_date": at(FIRST).date(),
            "share_ratio": 0.5, "assumed_multiplier": 2.5, "is_default_multiplier": True, "cost_factor": 1.75,
            "order_number": 1, "realised_multiplier": 2.2, "realised_status": "measured", "realised_day_count": 8,
            "own_cost_usd": Decimal(6), "others_cost_usd": Decimal(10),
        }
    ],
    "analysis_budgets": [
        {
            "as_of_date": at(AS_OF_DATE).date(), "feature_id": "total", "budget_month": at("2025-06-01").date(),
            "month_number": 0, "status": "will_be_exceeded", "method": "linear_trend", "owner": "ann@example.com",
            "reason": "by hand", "budget_cost_usd": Decimal(30), "actual_cost_usd": Decimal("21.00001"),
            "projected_cost_usd": Decimal("42.00001"), "low_cost_usd": Decimal("41.00001"),
            "high_cost_usd": Decimal("43.00001"), "budget_used_ratio": 0.7, "projected_budget_ratio": 1.4,
            "exceeded_date": at("2025-06-10").date(), "earliest_exceeded_date": at("2025-06-10").date(),
            "latest_exceeded_date": at("2025-06-11").date(), "days_until_exceeded": 0, "least_days_until_exceeded": 0,
            "most_days_until_exceeded": 1, "projection_status": "ok", "error_horizon": "7d", "wape_ratio": 0.1,
            "error_origin_count": 4,
        }
    ],
    "analysis_cost_drivers": [
        {
            "week_start_date": at("2025-06-09").date(), "feature_id": feature, "driver": driver, "detail": "by hand",
            "contribution_cost_usd": Decimal(usd),
        }
        for feature, driver, usd in (
            ("support_chat", "volume", "-9.500010"), ("document_summarization", "tokens_per_call", "0.5")
        )
    ],
    # The week before the first day is nobody's: as if the 4th, its Sonnet call of $3, were held against $0.30 a day.
    "analysis_daily_cost_baselines": [
        {
            "usage_date": at(day).date(), "feature_id": feature, "baseline_kind": "trailing_days", "status": status,
            "reason": reason, "cost_status": cost_status, "allocated_cost_usd": cost and Decimal(cost),
            "baseline_cost_usd": baseline and Decimal(baseline), "excess_cost_usd": excess and Decimal(excess),
            "baseline_ratio": baseline and float(Decimal(cost) / Decimal(baseline)), "baseline_day_count": 3 if baseline else 0,
            "anomaly_day_number": 1 if status == "spike" else 0, "is_anomaly": status == "spike",
            "anomaly_start_date": at(day).date() if status == "spike" else None,
        }
        for day, feature, status, reason, cost_status, cost, baseline, excess in (
            (FIRST, "support_chat", "insufficient_history", "few_known_days", "billed", "2.45", None, None),
            ("2025-06-03", "support_chat", "insufficient_history", "few_known_days", None, "0", None, None),
            ("2025-06-04", "support_chat", "spike", "above_ratio", "estimated", "3.2", "0.3", "2.9"),
        )
    ],
    "analysis_cost_anomaly_drivers": [
        {
            "usage_date": at("2025-06-04").date(), "feature_id": "support_chat", "driver": driver, "detail": "by hand",
            "contribution_cost_usd": Decimal(usd),
        }
        for driver, usd in (("model_mix", "3.4"), ("volume", "-0.5"))
    ],
    "analysis_savings": [
        {
            "as_of_date": at(AS_OF_DATE).date(), "opportunity_id": "one", "feature_id": "document_summarization",
            "lever": "routing_by_task_type", "task_type": "summarization", "current_model_id": SONNET_ID,
            "target_model_id": HAIKU_ID, "current_cost_usd_per_month": Decimal(10), "target_cost_usd_per_month": Decimal(4),
            "saving_usd_per_month": Decimal(6), "low_saving_usd_per_month": Decimal(5), "high_saving_usd_per_month": Decimal(7),
            "agreement_ratio": 0.9, "agreement_sample_count": 100, "evidence": "by hand", "missing_evidence": None,
            "effort": "small", "owner": "docs-lead@example.com", "status": "open", "reason": None, "rank": 1,
            "is_measured": True,
        }
    ],
}  # fmt: skip
