"""The bill, worked by hand, and the export's shape."""

from __future__ import annotations

import io
import json
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.demo.bedrock_bill import BILLED_MODELS, SEARCH_UNITS, charge
from ai_finops.demo.bill_lines import bill_lines
from ai_finops.demo.call_rows import read_calls
from ai_finops.demo.cur_columns import SCHEMA
from ai_finops.demo.deliver_billing import deliver_billing
from ai_finops.errors import SampleError, SourceMissing
from tests.demo.hand_made import HAIKU, NOVA_LITE, RERANK, SONNET_4, TITAN_EMBED, at, call, sample_of

DAY = date(2025, 6, 2)
THREE_CALLS = (
    call(
        1, "2025-06-02 10:15:00", uncached_input_tokens=1_000_000, cache_read_input_tokens=200_000,
        cache_write_5m_input_tokens=100_000, output_tokens=50_000,
    ),
    call(2, "2025-06-02 11:15:00", request_model=NOVA_LITE, uncached_input_tokens=2_000_000, output_tokens=500_000),
    call(
        3, "2025-06-02 12:15:00", request_model=RERANK, operation_name="rerank", uncached_input_tokens=0, output_tokens=0,
        search_units=1,
    ),
)  # fmt: skip


def _lines(*rows: dict, last: date = DAY, period: str = "2025-06", delivery: str = "a") -> list[dict]:
    calls = read_calls(sample_of(*rows).calls)
    return bill_lines(calls, period=period, last=last, region="us-east-1", delivery=delivery)


def _bedrock_usage(lines: list[dict]) -> list[dict]:
    names = {model.product_code for model in BILLED_MODELS.values()}
    return [
        row for row in lines if row["line_item_product_code"] in names and row["line_item_line_item_type"] == "Usage"
    ]


def test_three_calls_to_the_cent():
    # Sonnet 4: 1 x 3 + 0.2 x 0.30 + 0.1 x 3.75 + 0.05 x 15 = 4.185; Nova Lite less 5 %: (2 x 0.06 + 0.5 x 0.24) x 0.95 = 0.228;
    # one rerank query 0.002. Together 4.415; list 4.427. Tax: 6 % of what AWS itself sells, 4.413, is 0.26478, so 0.26.
    lines = _lines(*THREE_CALLS)
    usage = _bedrock_usage(lines)
    assert sum(Decimal(str(line["line_item_unblended_cost"])) for line in usage) == Decimal("4.415")
    assert sum(Decimal(str(line["pricing_public_on_demand_cost"])) for line in usage) == Decimal("4.427")
    (tax,) = [line for line in lines if line["line_item_line_item_type"] == "Tax"]
    assert tax["line_item_unblended_cost"] == 0.26
    assert tax["line_item_usage_start_date"] == at("2025-06-01 00:00:00")
    assert tax["line_item_usage_end_date"] == at("2025-07-01 00:00:00")


def test_marketplace_usage_is_not_in_the_tax():
    lines = _lines(call(1, "2025-06-02 10:00:00", request_model=HAIKU, uncached_input_tokens=5_000_000))
    assert [x["line_item_unblended_cost"] for x in lines if x["line_item_line_item_type"] == "Tax"] == [0.0]


def test_lines_speak_aws_usage_types_and_units():
    usage = _bedrock_usage(_lines(*THREE_CALLS, call(4, "2025-06-02 13:00:00", request_model=HAIKU)))
    found = {(line["line_item_usage_type"], line["pricing_unit"], line["line_item_usage_amount"]) for line in usage}
    assert found == {
        ("USE1-Claude4Sonnet-input-tokens", "1M tokens", 1.0),
        ("USE1-Claude4Sonnet-cache-read-input-token-count", "1M tokens", 0.2),
        ("USE1-Claude4Sonnet-cache-write-input-token-count", "1M tokens", 0.1),
        ("USE1-Claude4Sonnet-output-tokens", "1M tokens", 0.05),
        ("USE1-NovaLite-input-tokens", "1K tokens", 2000.0),
        ("USE1-NovaLite-output-tokens", "1K tokens", 500.0),
        ("USE1-MP:USE1_search_units-Units", "Units", 1.0),
        ("USE1-MP:USE1_InputTokenCount-Units", "Units", 0.001),
        ("USE1-MP:USE1_OutputTokenCount-Units", "Units", 0.0001),
    }


def test_marketplace_lines_name_the_model_in_the_product_name_only():
    (_, line) = _bedrock_usage(_lines(call(4, "2025-06-02 13:00:00", request_model=HAIKU)))
    assert line["bill_billing_entity"] == "AWS Marketplace"
    assert line["product"]["product_name"] == "Claude 3.5 Haiku (Amazon Bedrock Edition)"
    assert line["line_item_line_item_description"] == "AWS Marketplace software usage|us-east-1|Million Input Tokens"
    assert line["line_item_resource_id"] == ""


