"""Random accounts: bill lines and spans as they land, and beside them what each cell of the bill is about.

Coverage from 0 to 1.5; lines that name a tag, a principal, both or neither, that are negative, free, discounted, of a single
token, or in a unit that counts no tokens; service tiers and regional scopes; models without a price; calls without a feature or
an account; batches billed a day late, in the next month; credits.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from tests.warehouse.allocation_oracle import Billed, Traced, to_micro
from tests.warehouse.batch_oracle import count_where_billed
from tests.warehouse.tiny_lake import ACCOUNT, HAIKU, HAIKU_ID, RERANK, SONNET, SONNET_ID, line, span

FEATURES = ("alpha", "beta", "zeta", None)
"""Some are before `unattributed`, one is after it."""
PRINCIPALS = {f"arn:aws:sts::{ACCOUNT}:assumed-role/{feature}": feature for feature in FEATURES if feature}
PROCESSINGS = {"on_demand": "", "batch": "-batch", "flex": "-flex", "priority": "-priority"}
"""Kinds of processing, and what the bill's usage types call them."""
SCOPES = {"regional": "us.", "global": "global."}
"""Scopes of inference, and the geography of their profiles."""
PIPELINES = ("one", "two", "three")
DAYS = ("2025-05-31", "2025-06-01")
"""Usage days, of two billing periods."""
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


def _tokens(model: str, model_id: str, name: str, prices: tuple[str, ...] | None) -> list[Meter]:
    rates = (0.0, 3e-6, 1.5e-5, 3.3333333e-6)
    classes = (
        ("uncached_input", "uncached_input_tokens", "input-tokens"),
        ("output", "output_tokens", "output-tokens"),
        ("cache_read_input", "cache_read_input_tokens", "cache-read-input-token-count"),
    )
    return [
        Meter(model, model_id, token_class, column, f"USE1-{name}-{meter}", price and Decimal(price) / 1_000_000, rates)
        for (token_class, column, meter), price in zip(classes, prices or (None, None), strict=False)
    ]


