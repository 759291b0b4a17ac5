"""Which bill lines land: all that may concern AI, and nothing that surely does not."""

import pyarrow as pa
import pytest

from ai_finops.extract.cur_export import CUR, concerns_ai
from ai_finops.extract.export_columns import match_columns
from tests.extract.exports import CUR_SCHEMA, EC2, cur_line

AWS, MARKETPLACE = "AWS", "AWS Marketplace"


def is_landed(**line) -> bool:
    table = pa.Table.from_pylist([cur_line(1.0) | EC2 | line], CUR_SCHEMA)
    columns = match_columns(CUR.columns, table.column_names, schema=CUR.schema, where="a file")
    return concerns_ai(columns, table).to_pylist() == [True]


@pytest.mark.parametrize(
    "code",
    [
        "AmazonBedrock",
        "AmazonBedrockService",
        "AmazonBedrockFoundationModels",
        "AmazonBedrockAgentCore",
        "AmazonBedrockNew",
    ],
)
@pytest.mark.parametrize("kind", ["Usage", "Tax", "Credit", "Refund", "Fee", "DiscountedUsage", "EdpDiscount"])
def test_bedrock_under_any_of_its_codes_lands_with_every_kind_of_line(code, kind):
    assert is_landed(line_item_product_code=code, line_item_line_item_type=kind, product=[], product_servicecode=None)


def test_bedrock_by_its_service_code_lands():
    assert is_landed(line_item_product_code="abc", product_servicecode="AmazonBedrock")


@pytest.mark.parametrize("product", ["Claude 3 Haiku (Amazon Bedrock Edition)", "Some database", None])
@pytest.mark.parametrize("kind", ["Usage", "Tax", "Refund"])
def test_the_marketplace_lands_whole_since_its_tax_need_not_say_what_it_is_for(product, kind):
    named = [("product_name", product)] if product else None
    line = {"line_item_product_code": "4o7ktnlcsvunpe0e1xmqtzqtb", "product": named, "product_servicecode": None}
    assert is_landed(bill_billing_entity=MARKETPLACE, line_item_line_item_type=kind, **line)


@pytest.mark.parametrize("code", ["AWSSupportBusiness", "AWSSupportEnterprise", "", None])
def test_support_and_what_has_no_product_land(code):
    assert is_landed(line_item_product_code=code, product_servicecode=None)


@pytest.mark.parametrize("code", ["AmazonEC2", "AmazonS3", "AmazonSageMaker", "ComputeSavingsPlans", "awskms"])
@pytest.mark.parametrize("kind", ["Usage", "Tax", "Credit"])
@pytest.mark.parametrize("entity", [AWS, None])
def test_other_services_do_not_land(code, kind, entity):
    line = {"line_item_product_code": code, "product_servicecode": code, "line_item_line_item_type": kind}
    assert not is_landed(bill_billing_entity=entity, **line)
