"""The FOCUS export: the validator of the specification, and numbers worked out by hand in `varied_bill`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.focus.validator import failed_rules, known_gaps
from tests.warehouse import varied_bill
from tests.warehouse.tiny_lake import ACCOUNT, make_raw, run_dbt


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a warehouse of `varied_bill` with the export and what it is held against."""
    path = tmp_path_factory.mktemp("varied_bill") / "warehouse.duckdb"
    make_raw(path, spans=varied_bill.SPANS, lines=varied_bill.LINES)
    built = run_dbt(
        path,
        "build",
        "--select=+rpt_focus_costs +assert_focus_costs_equal_the_bill",
        "--exclude=test_type:unit",
        as_of_date=varied_bill.AS_OF_DATE,
    )
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    assert "assert_focus_costs_equal_the_bill" in built.stdout
    return path


@pytest.fixture(scope="module")
def focus(varied):
    """Ask the export; `costs` is its table."""

    def ask(sql: str) -> list[tuple]:
        with duckdb.connect(str(varied), read_only=True) as connection:
            return connection.execute(sql.replace("from costs", "from marts.rpt_focus_costs")).fetchall()

    return ask


def export(warehouse: Path, target: Path, *, changed: str = "") -> Path:
    """Write the export of a warehouse as Parquet, columns replaced by `changed`."""
    select = f"select * {f'replace ({changed})' if changed else ''} from marts.rpt_focus_costs"
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(f"copy ({select}) to '{target}' (format parquet)")
    return target


@pytest.mark.long
@pytest.mark.parametrize(("bill", "fixture"), [("worked_days", "warehouse"), ("varied_bill", "varied")])
def test_export_fails_the_listed_rules_of_focus_and_no_other(bill, fixture, request, tmp_path):
    failed = failed_rules(export(request.getfixturevalue(fixture), tmp_path / "costs.parquet"))
    assert failed == known_gaps(bill)


BROKEN = {
    "ChargeCategory-C-003-M": "'usage' as ChargeCategory",
    "BilledCost-C-003-M": "cast(null as decimal(38, 12)) as BilledCost",
    "ListUnitPrice-C-008-M": "-ListUnitPrice as ListUnitPrice",
    "PricingUnit-C-003-O": "'1,000 tokens' as PricingUnit",
    "RegionName-C-005-C": "cast(null as varchar) as RegionName",
}


@pytest.mark.long
def test_broken_columns_fail_their_rules(varied, tmp_path):
    # One run of the validator for all, as each takes ten seconds; without its own column none of these rules fails.
    failed = failed_rules(export(varied, tmp_path / "costs.parquet", changed=", ".join(BROKEN.values())))
    assert BROKEN.keys() <= failed - known_gaps("varied_bill")


def test_price_times_quantity_is_the_cost(focus):
    # The validator looks at this only where ChargeClass is not NULL, so on no row of ours; the tolerance is its own.
    checked = focus(
        """select
            count(*),
            count(*) filter (where abs(ListUnitPrice * PricingQuantity - ListCost) > 1e-9 * greatest(abs(ListCost), 1)),
            count(*) filter (
                where abs(ContractedUnitPrice * PricingQuantity - ContractedCost) > 1e-9 * greatest(abs(ContractedCost), 1)
            )
        from costs where ListUnitPrice is not null and ContractedUnitPrice is not null"""
    )
    # Six parts of Sonnet, three of Nova, one each of Haiku and guardrail; for support the bill has no list price.
    assert checked == [(11, 0, 0)]


def test_features_pay_their_share_of_each_charge(focus):
    rows = focus(
        """select InvoiceId, x_FeatureId, BilledCost, PricingQuantity, ListUnitPrice, ConsumedQuantity, x_Tokens
        from costs where SkuMeter = 'USE1-Claude4Sonnet-input-tokens' order by 1, 2"""
    )
    # $0.60, $0.30 and $2.10 of $3.00, half of it on each invoice; the two lines of INV-1 are one charge.
    assert rows == [
        (invoice, feature, Decimal(usd), Decimal(quantity), Decimal(3), tokens, tokens)
        for invoice in ("INV-1", "INV-2")
        for feature, usd, quantity, tokens in [
            ("document_summarization", "0.15", "0.05", 50_000),
            ("support_chat", "0.3", "0.1", 100_000),
            ("unattributed", "1.05", "0.35", 350_000),
        ]
    ]


