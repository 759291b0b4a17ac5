"""Which column of an export fills which column of the lake."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.errors import SourceBroken
from ai_finops.extract.export_columns import match_columns, read_columns, snake_case
from ai_finops.lake_schemas import FOCUS_CHARGES, LINE_ITEMS

CUR, FOCUS = read_columns("cur_columns"), read_columns("focus_columns")
WHERE = "s3://bills/cur/a.csv.gz"
OWN = {"billing_period", "object_key", "focus_version"}
REQUIRED = [column.names[0] for column in CUR if column.need == "required"]


def match(names, *, columns=CUR, schema=LINE_ITEMS, version=None):
    return match_columns(columns, names, schema=schema, where=WHERE, version=version)


@pytest.mark.parametrize(("columns", "schema"), [(CUR, LINE_ITEMS), (FOCUS, FOCUS_CHARGES)])
def test_every_column_of_the_lake_but_our_own_is_mapped_in_its_order(columns, schema):
    assert [column.name for column in columns] == [name for name in schema.names if name not in OWN]


def test_legacy_names_are_the_lakes_by_the_rule_that_aws_publishes():
    for column in CUR:
        for legacy in (name for name in column.names if "/" in name):
            assert snake_case(legacy) == column.name


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("lineItem/UsageStartDate", "line_item_usage_start_date"),
        ("savingsPlan/SavingsPlanARN", "savings_plan_savings_plan_a_r_n"),
        # AWS's own example: "ExampleColumnName : Example Column Name Continued".
        ("ExampleColumnName : Example Column Name Continued", "example_column_name_example_column_name_continued"),
        ("user:Cost--Center_", "user_cost_center"),
    ],
)
def test_snake_case_follows_the_published_rule(name, snake):
    assert snake_case(name) == snake


def test_the_first_spelling_that_the_file_has_is_read():
    columns = match([*REQUIRED, "lineItem/UnblendedCost", "savings_plan_savings_plan_arn"])
    assert columns.sources["line_item_unblended_cost"] == ("line_item_unblended_cost",)
    assert columns.sources["savings_plan_savings_plan_a_r_n"] == ("savings_plan_savings_plan_arn",)
    assert columns.names == sorted([*REQUIRED, "savings_plan_savings_plan_arn"])


def test_a_missing_column_is_named_with_all_of_its_spellings():
    without = [name for name in REQUIRED if name != "line_item_usage_amount"]
    with pytest.raises(SourceBroken) as raised:
        match(without)
    assert str(raised.value) == (
        f"{WHERE} has no column line_item_usage_amount (lineItem/UsageAmount in other formats); the old version stays; "
        "add the column to the export's query"
    )


def test_a_file_of_one_column_is_asked_for_its_commas():
    with pytest.raises(SourceBroken, match="is it separated by commas"):
        match([";".join(REQUIRED)])


def test_a_column_that_is_there_twice_is_named():
    with pytest.raises(SourceBroken, match="has column pricing_unit twice"):
        match([*REQUIRED, "pricing_unit"])


def test_what_the_file_does_not_have_is_null():
    columns = match(REQUIRED)
    lines = pa.table({name: ["x", "y"] for name in columns.names})
    assert columns.read("line_item_iam_principal", lines).to_pylist() == [None, None]
    assert columns.read("tags", lines).type == LINE_ITEMS.field("tags").type


def test_a_value_that_does_not_fit_names_file_and_column_as_it_is_there():
    columns = match([*(name for name in REQUIRED if name != "line_item_unblended_cost"), "lineItem/UnblendedCost"])
    lines = pa.table({name: ["x"] for name in columns.names})
    with pytest.raises(SourceBroken, match=rf"{WHERE}: column lineItem/UnblendedCost holds 'x', which is not a number"):
        columns.read("line_item_unblended_cost", lines)


def test_legacy_tag_columns_become_one_map_and_of_the_same_name_the_first_counts():
    names = [*REQUIRED, "resourceTags/user:Feature", "resourceTags/user:feature", "resourceTags/aws:createdBy"]
    columns = match(names)
    lines = pa.table({"resourceTags/user:Feature": ["a", None], "resourceTags/aws:createdBy": [None, "me"]})
    assert columns.read("resource_tags", lines).to_pylist() == [[("user_feature", "a")], [("aws_created_by", "me")]]
    assert "resourceTags/user:feature" not in columns.names


def test_flat_product_columns_are_gathered_only_where_there_is_no_map():
    flat = [name for name in REQUIRED if name != "product"]
    columns = match([*flat, "product_product_name", "product/region"])
    lines = pa.table({"product_product_name": ["Amazon Bedrock"], "product/region": ["us-east-1"]})
    assert columns.read("product", lines).to_pylist() == [[("region", "us-east-1"), ("product_name", "Amazon Bedrock")]]
    assert match([*REQUIRED, "product_product_name"]).gathered == {}
    assert "product_servicecode" not in match([*flat, "product/region", "product_servicecode"]).gathered["product"]


def test_a_report_without_any_product_column_is_broken():
    with pytest.raises(SourceBroken, match=r"has no column product \(product/… or product_… in other formats\)"):
        match([name for name in REQUIRED if name != "product"])


def test_columns_that_a_version_brought_are_needed_from_then_on():
    names = [column.names[0] for column in FOCUS if column.need == "required"]
    arguments = {"columns": FOCUS, "schema": FOCUS_CHARGES}
    assert "invoice_id" not in match(names, version="1.0", **arguments).sources
    with pytest.raises(SourceBroken, match="has no column InvoiceId;"):
        match([*names, "BillingAccountType", "SubAccountType"], version="1.2", **arguments)


def test_columns_are_read_in_the_lakes_types():
    columns = match(REQUIRED)
    lines = pa.table(
        {name: ["x"] for name in columns.names}
        | {"line_item_usage_start_date": ["2025-06-02T00:00:00Z"], "line_item_usage_amount": ["1.5"]}
    )
    assert columns.read("line_item_usage_start_date", lines).to_pylist() == [datetime(2025, 6, 2, tzinfo=UTC)]
    assert columns.read("line_item_usage_amount", lines).to_pylist() == [Decimal("1.5")]
