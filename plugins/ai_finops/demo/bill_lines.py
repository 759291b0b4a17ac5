"""The line items of the account's bill for one month, in CUR 2.0's columns.

Bedrock usage is what the provider counted for every call that did not fail, hourly, so also the usage of the service that is
not instrumented and of calls whose span carries no usage. Around that stand lines of a normal account: EC2 and S3, a Bedrock
credit every Wednesday, and one Bedrock tax line that grows with the usage. Months are open, so no line has an invoice yet.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from ai_finops.days import days_between, month_end
from ai_finops.demo.account import ACCOUNT_ID
from ai_finops.demo.bedrock_bill import SEARCH_UNITS, charge
from ai_finops.demo.call_rows import Call, first_day, hour_of, midnight

TAX_RATE = Decimal("0.06")
WEEKLY_CREDIT_USD = Decimal("-15.00")
_WEDNESDAY = 2
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_EC2_USD_PER_HOUR = Decimal("0.096")
_S3_GB_MONTHS_PER_DAY = Decimal("41.5")
_S3_USD_PER_GB_MONTH = Decimal("0.023")


def bill_lines(calls: list[Call], *, period: str, last: date, region: str, delivery: str) -> list[dict]:
    """Return the line items of a billing period as known at the end of `last`.

    Args:
        calls: All calls of the account.
        period: `YYYY-MM`.
        last: The last day with usage on the bill.
        region: Region of the usage.
        delivery: Id of this delivery; line ids are unique in it and differ in the next one, as AWS says of the real ones.
    Raises:
        SampleError: A call's model has no place or no price on the bill.
    """
    begin = date.fromisoformat(f"{period}-01")
    days = list(days_between(max(begin, first_day(calls)), min(last, month_end(begin))))
    if not days:
        return []
    lines = list(_bedrock_lines(calls, days=set(days), region=region))
    first_party_usd = sum(line["_cost"] for line in lines if line["bill_billing_entity"] == "AWS")
    lines += _credit_lines(days)
    lines += _other_lines(days, region=region)
    lines.append(_tax_line(first_party_usd, begin=begin))
    return [_finished(line, number=number, delivery=delivery, begin=begin) for number, line in enumerate(lines)]


def _bedrock_lines(calls: list[Call], *, days: set[date], region: str) -> Iterator[dict]:
    usage: Counter[tuple[datetime, str, str]] = Counter()
    for call in calls:
        hour = hour_of(call.started_at)
        if call.is_error or hour.date() not in days:
            continue
        for kind, quantity in _quantities(call):
            usage[hour, call.request_model, kind] += quantity
    for (hour, model_id, kind), quantity in sorted(usage.items()):
        if quantity:
            yield _bedrock_line(hour, model_id, kind, quantity, region=region)


def _quantities(call: Call) -> Iterator[tuple[str, int]]:
    yield "uncached_input", call.uncached_input_tokens
    yield "cache_read_input", call.cache_read_input_tokens
    yield "cache_write_5m_input", call.cache_write_5m_input_tokens
    yield "output", call.output_tokens
    yield SEARCH_UNITS, call.search_units or 0


def _bedrock_line(hour: datetime, model_id: str, kind: str, quantity: int, *, region: str) -> dict:
    charged = charge(model_id, kind, quantity, on=hour.date(), region=region)
    model = charged.model
    entity = "AWS Marketplace" if model.is_marketplace else "AWS"
    # Marketplace lines name the model in the product name only.
    resource_id = "" if model.is_marketplace else _model_arn(model_id, region=region)
    return {
        "bill_billing_entity": entity,
        "line_item_legal_entity": "Amazon Web Services, Inc.",
        "line_item_line_item_type": "Usage",
        "line_item_product_code": model.product_code,
        "line_item_usage_type": charged.usage_type,
        "line_item_operation": "Usage" if model.is_marketplace else "InvokeModelInference",
        "line_item_line_item_description": charged.description,
        "line_item_resource_id": resource_id,
        "line_item_usage_start_date": hour,
        "line_item_usage_end_date": hour + _HOUR,
        "line_item_usage_amount": float(charged.amount),
        "pricing_unit": charged.pricing_unit,
        "pricing_term": "OnDemand",
        "pricing_public_on_demand_cost": float(charged.list_cost_usd),
        "product": {"product_name": model.product_name, "region": region},
        "product_servicecode": model.product_code,
        "_cost": charged.billed_cost_usd,
    }


def _model_arn(model_id: str, *, region: str) -> str:
    if model_id.startswith("us."):
        return f"arn:aws:bedrock:{region}:{ACCOUNT_ID}:inference-profile/{model_id}"
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def _credit_lines(days: list[date]) -> Iterator[dict]:
    for day in days:
        if day.weekday() == _WEDNESDAY:
            yield {
                "bill_billing_entity": "AWS",
                "line_item_line_item_type": "Credit",
                "line_item_product_code": "AmazonBedrock",
                "line_item_line_item_description": "AWS Promotional Credit: generative AI adoption",
                "line_item_usage_start_date": midnight(day),
                "line_item_usage_end_date": midnight(day) + _HOUR,
                "product": {"product_name": "Amazon Bedrock"},
                "product_servicecode": "AmazonBedrock",
                "_cost": WEEKLY_CREDIT_USD,
            }


def _tax_line(first_party_usd: Decimal, *, begin: date) -> dict:
    return {
        "bill_billing_entity": "AWS",
        "line_item_line_item_type": "Tax",
        "line_item_product_code": "AmazonBedrock",
        "line_item_line_item_description": "Tax for product code AmazonBedrock",
        "line_item_usage_start_date": midnight(begin),
        "line_item_usage_end_date": midnight(month_end(begin) + _DAY),
        "line_item_usage_amount": 1.0,
        "product": {"product_name": "Amazon Bedrock"},
        "product_servicecode": "AmazonBedrock",
        "_cost": (first_party_usd * TAX_RATE).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP),
    }


def _other_lines(days: list[date], *, region: str) -> Iterator[dict]:
    for day in days:
        for hour in range(24):
            yield _other_line(
                "AmazonEC2", "BoxUsage:m5.large", "RunInstances", "Hrs", Decimal(1), _EC2_USD_PER_HOUR,
                begin=midnight(day) + hour * _HOUR, length=_HOUR, region=region,
            )  # fmt: skip
        yield _other_line(
            "AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", _S3_GB_MONTHS_PER_DAY, _S3_USD_PER_GB_MONTH,
            begin=midnight(day), length=_DAY, region=region,
        )  # fmt: skip


def _other_line(
    product: str, usage_type: str, operation: str, unit: str, amount: Decimal, price: Decimal,
    *, begin: datetime, length: timedelta, region: str,
) -> dict:  # fmt: skip
    name = {"AmazonEC2": "Amazon Elastic Compute Cloud", "AmazonS3": "Amazon Simple Storage Service"}[product]
    return {
        "bill_billing_entity": "AWS",
        "line_item_line_item_type": "Usage",
        "line_item_product_code": product,
        "line_item_usage_type": usage_type,
        "line_item_operation": operation,
        "line_item_line_item_description": f"${price} per {unit}",
        "line_item_usage_start_date": begin,
        "line_item_usage_end_date": begin + length,
        "line_item_usage_amount": float(amount),
        "pricing_unit": unit,
        "pricing_term": "OnDemand",
        "pricing_public_on_demand_cost": float(amount * price),
        "product": {"product_name": name, "region": region},
        "product_servicecode": product,
        "resource_tags": {"user_team": "platform"},
        "_cost": amount * price,
    }


def _finished(line: dict, *, number: int, delivery: str, begin: date) -> dict:
    cost = line.pop("_cost")
    interval = (
        f"{line['line_item_usage_start_date']:%Y-%m-%dT%H:%M:%SZ}/{line['line_item_usage_end_date']:%Y-%m-%dT%H:%M:%SZ}"
    )
    return {
        "identity_line_item_id": hashlib.sha256(f"{delivery}:{number}".encode()).hexdigest()[:52],
        "identity_time_interval": interval,
        "bill_bill_type": "Anniversary",
        "bill_billing_period_start_date": midnight(begin),
        "bill_billing_period_end_date": midnight(month_end(begin) + _DAY),
        "bill_payer_account_id": ACCOUNT_ID,
        "line_item_usage_account_id": ACCOUNT_ID,
        "line_item_usage_account_name": "production",
        "line_item_currency_code": "USD",
        "line_item_legal_entity": "Amazon Web Services, Inc.",
        "line_item_usage_amount": 0.0,
        "line_item_unblended_cost": float(cost),
        "pricing_currency": "USD",
        "pricing_public_on_demand_cost": 0.0,
        "resource_tags": {},
        "cost_category": {},
        "discount": {},
        **line,
    }
