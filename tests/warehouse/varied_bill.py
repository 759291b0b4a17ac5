"""A bill with a charge of every kind, invoiced: what the FOCUS export has to tell apart.

One day, Mon 2 June; the tax is June's. The support is the payer's own.

Of 1,000,000 Sonnet input tokens ($3.00, in three lines that are two charges) support_chat traced 200,000 and
document_summarization 100,000, so they pay $0.60 and $0.30; $2.10 nobody traced.
"""

from __future__ import annotations

from tests.warehouse.tiny_lake import ACCOUNT, SONNET, at, line, span

DAY = "2025-06-02"
AS_OF_DATE = "2025-06-10"
PAYER = "999988887777"
_PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{SONNET}"
_MARKETPLACE = {
    "bill_billing_entity": "AWS Marketplace",
    "line_item_legal_entity": "Anthropic, PBC",
    "line_item_product_code": "4o7ktnlcsvunpe0e1xmqtzqtb",
    "product": {"product_name": "Claude 3.5 Haiku (Amazon Bedrock Edition)", "region": "us-east-1"},
}
_COMMON = {
    "bill_payer_account_id": PAYER,
    "bill_invoice_id": "INV-1",
    "bill_invoicing_entity": "Amazon Web Services EMEA SARL",
    "line_item_legal_entity": "Amazon Web Services EMEA SARL",
    "product": {"product_name": "Amazon Bedrock", "region": "us-east-1", "sku": "SKU1"},
}


def _other(kind: str, cost_usd: float, **changes) -> dict:
    row = {"line_item_line_item_type": kind, "pricing_public_on_demand_cost": 0.0, "pricing_unit": None}
    return line(DAY, "", "", 0, cost_usd, **(_COMMON | row | changes))


LINES = [
    # Two hours of one charge, and the same usage under another tag, on another invoice.
    line(DAY, "USE1-Claude4Sonnet-input-tokens", "1M tokens", 0.3, 0.9, line_item_resource_id=_PROFILE, **_COMMON),
    line(DAY, "USE1-Claude4Sonnet-input-tokens", "1M tokens", 0.2, 0.6, line_item_resource_id=_PROFILE, **_COMMON),
    line(
        DAY, "USE1-Claude4Sonnet-input-tokens", "1M tokens", 0.5, 1.5, line_item_resource_id=_PROFILE,
        **_COMMON | {"resource_tags": {"user_team": "docs", "aws_created_by": "x"}, "bill_invoice_id": "INV-2"},
    ),
    # List $0.50, the account's own price $0.40.
    line(
        DAY, "USE1-MP:USE1_InputTokenCount-Units", "Units", 0.5, 0.4,
        **_COMMON | _MARKETPLACE | {"pricing_public_on_demand_cost": 0.5},
    ),
    line(DAY, "USE1-Guardrail-ContentPolicyUnitsConsumed", "TextUnits", 1000, 0.15, **_COMMON),
    # Free of charge, and tokens all the same.
    line(DAY, "USE1-NovaLite-output-tokens", "1K tokens", 0.5, 0.0, **_COMMON),
    _other("Credit", -1.0),
    _other("Refund", -0.25),
    _other("EdpDiscount", -0.05),
    _other("Tax", 0.5, line_item_usage_end_date=at("2025-07-01")),
    _other(
        "Fee", 29.0, line_item_product_code="AWSSupportDeveloper", line_item_usage_amount=1, pricing_unit="Month",
        line_item_usage_account_id=PAYER, line_item_usage_account_name="management",
        line_item_usage_type="Dollar", product={"product_name": "AWS Support (Developer)"},
    ),
]  # fmt: skip
SPANS = [
    span("a", f"{DAY} 10:00", SONNET, uncached_input_tokens=200_000),
    span("b", f"{DAY} 11:00", SONNET, uncached_input_tokens=100_000, feature_id="document_summarization"),
    span("c", f"{DAY} 12:00", "amazon.nova-lite-v1:0", output_tokens=100),
    span("d", f"{DAY} 12:00", "amazon.nova-lite-v1:0", output_tokens=300, feature_id="ticket_triage"),
    # The 3rd has no bill: nothing of it is exported.
    span("e", "2025-06-03 10:00", SONNET, uncached_input_tokens=200_000),
]
