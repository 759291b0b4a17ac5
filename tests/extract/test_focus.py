"""Landing the bill as FOCUS, against the local AWS over HTTP."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.errors import SourceBroken, SourceMissing
from ai_finops.extract import export_landing, focus
from ai_finops.lake_schemas import FOCUS_CHARGES, FOCUS_INVOICE_TOTALS
from tests.extract.exports import FOCUS_SCHEMA, Exporter, csv_bytes, focus_charge, gzipped, parquet_bytes

SAMPLE = Path(__file__).resolve().parents[1] / "fixtures" / "focus_sample" / "focus_sample.csv"
NOT_IN_1_0 = [
    "BillingAccountType",
    "InvoiceId",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "ServiceSubcategory",
    "SkuMeter",
    "SkuPriceDetails",
    "SubAccountType",
]
NAMES = FOCUS_SCHEMA.names
NAMES_1_0 = [name for name in NAMES if name not in NOT_IN_1_0]
EC2_CHARGE = {"ServiceName": "Amazon Elastic Compute Cloud", "ServiceCategory": "Compute", "x_ServiceCode": "AmazonEC2"}


@pytest.fixture
def focus_settings(settings):
    return replace(settings, focus_bucket=settings.billing_bucket)


@pytest.fixture
def exporter(clients, focus_settings) -> Exporter:
    bucket = focus_settings.focus_bucket
    return Exporter(
        clients["s3"], bucket, root="focus/ai-finops-focus/", name="ai-finops-focus", folder="billing_period={}"
    )


@pytest.fixture
def land(clients, focus_settings, lake):
    def land(day=date(2025, 6, 20), **changes):
        arguments = {"settings": focus_settings, "lake": lake, "clients": clients, "as_of": date(2025, 6, 21)}
        return focus.land(day, **arguments | changes)

    return land


def landed(lake, table: str = "charges", period: str = "2025-06") -> pa.Table:
    return pq.read_table(lake.current_version("focus", period).file(table), partitioning=None)


def parquet(*charges: dict, names=NAMES) -> bytes:
    table = pa.Table.from_pylist(list(charges), FOCUS_SCHEMA).select(names)
    return parquet_bytes(table)


def test_focus_1_2_lands_with_all_of_its_columns(exporter, land, lake):
    charge = focus_charge(
        1.5,
        InvoiceId="in-1",
        SkuPriceDetails=[("ModelFamily", "Nova")],
        x_Discounts=[("edp", "0.25")],
        SkuMeter="InputTokens",
        PricingCurrencyEffectiveCost=1.25,
    )
    keys = exporter.create_new(1, f00001_snappy_parquet=parquet(charge))
    outcome = land()
    assert (outcome.source, outcome.status, outcome.loaded_count) == ("focus", "loaded", 1)
    table = landed(lake)
    assert table.schema.names == FOCUS_CHARGES.names
    (row,) = table.to_pylist()
    assert (row["focus_version"], row["billing_period"], row["object_key"]) == ("1.2", "2025-06", keys[0])
    assert (row["invoice_id"], row["sub_account_type"], row["pricing_currency"]) == ("in-1", "Account", "USD")
    assert (row["billed_cost"], row["pricing_currency_effective_cost"]) == (Decimal("1.5"), Decimal("1.25"))
    assert (row["tags"], row["x_discounts"]) == ([("user:feature", "search")], [("edp", "0.25")])
    assert (row["sku_price_details"], row["sku_meter"]) == ([("ModelFamily", "Nova")], "InputTokens")
    assert row["charge_period_start"] == datetime(2025, 6, 2, tzinfo=UTC)
    assert (row["x_operation"], row["x_service_code"]) == ("InvokeModelInference", "AmazonBedrock")


def test_focus_1_0_lands_without_what_came_later(exporter, land, lake):
    charge = focus_charge(1.5, x_UsageType="USE1-NovaLite-input-tokens", x_CostCategories=[("team", "docs")])
    exporter.overwrite(f00001_snappy_parquet=parquet(charge, names=NAMES_1_0))
    land()
    (row,) = landed(lake).to_pylist()
    assert row["focus_version"] == "1.0"
    assert (row["invoice_id"], row["pricing_currency"], row["sku_price_details"]) == (None, None, None)
    assert (row["x_usage_type"], row["x_cost_categories"]) == ("USE1-NovaLite-input-tokens", [("team", "docs")])


@pytest.mark.parametrize("names", [NAMES, NAMES_1_0])
def test_csv_and_parquet_give_the_same_charges(exporter, land, lake, names):
    charges = [
        focus_charge("0.10"),
        focus_charge("12345678.9", ChargeCategory="Credit", Tags=None, ResourceId="arn:a,b"),
    ]
    doubles = [
        charge | {name: float(charge[name]) for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")}
        for charge in charges
    ]
    exporter.overwrite(f00001_snappy_parquet=parquet(*doubles, names=names))
    land()
    from_parquet = landed(lake).drop_columns(["object_key"]).to_pylist()
    exporter.overwrite(f00001_csv_gz=gzipped(csv_bytes(charges, names=names)), execution_id="e-2")
    land()
    assert landed(lake).drop_columns(["object_key"]).to_pylist() == from_parquet
    assert [row["billed_cost"] for row in from_parquet] == [Decimal("0.10"), Decimal("12345678.9")]


@pytest.mark.parametrize(
    ("names", "version"),
    [(["InvoiceId"], "1.2"), (["SubAccountType"], "1.2"), (["SkuMeter"], "1.1"), (["BilledCost"], "1.0"), ([], "1.0")],
)
def test_the_version_is_told_by_the_columns_it_brought(names, version):
    assert focus.version_of(["ServiceName", *names]) == version


def test_a_1_2_export_without_its_invoice_is_broken_and_the_old_version_stays(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=parquet(focus_charge(1.0)))
    land()
    names = [name for name in NAMES if name != "InvoiceId"]
    exporter.overwrite(f00001_snappy_parquet=parquet(focus_charge(2.0), names=names), execution_id="e-2")
    with pytest.raises(SourceBroken, match=r"ai-finops-focus-00001\.snappy\.parquet has no column InvoiceId;"):
        land()
    assert landed(lake)["billed_cost"].to_pylist() == [1]


def test_a_renamed_column_and_a_wrong_type_are_named(exporter, land):
    table = pa.Table.from_pylist([focus_charge(1.0)], FOCUS_SCHEMA)
    renamed = table.rename_columns([{"BilledCost": "BilledCosts"}.get(name, name) for name in NAMES])
    exporter.overwrite(f00001_snappy_parquet=parquet_bytes(renamed))
    with pytest.raises(SourceBroken, match="has no column BilledCost;"):
        land()
    place = table.schema.get_field_index("EffectiveCost")
    exporter.overwrite(f00001_snappy_parquet=parquet_bytes(table.set_column(place, "EffectiveCost", pa.array([True]))))
    with pytest.raises(SourceBroken, match="column EffectiveCost is bool and not a number"):
        land()


@pytest.mark.parametrize(
    ("charge", "is_landed"),
    [
        ({}, True),
        (
            {
                "ServiceName": "Claude 3 Haiku (Amazon Bedrock Edition)",
                "ServiceCategory": "Other",
                "x_ServiceCode": "abc",
            },
            True,
        ),
        (EC2_CHARGE | {"x_ServiceCode": "AmazonBedrockService"}, True),
        (EC2_CHARGE | {"ServiceCategory": "AI and Machine Learning", "ServiceName": "Amazon SageMaker"}, True),
        (EC2_CHARGE | {"ServiceName": "AWS Support (Business)"}, True),
        (EC2_CHARGE | {"x_ServiceCode": "AWSSupportBusiness"}, True),
        (EC2_CHARGE | {"ServiceName": None}, True),
        (EC2_CHARGE | {"PublisherName": "Anthropic"}, True),
        (EC2_CHARGE | {"PublisherName": None}, True),  # AWS: may be empty for certain charges
        (EC2_CHARGE, False),
        (EC2_CHARGE | {"PublisherName": "Amazon Web Services EMEA SARL"}, False),
        (EC2_CHARGE | {"ChargeCategory": "Tax", "ServiceCategory": None, "x_ServiceCode": None}, False),
    ],
)
def test_charges_that_may_concern_ai_land(exporter, land, charge, is_landed):
    exporter.overwrite(f00001_snappy_parquet=parquet(focus_charge(1.0, **charge)))
    outcome = land()
    assert (outcome.loaded_count, outcome.ignored_count) == (int(is_landed), int(not is_landed))


def test_totals_hold_every_charge_by_invoice(exporter, land, lake):
    charges = [
        focus_charge(1.25, InvoiceId="in-1"),
        focus_charge(0.1, InvoiceId="in-1", **EC2_CHARGE),
        focus_charge(0.2, InvoiceId="in-1", **EC2_CHARGE),
    ]
    exporter.overwrite(f00001_snappy_parquet=parquet(*charges))
    outcome = land()
    assert (outcome.read_count, outcome.loaded_count, outcome.ignored_count) == (3, 1, 2)
    assert landed(lake, "objects")["reason"].to_pylist() == [export_landing.IGNORED]
    table = landed(lake, "invoice_totals")
    assert table.schema.names == FOCUS_INVOICE_TOTALS.names
    rows = [(row["service_name"], row["is_landed"], row["line_count"], row["billed_cost"]) for row in table.to_pylist()]
    assert rows == [
        ("Amazon Bedrock", True, 1, Decimal("1.25")),
        ("Amazon Elastic Compute Cloud", False, 2, Decimal("0.3")),
    ]


def test_the_recorded_sample_is_read_line_by_line_as_it_says(exporter, land, lake):
    with SAMPLE.open(newline="") as file:
        september = [row for row in csv.DictReader(file) if row["BillingPeriodStart"] == "2024-09-01 00:00:00"]
    names = list(september[0])
    exporter.overwrite("2024-09", f00001_csv_gz=gzipped(csv_bytes(september, names=names)))
    outcome = land(date(2024, 9, 20), as_of=date(2024, 9, 21))
    # 16 of Microsoft's, 6 of Oracle's and 1 of Red Hat's were not published by AWS; AWS's own are none of AI.
    assert (outcome.read_count, outcome.loaded_count, outcome.ignored_count) == (75, 23, 52)
    rows = landed(lake, period="2024-09").to_pylist()
    kept = [row for row in september if not row["PublisherName"].startswith("Amazon Web Services")]
    assert [row["billed_cost"] for row in rows] == [Decimal(row["BilledCost"]) for row in kept]
    assert {row["focus_version"] for row in rows} == {"1.0"}
    assert {row["service_category"] for row in rows if row["service_name"] == "Azure Machine Learning"} == {
        "AI and Machine Learning"
    }
    assert all(row["charge_class"] is None for row in rows)
    totals = landed(lake, "invoice_totals", "2024-09")
    assert sum(totals["line_count"].to_pylist()) == 75
    assert sum(totals["billed_cost"].to_pylist()) == sum(Decimal(row["BilledCost"]) for row in september)


def test_the_recorded_sample_whole_holds_another_period_and_is_refused(exporter, land):
    exporter.overwrite("2024-09", f00001_csv_gz=gzipped(SAMPLE.read_bytes()))
    with pytest.raises(SourceBroken, match="column BillingPeriodStart says 2024-10-01 in the delivery of 2024-09"):
        land(date(2024, 9, 20), as_of=date(2024, 9, 21))


def test_an_export_that_is_not_there_names_its_own_settings(land, focus_settings):
    with pytest.raises(SourceMissing, match="AI_FINOPS_FOCUS_PREFIX and AI_FINOPS_FOCUS_EXPORT"):
        land()
    with pytest.raises(SourceMissing, match=r"no-such-bucket does not exist; correct AI_FINOPS_FOCUS_BUCKET$"):
        land(settings=replace(focus_settings, focus_bucket="no-such-bucket"))


def test_nothing_is_called_that_is_not_permitted(exporter, land, clients):
    called = set()
    clients["s3"].meta.events.register("before-call.s3", lambda model, **_: called.add(model.name))
    exporter.overwrite(f00001_snappy_parquet=parquet(focus_charge(1.0)))
    called.clear()
    for day in (date(2025, 6, 20), date(2025, 7, 20)):
        land(day)
    actions = {"ListObjectsV2": "s3:ListBucket", "GetObject": "s3:GetObject"}
    assert {actions[name] for name in called} == {action for action, _ in focus.PERMISSIONS}


def test_a_legacy_report_is_not_looked_for(exporter, land):
    exporter.legacy(f1_csv_gz=gzipped(csv_bytes([focus_charge(1.0)], names=NAMES)))
    assert land().status == "missing"
