"""Landing the bill, against the local AWS over HTTP."""

import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.errors import SourceBroken, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract import billing, cur_export
from ai_finops.lake_schemas import LINE_ITEMS
from tests.extract.stand_in import s3_error

JUNE_15 = date(2025, 6, 15)
DATA = "cur/ai-finops/data/BILLING_PERIOD={}/{}.snappy.parquet"
MANIFEST = "cur/ai-finops/metadata/BILLING_PERIOD={}/ai-finops-Manifest.json"
MILLISECONDS = pa.timestamp("ms", tz="UTC")
EXPORT_SCHEMA = pa.schema(
    [
        ("identity_line_item_id", pa.string()),
        *(
            (field.name, MILLISECONDS if pa.types.is_timestamp(field.type) else field.type)
            for field in LINE_ITEMS
            if field.name not in cur_export.OWN_COLUMNS
        ),
    ]
)


def lines(*costs: float, schema: pa.Schema = EXPORT_SCHEMA) -> pa.Table:
    """Lines as an export writes them, told apart by their cost."""
    start = datetime(2025, 6, 2, tzinfo=UTC)
    rows = [
        {
            "identity_line_item_id": str(number),
            "line_item_usage_start_date": start,
            "line_item_usage_type": "USE1-NovaLite-input-tokens",
            "line_item_unblended_cost": cost,
            "line_item_usage_amount": 2.0,
            "product": [("product_name", "Amazon Bedrock"), ("region", "us-east-1")],
            "resource_tags": [("user_feature", "search")],
        }
        for number, cost in enumerate(costs)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


@pytest.fixture
def deliver(clients, settings):
    """Put an export of one period: a table per file, and the manifest."""

    def put(key: str, body: bytes) -> None:
        clients["s3"].put_object(Bucket=settings.billing_bucket, Key=key, Body=body)

    def deliver(period: str = "2025-06", *, manifest: bytes | None = None, execution: str = "e-1", **tables) -> None:
        for name, table in tables.items():
            body = io.BytesIO()
            if isinstance(table, pa.Table):
                pq.write_table(table, body, compression="snappy")
            put(DATA.format(period, name), body.getvalue() if isinstance(table, pa.Table) else table)
        files = [f"s3://{settings.billing_bucket}/{DATA.format(period, name)}" for name in tables]
        plain = {"executionId": execution, "dataFiles": files}
        put(MANIFEST.format(period), json.dumps(plain).encode() if manifest is None else manifest)

    return deliver


@pytest.fixture
def land(clients, settings, lake):
    def land(day=JUNE_15, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": clients, "as_of": date(2025, 6, 16)}
        return billing.land(day, **arguments | changes)

    return land


def landed(lake, period: str = "2025-06") -> pa.Table:
    return pq.read_table(lake.current_version("billing", period).file("line_items"), partitioning=None)


def costs(lake, period: str = "2025-06") -> list[float]:
    return landed(lake, period)["line_item_unblended_cost"].to_pylist()


def test_all_lines_of_all_files_are_landed(deliver, land, lake):
    deliver(a=lines(1.5, -0.25), b=lines(3.0))
    outcome = land()
    assert (outcome.status, outcome.read_count, outcome.loaded_count, outcome.ignored_count) == ("loaded", 3, 3, 0)
    assert outcome.partitions == ("2025-06",)
    assert outcome.api_call_count == 4  # the manifest before and after, and two files
    assert outcome.bytes_read > 1000
    table = landed(lake)
    assert table.schema.names == LINE_ITEMS.names
    row = table.to_pylist()[2]
    assert row["line_item_unblended_cost"] == 3.0
    assert row["line_item_usage_start_date"] == datetime(2025, 6, 2, tzinfo=UTC)
    assert dict(row["product"]) == {"product_name": "Amazon Bedrock", "region": "us-east-1"}
    assert dict(row["resource_tags"]) == {"user_feature": "search"}
    assert (row["billing_period"], row["object_key"]) == ("2025-06", DATA.format("2025-06", "b"))


def test_a_new_delivery_replaces_the_whole_period(deliver, land, lake):
    deliver(a=lines(1.0, 2.0))
    land()
    deliver(a=lines(7.0), execution="e-2")
    land(date(2025, 6, 16), as_of=date(2025, 6, 17))
    assert costs(lake) == [7.0]
    assert lake.current_version("billing", "2025-06").number == 2


def test_the_same_delivery_read_on_another_day_is_no_new_version(deliver, land, lake):
    deliver(a=lines(1.0))
    land(date(2025, 6, 14))
    version = lake.current_version("billing", "2025-06")
    land(date(2025, 6, 15))
    assert lake.current_version("billing", "2025-06") == version


@pytest.mark.parametrize(
    ("day", "periods"),
    [
        (date(2025, 6, 1), ["2025-05", "2025-06"]),
        (date(2025, 6, 5), ["2025-05", "2025-06"]),
        (date(2025, 6, 6), ["2025-06"]),
        (date(2025, 1, 3), ["2024-12", "2025-01"]),
    ],
)
def test_on_the_first_days_the_period_before_is_read_again(day, periods):
    assert billing.periods_of(day) == periods


def test_both_periods_are_landed_and_a_missing_one_is_left_out(deliver, land, lake):
    deliver("2025-05", a=lines(5.0))
    early = land(date(2025, 6, 2))
    assert (early.status, early.partitions, early.loaded_count) == ("loaded", ("2025-05",), 1)
    deliver("2025-06", a=lines(6.0, 6.5))
    both = land(date(2025, 6, 2))
    assert (both.partitions, both.loaded_count) == (("2025-05", "2025-06"), 3)
    assert (costs(lake, "2025-05"), costs(lake, "2025-06")) == ([5.0], [6.0, 6.5])


def test_a_period_not_delivered_yet_is_missing_and_no_error(deliver, land, lake):
    deliver("2025-05", a=lines(5.0))
    outcome = land(date(2025, 6, 7))
    assert (outcome.status, outcome.partitions, outcome.error) == ("missing", (), None)
    assert lake.current("billing") == {}


def test_an_export_that_is_not_there_at_all_names_the_settings(land, settings):
    with pytest.raises(SourceMissing, match="AI_FINOPS_BILLING_EXPORT"):
        land()


@pytest.mark.parametrize("day", [JUNE_15, date(2025, 6, 2)])
def test_a_missing_bucket_is_named_and_no_object_of_it(land, settings, day):
    said = "^the bucket no-such-bucket does not exist; correct AI_FINOPS_BILLING_BUCKET$"
    with pytest.raises(SourceMissing, match=said):
        land(day, settings=replace(settings, billing_bucket="no-such-bucket"))


def test_a_file_that_the_manifest_names_and_is_not_there(deliver, land, lake, clients, settings):
    deliver(a=lines(1.0))
    land()
    deliver(a=lines(2.0), b=lines(3.0), execution="e-2")
    clients["s3"].delete_object(Bucket=settings.billing_bucket, Key=DATA.format("2025-06", "b"))
    with pytest.raises(SourceBroken, match=r"b\.snappy\.parquet is named by the manifest"):
        land()
    assert costs(lake) == [1.0]


def test_a_missing_column_is_named_and_the_old_version_stays(deliver, land, lake):
    deliver(a=lines(1.0))
    land()
    deliver(a=lines(2.0), b=lines(3.0).drop_columns(["line_item_usage_amount"]), execution="e-2")
    with pytest.raises(SourceBroken, match=r"b\.snappy\.parquet has no column line_item_usage_amount"):
        land()
    assert costs(lake) == [1.0]


def test_a_renamed_column_is_named(deliver, land):
    names = [name.replace("unblended_cost", "unblended_costs") for name in EXPORT_SCHEMA.names]
    deliver(a=lines(1.0).rename_columns(names))
    with pytest.raises(SourceBroken, match="has no column line_item_unblended_cost;"):
        land()


def test_a_column_of_another_type_is_named(deliver, land):
    place = EXPORT_SCHEMA.get_field_index("line_item_unblended_cost")
    deliver(a=lines(1.0).set_column(place, "line_item_unblended_cost", pa.array(["a lot"])))
    with pytest.raises(SourceBroken, match="column line_item_unblended_cost is string"):
        land()


def test_optional_columns_may_be_missing(deliver, land, lake):
    deliver(a=lines(1.0).drop_columns(list(cur_export.OPTIONAL_COLUMNS)))
    land()
    assert landed(lake)["line_item_iam_principal"].to_pylist() == [None]
    assert landed(lake)["resource_tags"].to_pylist() == [None]


def test_times_without_a_zone_are_utc(deliver, land, lake):
    place = EXPORT_SCHEMA.get_field_index("line_item_usage_start_date")
    naive = pa.array([datetime(2025, 6, 2, 3)], pa.timestamp("ns"))
    deliver(a=lines(1.0).set_column(place, "line_item_usage_start_date", naive))
    land()
    assert landed(lake)["line_item_usage_start_date"].to_pylist() == [datetime(2025, 6, 2, 3, tzinfo=UTC)]


@pytest.mark.parametrize(
    "manifest", [b"{", b"[]", b'{"dataFiles": 7}', b'{"files": []}', b'{"dataFiles": [1]}', b"\xff"]
)
def test_a_manifest_that_is_none_is_named(deliver, land, manifest):
    deliver(manifest=manifest)
    with pytest.raises(SourceBroken, match=r"ai-finops-Manifest\.json is not a manifest"):
        land()


def test_a_manifest_that_names_another_bucket_is_refused(deliver, land):
    deliver(manifest=b'{"dataFiles": ["s3://elsewhere/a.parquet"]}')
    with pytest.raises(SourceBroken, match=r"s3://elsewhere/a\.parquet"):
        land()


def test_a_manifest_may_name_keys_without_the_bucket(deliver, land, lake):
    deliver(a=lines(4.0))
    deliver(manifest=json.dumps({"dataFiles": [DATA.format("2025-06", "a")]}).encode())
    land()
    assert costs(lake) == [4.0]


def test_half_a_parquet_file_is_named(deliver, land):
    deliver(a=b"PAR1 and no more")
    with pytest.raises(SourceBroken, match=r"a\.snappy\.parquet is not a readable Parquet file"):
        land()


def test_a_format_that_is_not_read_is_named(deliver, land):
    deliver(manifest=b'{"dataFiles": ["cur/ai-finops/data/a.csv.gz"]}')
    with pytest.raises(SourceBroken, match=r"a\.csv\.gz is none of \.parquet"):
        land()


def test_an_export_replaced_while_it_is_read_is_tried_again_later(deliver, land, lake, monkeypatch):
    deliver(a=lines(1.0))
    read = cur_export.read_lines

    def read_slowly(*args, **names):
        table = read(*args, **names)
        deliver(a=lines(2.0), execution="e-2")
        return table

    monkeypatch.setattr(cur_export, "read_lines", read_slowly)
    with pytest.raises(SourceUnavailable, match="delivered anew"):
        land()
    assert lake.current("billing") == {}


def test_from_lines_to_none_only_when_allowed(deliver, land, lake):
    deliver(a=lines(1.0))
    land()
    deliver(a=lines(), execution="e-2")
    with pytest.raises(SourceBroken, match="billing 2025-06 had 1 rows"):
        land()
    assert costs(lake) == [1.0]
    assert land(allow_empty=True).status == "empty"
    assert costs(lake) == []


def test_refused_credentials_name_the_permission(land, stand_in_aws):
    stand_in_aws.answer = lambda path, number: s3_error("AccessDenied", 403)
    with pytest.raises(SourceForbidden, match="s3:GetObject"):
        land(clients=stand_in_aws.clients)