METERS = (
    *_tokens(SONNET, SONNET_ID, "Claude4Sonnet", ("3", "15", "0.3")),
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
    credits: dict[str, int] = field(default_factory=dict)
    """Micro-dollars by account."""
    late_batch_count: int = 0
    """Cells of which something traced counts on another day."""

    @property
    def lined(self) -> set[tuple[str, str]]:
        """Days and accounts that have a usage line."""
        lines = (each for each in self.lines if each["line_item_line_item_type"] == "Usage")
        return {
            (f"{each['line_item_usage_start_date']:%Y-%m-%d}", each["line_item_usage_account_id"]) for each in lines
        }

    @property
    def billed_days(self) -> set[tuple[str, str]]:
        """Days and accounts that the bill has usage of; on any other day the estimate stands in."""
        return {day_and_account(cell_id) for cell_id, cell in self.cells.items() if cell.billed}


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
            credit = -dice.randint(1, 10**9) / 1e7
            kind = {"line_item_line_item_type": "Credit", "line_item_usage_account_id": account}
            accounts.lines.append(line("2025-06-02", "", "", 0, credit, **kind))
            accounts.credits[account] = to_micro(Decimal(str(credit)))
    _count_batches_where_billed(accounts)
    return accounts


def _count_batches_where_billed(accounts: Accounts) -> None:
    """Move what is traced in batch to the cells that it counts in."""
    keys = dict.fromkeys(cell_id.split("|", 1)[1] for cell_id in accounts.cells if cell_id.endswith("|batch"))
    for key in keys:
        of_days = {day: cell for day in DAYS if (cell := accounts.cells.pop(f"{day}|{key}", None))}
        billed = {day: cell.billed for day, cell in of_days.items() if cell.billed}
        account = day_and_account(f"|{key}")[1]
        counted = count_where_billed(
            {day: cell.traced for day, cell in of_days.items()},
            billed,
            last_billed=max((day for day, billed_account in accounts.lined if billed_account == account), default=None),
        )
        (unit,) = {cell.unit for cell in of_days.values()}
        for day in billed.keys() | counted.keys():
            accounts.cells[f"{day}|{key}"] = Cell(unit, billed.get(day, []), counted.get(day, []))
        accounts.late_batch_count += sum(
            of_days[day].traced != counted.get(day, []) for day in of_days if of_days[day].traced
        )


def _add_usage(accounts: Accounts, meter: Meter, *, account: str, day: str, dice: random.Random) -> None:
    """Add the lines and calls of one meter, of each tier and scope that it is used in."""
    is_tiny = dice.random() < 0.3
    billed: dict[tuple[str, str], int] = defaultdict(int)
    for _ in range(dice.randint(0, 4)):
        where = _tier_and_scope(meter, dice)
        billed[where] += _add_line(accounts, meter, where, account=account, day=day, is_tiny=is_tiny, dice=dice)
    for where, quantity in billed.items() or [(("on_demand", "regional"), 0)]:
        for _ in range(dice.randint(0, 9 if is_tiny else 3)):
            used = 1 if is_tiny else max(1, int(quantity * dice.uniform(0, 0.5)))
            _add_call(accounts, meter, where, used, account=account, day=day, dice=dice)


def _tier_and_scope(meter: Meter, dice: random.Random) -> tuple[str, str]:
    """Return processing and region scope: mostly the usual ones, so that lines meet in a cell."""
    if meter.unit != "tokens" or dice.random() < 0.7:
        return "on_demand", "regional"
    return dice.choice(list(PROCESSINGS)), dice.choice(list(SCOPES))


def _add_line(accounts, meter, where, *, account, day, is_tiny, dice) -> int:
    processing, scope = where
    quantity = dice.randint(1, 3) if is_tiny else dice.choice([0, 1, 7, dice.randint(1, 10**9), -dice.randint(1, 1000)])
    cost = dice.choice(TINY_COSTS) if is_tiny else quantity * dice.choice(meter.rates_usd)
    cost = round(cost, dice.choice([6, 10, 12]))
    is_counted = meter.unit == "search_units" or dice.random() < 0.85
    tag, principal = dice.choice(FEATURES), dice.choice([None, None, *PRINCIPALS])
    owner = (tag, "tag") if tag else (PRINCIPALS[principal], "principal") if principal else None
    changes = {
        # A line is of its day's month; the draw leaves the other lines as they were drawn when bills had two.
        "billing_period": dice.choice((day[:7], day[:7])),
        "bill_invoice_id": dice.choice(INVOICES),
        "line_item_usage_account_id": account,
        "line_item_iam_principal": principal,
        "resource_tags": {"user_feature": tag} if tag else {},
    }
    if meter.unit == "search_units":
        changes["bill_billing_entity"] = "AWS Marketplace"
        changes["product"] = {"product_name": "Cohere Rerank v3.5 (Amazon Bedrock Edition)"}
        unit, amount = "Units", quantity
    else:
        profile = _profile(meter, scope)
        changes["line_item_resource_id"] = f"arn:aws:bedrock:us-east-1:{account}:inference-profile/{profile}"
        unit, amount = dice.choice([("1K tokens", quantity / 1000), ("1M tokens", quantity / 1_000_000)])
        if not is_counted:
            unit, amount = "Hrs", 1
    accounts.lines.append(line(day, meter.usage_type + PROCESSINGS[processing], unit, amount, cost, **changes))
    cell = _cell(accounts, meter, where, account=account, day=day)
    cell.billed.append(Billed(owner, quantity if is_counted else None, Decimal(str(cost))))
    return quantity


def _add_call(accounts, meter, where, quantity, *, account, day, dice) -> None:
    processing, scope = where
    feature, pipeline = dice.choice(FEATURES), dice.choice(PIPELINES)
    usage = {meter.column: quantity}
    if meter.unit == "tokens":
        usage = {"uncached_input_tokens": 0, "output_tokens": 0} | usage
    accounts.spans.append(
        span(
            f"{len(accounts.spans)}", f"{day} 10:00:00.{len(accounts.spans):06}", _profile(meter, scope), **usage,
            operation_name="rerank" if meter.unit == "search_units" else "chat",
            account_id=None if account == ACCOUNT else account,
            feature_id=feature, pipeline_id=pipeline, processing=processing,
        )
    )  # fmt: skip
    # The catalog has no prices of Bedrock's other tiers, nor of 3.5 Haiku as a global profile, which there is none of.
    is_priced = processing == "on_demand" and (scope == "regional" or meter.model_id == SONNET_ID)
    price = meter.price_usd if is_priced else None
    cell = _cell(accounts, meter, where, account=account, day=day)
    cell.traced.append(Traced((feature, pipeline), quantity, None if price is None else quantity * price))


def _profile(meter: Meter, scope: str) -> str:
    return meter.model.replace("us.", SCOPES[scope], 1) if meter.unit == "tokens" else meter.model


def _cell(accounts, meter, where, *, account, day) -> Cell:
    processing, scope = where
    key = ("aws.bedrock", account, "usage", meter.model_id, meter.token_class, scope, processing)
    return accounts.cells.setdefault("|".join([day, *key]), Cell(meter.unit))


def day_and_account(cell_id: str) -> tuple[str, str]:
    """Return the day and the account that a cell's id names."""
    day, _, account, *_ = cell_id.split("|")
    return day, account
