"""Random accounts: bill lines and spans as they land, and beside them what each cell of the bill is about.

Coverage from 0 to 1.5; lines that are tagged, negative, free, discounted, of a single token, or in a unit that counts no
tokens; models without a price; calls without a feature or an account; usage billed a month late.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from tests.warehouse.allocation_oracle import Billed, Traced
from tests.warehouse.tiny_lake import ACCOUNT, HAIKU, HAIKU_ID, RERANK, SONNET, SONNET_ID, line, span

FEATURES = ("alpha", "beta", "gamma", None)
PIPELINES = ("one", "two", "three")
DAYS = {"2025-05-31": ("2025-05", "2025-06"), "2025-06-02": ("2025-06",)}
"""Usage days, and the billing periods that charge for them."""
INVOICES = ("", "INV-1", "INV-2")
TINY_COSTS = (0.0, 0.000001, 0.0000005, 0.37, 9.999999, 10.0, -10.0)


@dataclass(frozen=True, slots=True)
class Meter:
    """One thing that a bill counts."""

    model: str
    model_id: str
    token_class: str
    column: str
    usage_type: str
    price_usd: Decimal | None
    """List price of one token or search."""
    rates_usd: tuple[float, ...]
    """What one costs on the bill."""

    @property
    def unit(self) -> str:
        """The basis that its coverage is measured in."""
        return "search_units" if self.token_class == "search_unit" else "tokens"


def _tokens(model: str, model_id: str, name: str, prices: tuple[str, str] | None) -> list[Meter]:
    rates = (0.0, 3e-6, 1.5e-5, 3.3333333e-6)
    price_in, price_out = (Decimal(p) / 1_000_000 for p in prices) if prices else (None, None)
    return [
        Meter(model, model_id, "uncached_input", "uncached_input_tokens", f"USE1-{name}-input-tokens", price_in, rates),
        Meter(model, model_id, "output", "output_tokens", f"USE1-{name}-output-tokens", price_out, rates),
    ]


METERS = (
    *_tokens(SONNET, SONNET_ID, "Claude4Sonnet", ("3", "15")),
    *_tokens(HAIKU, HAIKU_ID, "Claude3.5Haiku", ("0.8", "4")),
    *_tokens("us.acme.mystery-1-v1:0", "acme.mystery-1-v1:0", "Mystery1", None),
    Meter(
        RERANK, RERANK, "search_unit", "search_unit_count", "USE1-MP:USE1_search_units-Units", Decimal("0.002"),
        (0.0, 0.002, 0.0016, 0.001),
    ),
)  # fmt: skip


@dataclass(slots=True)
class Cell:
    """What the bill and the traces say of one cell."""

    unit: str
    billed: list[Billed] = field(default_factory=list)
    traced: list[Traced] = field(default_factory=list)


@dataclass(slots=True)
class Accounts:
    """Everything that lands."""

    lines: list[dict] = field(default_factory=list)
    spans: list[dict] = field(default_factory=list)
    cells: dict[str, Cell] = field(default_factory=dict)
    """By cell id."""


def random_accounts(count: int, dice: random.Random) -> Accounts:
    """Return `count` accounts; the first is the one that calls belong to which name none."""
    accounts = Accounts()
    for number in range(count):
        account = f"{number:012}" if number else ACCOUNT
        for meter in METERS:
            for day in DAYS:
                if dice.random() < 0.4:
                    _add_usage(accounts, meter, account=account, day=day, dice=dice)
        if dice.random() < 0.3:
            credit = {"line_item_line_item_type": "Credit", "line_item_usage_account_id": account}
            accounts.lines.append(line("2025-06-02", "", "", 0, -dice.randint(1, 10**9) / 1e7, **credit))
    return accounts


def _add_usage(accounts: Accounts, meter: Meter, *, account: str, day: str, dice: random.Random) -> None:
    """Add the lines and calls of one meter, on demand and in batch."""
    is_tiny = dice.random() < 0.3
    billed: dict[str, int] = defaultdict(int)
    for _ in range(dice.randint(0, 4)):
        processing = "batch" if meter.unit == "tokens" and dice.random() < 0.2 else "on_demand"
        billed[processing] += _add_line(
            accounts, meter, account=account, day=day, processing=processing, is_tiny=is_tiny, dice=dice
        )
    for processing, quantity in billed.items() or [("on_demand", 0)]:
        for _ in range(dice.randint(0, 9 if is_tiny else 3)):
            used = 1 if is_tiny else max(1, int(quantity * dice.uniform(0, 0.5)))
            _add_call(accounts, meter, used, account=account, day=day, processing=processing, dice=dice)


def _add_line(accounts, meter, *, account, day, processing, is_tiny, dice) -> int:
    quantity = dice.randint(1, 3) if is_tiny else dice.choice([0, 1, 7, dice.randint(1, 10**9), -dice.randint(1, 1000)])
    cost = dice.choice(TINY_COSTS) if is_tiny else quantity * dice.choice(meter.rates_usd)
    cost, owner = round(cost, dice.choice([6, 10, 12])), dice.choice(FEATURES)
    is_counted = meter.unit == "search_units" or dice.random() < 0.85
    changes = {
        "billing_period": dice.choice(DAYS[day]),
        "bill_invoice_id": dice.choice(INVOICES),
        "line_item_usage_account_id": account,
        "resource_tags": {"user_feature": owner} if owner else {},
    }
    if meter.unit == "search_units":
        changes["bill_billing_entity"] = "AWS Marketplace"
        changes["product"] = {"product_name": "Cohere Rerank v3.5 (Amazon Bedrock Edition)"}
        unit, amount = "Units", quantity
    else:
        changes["line_item_resource_id"] = f"arn:aws:bedrock:us-east-1:{account}:inference-profile/{meter.model}"
        unit, amount = ("1K tokens", quantity / 1000) if is_counted else ("Hrs", 1)
    usage_type = meter.usage_type + ("-batch" if processing == "batch" else "")
    accounts.lines.append(line(day, usage_type, unit, amount, cost, **changes))
    cell = _cell(accounts, meter, account=account, day=day, processing=processing)
    cell.billed.append(Billed(owner, quantity if is_counted else None, Decimal(str(cost))))
    return quantity


def _add_call(accounts, meter, quantity, *, account, day, processing, dice) -> None:
    feature, pipeline = dice.choice(FEATURES), dice.choice(PIPELINES)
    usage = {meter.column: quantity}
    if meter.unit == "tokens":
        usage = {"uncached_input_tokens": 0, "output_tokens": 0} | usage
    accounts.spans.append(
        span(
            f"{len(accounts.spans)}", f"{day} 10:00", meter.model, **usage,
            operation_name="rerank" if meter.unit == "search_units" else "chat",
            account_id=None if account == ACCOUNT else account,
            feature_id=feature, pipeline_id=pipeline, processing=processing,
        )
    )  # fmt: skip
    # The catalog has no batch prices for Bedrock.
    price = meter.price_usd if processing == "on_demand" else None
    cell = _cell(accounts, meter, account=account, day=day, processing=processing)
    cell.traced.append(Traced((feature, pipeline), quantity, None if price is None else quantity * price))


def _cell(accounts, meter, *, account, day, processing) -> Cell:
    key = ("aws.bedrock", account, "usage", meter.model_id, meter.token_class, "regional", processing)
    return accounts.cells.setdefault("|".join([day, *key]), Cell(meter.unit))