def test_charges_that_are_not_usage_are_nobodys_and_have_their_category(focus):
    rows = focus(
        """select x_ChargeKind, ChargeCategory, ChargeClass, ChargeFrequency, BilledCost, EffectiveCost, ListCost,
            PricingQuantity, ConsumedQuantity, ServiceSubcategory
        from costs
        where x_FeatureId = 'not_allocated' order by 1, 2, 5"""
    )

    def usd(text):
        return Decimal(text)

    assert rows == [
        ("credit", "Credit", None, "One-Time", usd("-1"), usd("-1"), usd("-1"), None, None, "Generative AI"),
        ("other", "Adjustment", None, "One-Time", usd("-0.05"), usd("-0.05"), usd("-0.05"), None, None, "Generative AI"),
        ("other", "Usage", None, "Usage-Based", usd("0.15"), usd("0.15"), usd("0.15"), 1000, 1000, "Generative AI"),
        ("refund", "Adjustment", "Correction", "One-Time", *[usd("-0.25")] * 3, None, None, "Generative AI"),
        ("support", "Purchase", None, "Recurring", usd("29"), usd("29"), usd("29"), 1, None, "Support"),
        ("tax", "Tax", None, "One-Time", usd("0.5"), usd("0.5"), usd("0.5"), None, None, "Generative AI"),
    ]  # fmt: skip


def test_usage_is_a_days_and_a_months_tax_is_the_months(focus):
    rows = focus(
        """select distinct ChargeCategory, ChargePeriodStart, ChargePeriodEnd from costs
        where ChargeCategory in ('Usage', 'Tax') order by 1"""
    )
    assert rows == [
        ("Tax", datetime(2025, 6, 2), datetime(2025, 7, 1)),
        ("Usage", datetime(2025, 6, 2), datetime(2025, 6, 3)),
    ]
    assert focus("select distinct BillingPeriodStart, BillingPeriodEnd from costs") == [
        (datetime(2025, 6, 1), datetime(2025, 7, 1))
    ]


def test_own_prices_and_list_prices_stand_apart(focus):
    rows = focus(
        """select BilledCost, ContractedUnitPrice, ListCost, ListUnitPrice, PricingUnit, PublisherName,
            ProviderName, InvoiceIssuerName
        from costs where ServiceName like 'Claude 3.5%'"""
    )
    assert rows == [
        (Decimal("0.4"), Decimal("0.8"), Decimal("0.5"), 1, "1000000 Tokens", "Anthropic, PBC", "AWS", "AWS"),
    ]  # fmt: skip


def test_tokens_that_cost_nothing_go_to_who_used_them(focus):
    rows = focus(
        "select x_FeatureId, x_Tokens, BilledCost, ListUnitPrice from costs where x_ModelId like 'amazon.nova%' order by 1"
    )
    # 400 of 500 traced.
    assert rows == [("support_chat", 100, 0, 0), ("ticket_triage", 300, 0, 0), ("unattributed", 100, 0, 0)]


def test_accounts_region_resource_and_tags_are_the_bills(focus):
    rows = focus(
        """select distinct BillingAccountId, BillingAccountName, SubAccountId, SubAccountName, RegionId, RegionName,
            ResourceType, SkuId, Tags, x_InvoicingEntity
        from costs where InvoiceId = 'INV-2'"""
    )
    tags = '{"aws_created_by":"x","user_team":"docs"}'
    assert rows == [
        (varied_bill.PAYER, "management", ACCOUNT, "production", "us-east-1", "US East (N. Virginia)",
         "inference-profile", "SKU1", tags, "Amazon Web Services EMEA SARL"),
    ]  # fmt: skip


def test_a_day_without_a_bill_is_not_exported(focus):
    assert focus("select max(ChargePeriodStart) from costs where x_ChargeKind = 'usage'") == [(datetime(2025, 6, 2),)]