@pytest.mark.parametrize(
    ("model", "product", "resource"),
    [
        (NOVA_LITE, "AmazonBedrock", f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}"),
        (
            SONNET_4,
            "AmazonBedrockFoundationModels",
            f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{SONNET_4}",
        ),
    ],
)
def test_first_party_lines_name_product_and_resource(model, product, resource):
    (line, _) = _bedrock_usage(_lines(call(4, "2025-06-02 13:00:00", request_model=model)))
    assert (line["bill_billing_entity"], line["line_item_product_code"]) == ("AWS", product)
    assert line["line_item_resource_id"] == resource
    assert line["line_item_operation"] == "InvokeModelInference"


def test_descriptions_give_the_price_of_one_unit():
    nova = charge(NOVA_LITE, "output", 1000, on=DAY, region="us-east-1")
    assert nova.description == "$0.000228 per 1K tokens for USE1-NovaLite-output-tokens"
    titan = charge(TITAN_EMBED, "uncached_input", 1000, on=DAY, region="us-west-2")
    assert titan.description == "$0.00002 per 1K tokens for USW2-TitanEmbeddingV2-Text-input-tokens"
    assert charge(RERANK, SEARCH_UNITS, 3, on=DAY, region="us-east-1").billed_cost_usd == Decimal("0.006")


def test_an_hour_of_a_model_is_one_line_per_token_class():
    rows = [call(n, f"2025-06-02 10:{n:02d}:00", cache_read_input_tokens=0) for n in (1, 59)]
    usage = _bedrock_usage(_lines(*rows, call(3, "2025-06-02 11:00:00")))
    assert [(line["line_item_usage_start_date"], line["line_item_usage_amount"]) for line in usage] == [
        (at("2025-06-02 10:00:00"), 0.0002),
        (at("2025-06-02 10:00:00"), 0.002),
        (at("2025-06-02 11:00:00"), 0.0001),
        (at("2025-06-02 11:00:00"), 0.001),
    ]
    assert usage[0]["line_item_usage_end_date"] == at("2025-06-02 11:00:00")


def test_failed_calls_are_not_billed_but_untraced_ones_are():
    failed = call(1, "2025-06-02 10:00:00", is_error=True)
    untraced = call(
        2, "2025-06-02 10:00:00", is_instrumented=False, service_name="legal-api", uncached_input_tokens=500_000
    )
    silent = call(3, "2025-06-02 10:00:00", has_usage=False, uncached_input_tokens=250_000)
    usage = _bedrock_usage(_lines(failed, untraced, silent))
    tokens = {line["line_item_usage_type"]: line["line_item_usage_amount"] for line in usage}
    assert tokens == {"USE1-Claude4Sonnet-input-tokens": 0.75, "USE1-Claude4Sonnet-output-tokens": 0.0002}


def test_the_bill_stops_at_the_last_day_and_at_the_month():
    rows = [
        call(n, f"{day} 23:59:59") for n, day in enumerate(("2025-05-31", "2025-06-01", "2025-06-02", "2025-06-03"))
    ]
    june = _bedrock_usage(_lines(*rows))
    assert {line["line_item_usage_start_date"].date().isoformat() for line in june} == {"2025-06-01", "2025-06-02"}
    may = _bedrock_usage(_lines(*rows, period="2025-05"))
    assert {line["line_item_usage_start_date"].date().isoformat() for line in may} == {"2025-05-31"}
    assert may[0]["bill_billing_period_end_date"] == at("2025-06-01 00:00:00")


@pytest.mark.parametrize(
    ("last", "credit_count"), [(date(2025, 6, 3), 0), (date(2025, 6, 4), 1), (date(2025, 6, 11), 2)]
)
def test_each_wednesday_brings_a_credit(last, credit_count):
    lines = _lines(call(1, "2025-06-02 10:00:00"), last=last)
    credits = [line["line_item_unblended_cost"] for line in lines if line["line_item_line_item_type"] == "Credit"]
    assert credits == [-15.0] * credit_count


def test_other_services_are_tagged_and_bedrock_is_not():
    lines = _lines(call(1, "2025-06-02 10:00:00"))
    tags = {line["line_item_product_code"]: line["resource_tags"] for line in lines}
    assert tags["AmazonEC2"] == tags["AmazonS3"] == {"user_team": "platform"}
    assert tags["AmazonBedrockFoundationModels"] == {}
    # A day of EC2 is 24 x 0.096 = 2.304.
    ec2 = [Decimal(str(x["line_item_unblended_cost"])) for x in lines if x["line_item_product_code"] == "AmazonEC2"]
    assert sum(ec2) == Decimal("2.304")


