"""June 2025 by hand: two accounts of one provider, in published marts that hold what a test says.

Account A: features pay 60.00 and 25.50, 14.50 is nobody's, a credit of 10.00, tax of 7.25, and 2.00 that corrects May:
60 + 25.5 + 14.5 - 10 + 7.25 + 2 = 99.25, of which invoice i-1 of June has 97.25.
Account B: 5.000001 of `chat` billed and 3.00 more of it on days without a bill, -0.50 that nobody pays, 1.00 of support, and
`search` of unknown cost: 5.000001 - 0.5 + 1 = 5.500001 billed, 3.00 estimated.
Together 104.750001 billed, 107.750001 with the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb

from ai_finops.config import Settings

JUNE, MAY, JULY = date(2025, 6, 1), date(2025, 5, 1), date(2025, 7, 1)
PROVIDER, A, B = "aws.bedrock", "111122223333", "444455556666"
TABLES = """
create table dim_builds (build_id varchar, as_of_date date);
create table dim_closed_periods (
    provider_name varchar, billing_account_id varchar, usage_month date, version bigint, rule varchar,
    costs_sha256 varchar, reconciliations_sha256 varchar, build_id varchar, is_current boolean, closed_at_date date
);
create table fct_monthly_feature_costs (
    feature_id varchar, billing_account_id varchar, display_name varchar, team varchar, owner varchar,
    provider_name varchar, charge_category varchar, corrected_charge_category varchar, cost_status varchar,
    currency_code varchar, version bigint, request_count bigint, input_tokens bigint, output_tokens bigint,
    unknown_cost_call_count bigint, unknown_cost_tokens bigint, estimated_cost_usd decimal(18, 6),
    billed_cost_usd decimal(18, 6), allocated_cost_usd decimal(18, 6), is_known_feature boolean, is_closed boolean,
    usage_month date, corrected_month date, closed_at_date date
);
create table fct_daily_reconciliations (
    billing_account_id varchar, provider_name varchar, charge_category varchar, billed_cost_usd decimal(18, 6),
    allocated_cost_usd decimal(18, 6), unattributed_cost_usd decimal(18, 6), rounding_cost_usd decimal(38, 12),
    usage_date date, corrected_month date, model_id varchar, token_class varchar, region_scope varchar, processing varchar
);
create table fct_monthly_cost_restatements (usage_month date, allocated_cost_difference_usd decimal(18, 6));
create table rpt_focus_costs (
    "BilledCost" decimal(38, 12), "BillingAccountId" varchar, "BillingCurrency" varchar,
    "BillingPeriodStart" timestamp, "ChargeCategory" varchar, "ChargeDescription" varchar, "ChargePeriodStart" timestamp,
    "InvoiceId" varchar, "ListUnitPrice" decimal(38, 15), "SubAccountId" varchar, "x_BilledCostUsd" decimal(38, 12),
    "x_BilledDate" date, "x_ChargeKind" varchar, "x_FeatureId" varchar, "x_ProviderId" varchar, "x_RowId" varchar,
    "x_ModelId" varchar, "x_TokenClass" varchar, "x_RegionScope" varchar, "x_Processing" varchar
);
comment on column fct_monthly_feature_costs.billed_cost_usd is 'USD of the bill that the row pays.';
comment on column rpt_focus_costs."BilledCost" is 'The part of the charge that the feature pays, as invoiced.';
"""


@dataclass(frozen=True)
class FeatureCost:
    """A row of fct_monthly_feature_costs; `allocated` is what is billed where nothing else is said."""

    account: str
    feature: str
    category: str
    billed: str | None
    allocated: str | None = None
    corrected_month: date | None = None
    unknown_calls: int = 0
    month: date = JUNE
    request_count: int = 0


@dataclass(frozen=True)
class Cell:
    """A row of fct_daily_reconciliations; usage says of it what features pay."""

    account: str
    category: str
    billed: str | None
    allocated: str = "0"
    rounding: str = "0"
    day: date = JUNE
    corrected_month: date | None = None
    model: str | None = None


@dataclass(frozen=True)
class Charge:
    """A row of rpt_focus_costs; the account is invoiced itself where no payer is named."""

    account: str
    feature: str
    kind: str
    cost: str
    invoice: str | None = None
    day: date = JUNE
    description: str = "input tokens"
    payer: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Closed:
    """A row of dim_closed_periods."""

    account: str
    version: int = 1
    month: date = JUNE
    sha256: str = "c0ffee"


@dataclass(frozen=True)
class Marts:
    """What is published."""

    feature_costs: tuple[FeatureCost, ...]
    cells: tuple[Cell, ...]
    charges: tuple[Charge, ...]
    closed: tuple[Closed, ...] = ()
    build_id: str = "000001-2025-06-16-0a0a0a0a"
    as_of: date = date(2025, 6, 16)
    extra_sql: str = ""

    def having(self, **changes) -> Marts:
        """Return these with other rows."""
        return replace(self, **changes)


WORKED = Marts(
    feature_costs=(
        FeatureCost(A, "chat", "usage", "60.00", request_count=600),
        FeatureCost(A, "search", "usage", "25.50", request_count=51),
        FeatureCost(A, "unattributed", "usage", "14.50"),
        FeatureCost(A, "not_allocated", "credit", "-10.00"),
        FeatureCost(A, "not_allocated", "tax", "7.25"),
        FeatureCost(A, "not_allocated", "correction", "2.00", corrected_month=MAY),
        FeatureCost(B, "chat", "usage", "5.000001", "8.000001", request_count=80),
        FeatureCost(B, "search", "usage", None, None, unknown_calls=4, request_count=4),
        FeatureCost(B, "unattributed", "usage", "-0.50"),
        FeatureCost(B, "not_allocated", "support", "1.00"),
    ),
    cells=(
        Cell(A, "usage", "40.00", allocated="30.00", rounding="0.00000025", day=date(2025, 6, 2)),
        Cell(A, "usage", "60.00", allocated="55.50", day=date(2025, 6, 30)),
        Cell(A, "credit", "-10.00"),
        Cell(A, "tax", "7.25"),
        Cell(A, "correction", "2.00", rounding="0.0000000001", corrected_month=MAY),
        Cell(B, "usage", "4.500001", allocated="5.000001", rounding="-0.0000004"),
        Cell(B, "usage", None, day=date(2025, 6, 15)),
        Cell(B, "support", "1.00"),
    ),
    charges=(
        Charge(A, "chat", "usage", "60.0000001", "i-1", date(2025, 6, 2)),
        Charge(A, "search", "usage", "25.50", "i-1", date(2025, 6, 30)),
        Charge(A, "unattributed", "usage", "14.50000015", "i-1"),
        Charge(A, "not_allocated", "credit", "-10.00", "i-1"),
        Charge(A, "not_allocated", "tax", "7.25", "i-1"),
        Charge(B, "chat", "usage", "5.0000006"),
        Charge(B, "unattributed", "usage", "-0.50"),
        Charge(B, "not_allocated", "support", "1.00"),
    ),
)
"""June while both accounts are open; May and July have nothing."""


@dataclass
class Publisher:
    """Publishes marts one build after the other."""

    settings: Settings
    count: int = field(default=0)

    def __call__(self, marts: Marts) -> Path:
        """Publish `marts` as a build of their id, and make it the current one."""
        self.count += 1
        folder = self.settings.published / "builds" / f"{self.count:06d}"
        folder.mkdir(parents=True)
        with duckdb.connect(str(folder / "marts.duckdb")) as connection:
            connection.execute(TABLES)
            _insert(connection, marts)
            connection.execute(marts.extra_sql or "select 1")
        current = self.settings.published / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(folder)
        return folder


def _insert(connection: duckdb.DuckDBPyConnection, marts: Marts) -> None:
    _rows(connection, "dim_builds", [(marts.build_id, marts.as_of)])
    _rows(connection, "dim_closed_periods", [_closed_row(each, marts.closed) for each in marts.closed])
    _rows(connection, "fct_monthly_feature_costs", [_feature_row(each) for each in marts.feature_costs])
    _rows(connection, "fct_daily_reconciliations", [_cell_row(each) for each in marts.cells])
    _rows(connection, "rpt_focus_costs", [_charge_row(each, number) for number, each in enumerate(marts.charges)])


def _rows(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple]) -> None:
    if rows:
        row = f"({', '.join('?' * len(rows[0]))})"
        connection.execute(f"insert into {table} values {', '.join([row] * len(rows))}", sum(rows, ()))


def _closed_row(each: Closed, closed: tuple[Closed, ...]) -> tuple:
    newest = max(other.version for other in closed if (other.account, other.month) == (each.account, each.month))
    rule = "all lines have an invoice id, and 5 days have passed since the month ended"
    closed_at = each.month + timedelta(days=36)
    sha256s = (each.sha256, "decade")
    return PROVIDER, each.account, each.month, each.version, rule, *sha256s, "b", each.version == newest, closed_at


def _feature_row(each: FeatureCost) -> tuple:
    billed = each.billed and Decimal(each.billed)
    allocated = billed if each.allocated is None else Decimal(each.allocated)
    texts = (each.feature, each.account, each.feature.title(), "team", "owner@example.com", PROVIDER, each.category)
    corrected = "usage" if each.corrected_month else None
    counts = (0, each.request_count, 0, 0, each.unknown_calls, 1000 * each.unknown_calls)
    amounts = (None, billed, allocated)
    return *texts, corrected, "billed", "USD", *counts, *amounts, True, False, each.month, each.corrected_month, None


def _cell_row(each: Cell) -> tuple:
    if each.billed is None:
        amounts = (None, None, None, Decimal(0))
        return each.account, PROVIDER, each.category, *amounts, each.day, each.corrected_month, *_cell_key(each)
    billed, allocated = Decimal(each.billed), Decimal(each.allocated)
    amounts = (billed, allocated, billed - allocated, Decimal(each.rounding))
    return each.account, PROVIDER, each.category, *amounts, each.day, each.corrected_month, *_cell_key(each)


def _cell_key(each: Cell | Charge) -> tuple:
    return (each.model, "output", "regional", "on_demand") if each.model else (None,) * 4


def _charge_row(each: Charge, number: int) -> tuple:
    cost, month = Decimal(each.cost), each.day.replace(day=1)
    starts = (datetime.combine(month, datetime.min.time()), datetime.combine(each.day, datetime.min.time()))
    payer = each.payer or each.account
    named = (cost, payer, "USD", starts[0], each.kind.title(), each.description, starts[1], each.invoice)
    told = (Decimal(3), each.account, cost, each.day, each.kind, each.feature, PROVIDER, f"row-{number:04d}")
    return *named, *told, *_cell_key(each)


BOTH_CLOSED = (Closed(A), Closed(B))
CLOSED = WORKED.having(closed=BOTH_CLOSED, as_of=date(2025, 7, 7), build_id="000002-2025-07-07-0b0b0b0b")
"""The same rows, once both accounts are closed."""
RESTATED = CLOSED.having(
    feature_costs=(
        FeatureCost(A, "chat", "usage", "58.00", request_count=580),
        FeatureCost(A, "search", "usage", "27.50", request_count=71),
        *WORKED.feature_costs[2:4],
        FeatureCost(A, "not_allocated", "tax", "8.25"),
        *WORKED.feature_costs[5:],
    ),
    cells=(*WORKED.cells[:3], Cell(A, "tax", "8.25"), *WORKED.cells[4:]),
    charges=(
        Charge(A, "chat", "usage", "58.0000001", "i-1", date(2025, 6, 2)),
        Charge(A, "search", "usage", "27.50", "i-1", date(2025, 6, 30)),
        *WORKED.charges[2:4],
        Charge(A, "not_allocated", "tax", "8.25", "i-1"),
        *WORKED.charges[5:],
    ),
    closed=(Closed(A), Closed(A, version=2, sha256="c0de"), Closed(B)),
    as_of=date(2025, 8, 1),
    build_id="000003-2025-08-01-0c0c0c0c",
)
"""Account A closed again: 2.00 less of chat, 2.00 more of search, 1.00 more of tax."""