def test_line_ids_are_unique_in_a_delivery_and_change_with_the_next():
    row = call(1, "2025-06-02 10:00:00")
    first = {line["identity_line_item_id"] for line in _lines(row)}
    second = {line["identity_line_item_id"] for line in _lines(row, delivery="b")}
    assert len(first) == len(_lines(row))
    assert not first & second


def test_unknown_model_and_missing_price_are_refused():
    with pytest.raises(SampleError, match=r"does not know model 'mistral\.large'"):
        _lines(call(1, "2025-06-02 10:00:00", request_model="mistral.large"))
    with pytest.raises(SampleError, match=r"no flat cache_write_5m_input price for 'amazon\.nova-lite-v1:0'"):
        _lines(call(1, "2025-06-02 10:00:00", request_model=NOVA_LITE, cache_write_5m_input_tokens=1))
    with pytest.raises(SampleError, match="not for 'eu-west-1'"):
        charge(SONNET_4, "output", 1, on=DAY, region="eu-west-1")


def _export(bodies, settings) -> tuple[dict[str, dict], pa.Table]:
    found = bodies(settings.billing_bucket)
    manifests = {key: json.loads(body) for key, body in found.items() if key.endswith("-Manifest.json")}
    files = [uri.removeprefix(f"s3://{settings.billing_bucket}/") for m in manifests.values() for uri in m["dataFiles"]]
    assert set(files) == set(found) - set(manifests)
    return manifests, pa.concat_tables(pq.read_table(io.BytesIO(found[key])) for key in files)


def test_the_export_is_overwritten_and_its_manifest_names_its_files(clients, account, bodies):
    calls = read_calls(sample_of(call(1, "2025-06-02 10:00:00"), call(2, "2025-06-03 10:00:00")).calls)
    first = deliver_billing(calls, first=DAY, last=DAY, s3=clients["s3"], settings=account)
    manifests, table = _export(bodies, account)
    # 2 Bedrock lines, 24 EC2, 1 S3, 1 tax.
    assert first == (("2025-06",), 28)
    assert table.num_rows == 28
    assert table.schema.equals(SCHEMA)
    (key,) = manifests
    assert key == "cur/ai-finops/metadata/BILLING_PERIOD=2025-06/ai-finops-Manifest.json"
    manifest = manifests[key]
    assert manifest["dataFiles"] == [
        f"s3://{account.billing_bucket}/cur/ai-finops/data/BILLING_PERIOD=2025-06/ai-finops-00001.snappy.parquet"
    ]
    assert {"name": "resource_tags", "type": "map"} in manifest["columns"]
    assert {"name": "line_item_unblended_cost", "type": "double"} in manifest["columns"]

    day_two = date(2025, 6, 3)
    assert deliver_billing(calls, first=day_two, last=day_two, s3=clients["s3"], settings=account) == (("2025-06",), 55)
    again, table = _export(bodies, account)
    assert table.num_rows == 55
    assert again[key]["executionId"] != manifest["executionId"]


def test_a_long_export_is_split_into_files(clients, account, bodies):
    hours = [f"2025-07-{day:02d} {hour:02d}:00:00" for day in range(1, 32) for hour in range(24)]
    rows = [call(n, hour, request_model=model) for model in (SONNET_4, NOVA_LITE) for n, hour in enumerate(hours)]
    last = date(2025, 7, 31)
    _, count = deliver_billing(
        read_calls(sample_of(*rows).calls), first=last, last=last, s3=clients["s3"], settings=account
    )
    # 744 hours of 2 models x 2 token classes and of EC2, 31 of S3, 5 credits, 1 tax; 2,500 rows a file.
    assert count == 744 * 5 + 31 + 5 + 1
    manifests, table = _export(bodies, account)
    (manifest,) = manifests.values()
    assert len(manifest["dataFiles"]) == 2
    assert table.num_rows == count


def test_a_range_over_a_month_end_fills_two_periods(clients, account, bodies):
    calls = read_calls(sample_of(call(1, "2025-06-30 10:00:00"), call(2, "2025-07-01 10:00:00")).calls)
    periods, _ = deliver_billing(
        calls, first=date(2025, 6, 30), last=date(2025, 7, 1), s3=clients["s3"], settings=account
    )
    assert periods == ("2025-06", "2025-07")
    manifests, table = _export(bodies, account)
    assert len(manifests) == 2
    kinds = zip(
        table["line_item_line_item_type"].to_pylist(), table["bill_billing_period_start_date"].to_pylist(), strict=True
    )
    assert sorted(start for kind, start in kinds if kind == "Tax") == [
        at("2025-06-01 00:00:00"),
        at("2025-07-01 00:00:00"),
    ]


def test_a_missing_bucket_is_named(clients, settings):
    with pytest.raises(SourceMissing, match=f"bucket {settings.billing_bucket} does not exist"):
        deliver_billing(
            read_calls(sample_of(*THREE_CALLS).calls), first=DAY, last=DAY, s3=clients["s3"], settings=settings
        )
