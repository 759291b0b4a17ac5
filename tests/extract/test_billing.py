"""Landing the bill, against the local AWS over HTTP."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.errors import LakeError, SourceBroken, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract import billing, export_landing, export_writer
from ai_finops.lake_schemas import INVOICE_TOTALS, LINE_ITEMS
from tests.extract.exports import (
    CUR_SCHEMA,
    EC2,
    Exporter,
    csv_bytes,
    cur_line,
    gzipped,
    legacy_row,
    parquet_bytes,
    zipped,
)
from tests.extract.stand_in import s3_error

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
JUNE_20 = date(2025, 6, 20)


@pytest.fixture
def exporter(clients, settings) -> Exporter:
    return Exporter(clients["s3"], settings.billing_bucket, root="cur/ai-finops/", name="ai-finops")


@pytest.fixture
def land(clients, settings, lake):
    def land(day=JUNE_20, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": clients, "as_of": date(2025, 6, 21)}
        return billing.land(day, **arguments | changes)

    return land


def parquet(*lines: dict, **changes) -> bytes:
    return parquet_bytes([line | changes for line in lines])


def costing(*costs, **changes) -> bytes:
    return parquet_bytes([cur_line(cost, **changes) for cost in costs])


def landed(lake, table: str = "line_items", period: str = "2025-06") -> pa.Table:
    return pq.read_table(lake.current_version("billing", period).file(table), partitioning=None)


def costs(lake, period: str = "2025-06") -> list[Decimal]:
    return landed(lake, period=period)["line_item_unblended_cost"].to_pylist()


def totals(lake, *names: str) -> list[tuple]:
    return [tuple(row[name] for name in names) for row in landed(lake, "invoice_totals").to_pylist()]


def test_all_lines_of_all_files_are_landed(exporter, land, lake):
    keys = exporter.overwrite(f00001_snappy_parquet=costing(1.5, -0.25), f00002_snappy_parquet=costing(3.0))
    outcome = land()
    assert (outcome.status, outcome.read_count, outcome.loaded_count, outcome.ignored_count) == ("loaded", 3, 3, 0)
    assert outcome.partitions == ("2025-06",)
    assert outcome.api_call_count == 5  # the list of manifests, the manifest before and after, and two files
    assert outcome.bytes_read > 1000
    table = landed(lake)
    assert table.schema.names == LINE_ITEMS.names
    row = table.to_pylist()[2]
    assert row["line_item_unblended_cost"] == 3
    assert row["line_item_usage_start_date"] == datetime(2025, 6, 2, tzinfo=UTC)
    assert row["bill_payer_account_id"] == "012345678901"
    assert dict(row["product"]) == {"product_name": "Amazon Bedrock", "region": "us-east-1"}
    assert dict(row["resource_tags"]) == {"user_feature": "search"}
    assert (row["billing_period"], row["object_key"]) == ("2025-06", keys[1])


LINES = [
    cur_line(
        "0.10",
        line_item_usage_amount="1.5",
        bill_invoice_id="in-1",
        tags=[("iamPrincipal/team", "a,b"), ("resourceTags/x", 'q"')],
    ),
    cur_line(
        "-0.000000000002",
        line_item_line_item_type="Credit",
        pricing_unit=None,
        resource_tags=[],
        product=[("product_name", "Amazon Bedrock")],
    ),
    cur_line(
        "12345678.9",
        line_item_iam_principal="arn:aws:iam::1:role/a",
        bill_billing_entity="AWS Marketplace",
        line_item_product_code="abc",
    ),
]
AS_DOUBLES = [
    line
    | {
        "line_item_unblended_cost": float(line["line_item_unblended_cost"]),
        "line_item_usage_amount": float(line["line_item_usage_amount"]),
    }
    for line in LINES
]
AS_CSV = csv_bytes(LINES, names=CUR_SCHEMA.names)
UNCLOSED = csv_bytes(LINES, names=sorted(CUR_SCHEMA.names, key=lambda name: name == "product"))[:-2]
"""The last line's last value has lost its quote."""


@pytest.mark.parametrize(
    "files",
    [
        {"f00001_csv_gz": gzipped(AS_CSV)},
        {"f00001_csv": AS_CSV},
        {"f00001_csv_zip": zipped(AS_CSV)},
    ],
)
def test_every_format_gives_the_same_lines(exporter, land, lake, files):
    exporter.overwrite(f00001_snappy_parquet=parquet_bytes(AS_DOUBLES))
    land()
    from_parquet = landed(lake).drop_columns(["object_key"])
    exporter.overwrite(execution_id="e-2", **files)
    assert land().loaded_count == 3
    assert landed(lake).drop_columns(["object_key"]).to_pylist() == from_parquet.to_pylist()
    assert costs(lake) == [Decimal("0.10"), Decimal("-0.000000000002"), Decimal("12345678.9")]


def test_a_csv_amount_keeps_the_digits_that_a_double_would_lose(exporter, land, lake):
    exporter.overwrite(
        f00001_csv_gz=gzipped(csv_bytes([cur_line("90071992547409.930000000001")], names=CUR_SCHEMA.names))
    )
    land()
    assert costs(lake) == [Decimal("90071992547409.930000000001")]
    assert landed(lake, "invoice_totals")["line_item_unblended_cost"].to_pylist() == costs(lake)


def test_create_new_lands_the_newest_execution_alone(exporter, land, lake):
    exporter.create_new(1, f00001_snappy_parquet=costing(1.0, 2.0))
    land()
    keys = exporter.create_new(2, f00001_snappy_parquet=costing(7.0))
    land()
    assert costs(lake) == [7]
    assert landed(lake, "objects")["object_key"].to_pylist() == keys
    exporter.put(exporter.data_key("00001.snappy.parquet", execution=3), costing(9.0))  # no manifest yet
    assert land().loaded_count == 1
    assert lake.current_version("billing", "2025-06").number == 2


def test_a_legacy_report_lands_in_the_same_columns(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=parquet_bytes(AS_DOUBLES))
    land()
    modern = landed(lake).drop_columns(["object_key"]).to_pylist()
    for key in list(exporter.put_keys):
        exporter.delete(key)
    rows = [legacy_row(line) for line in LINES]
    names = sorted({name for row in rows for name in row})
    for ending, pack in (("csv_gz", gzipped), ("csv_zip", zipped)):
        exporter.legacy(assembly=ending, **{f"f1_{ending}": pack(csv_bytes(rows, names=names))})
        land()
        legacy = landed(lake).drop_columns(["object_key"]).to_pylist()
        # A legacy report knows neither callers nor the column `tags`.
        assert legacy == [row | {"line_item_iam_principal": None, "tags": None} for row in modern]


def test_a_legacy_report_in_parquet_has_flat_columns_under_the_lakes_names(exporter, land, lake):
    flat = pa.table(
        {
            **{name: pa.array([value]) for name, value in cur_line(2.5).items() if not isinstance(value, list)},
            "product_product_name": ["Amazon Bedrock"],
            "product_region": ["us-east-1"],
            "resource_tags_user_feature": ["search"],
            "cost_category_team": ["docs"],
        }
    )
    exporter.legacy(folder="cur/ai-finops/ai-finops/year=2025/month=6/", f00001_snappy_parquet=parquet_bytes(flat))
    land()
    (row,) = landed(lake).to_pylist()
    assert dict(row["product"]) == {"product_name": "Amazon Bedrock", "region": "us-east-1"}
    assert (row["resource_tags"], row["cost_category"]) == ([("user_feature", "search")], [("team", "docs")])


def test_the_recorded_report_with_json_maps(exporter, land, lake):
    exporter.overwrite(
        "2024-04", f00001_csv_gz=gzipped((FIXTURES / "cur_snake_case" / "aws_cost_report.csv").read_bytes())
    )
    outcome = land(date(2024, 4, 20), as_of=date(2024, 4, 21))
    # Without a product code nobody can tell that a line does not concern AI.
    assert (outcome.read_count, outcome.loaded_count) == (20, 20)
    rows = landed(lake, period="2024-04").to_pylist()
    assert dict(rows[0]["product"]) == {"product_name": "AWS Data Transfer"}
    tagged = [dict(row["resource_tags"]) for row in rows if row["resource_tags"]]
    assert {
        "user_department": "engineering",
        "user_owner": "me@me.com",
        "user_team": "cook",
        "user_unique_name": "me.i-0ce8686360a58c8c7",
    } in tagged
    assert len(tagged) == 3
    assert {row["line_item_usage_account_name"] for row in rows} == {"Testing Eng"}


ALL_MAPS = {
    "product": [("product_name", "Claude 3 Haiku (Amazon Bedrock Edition)")],
    "discount": [("edp_discount", 0.25)],
    "resource_tags": [("user_feature", "search")],
    "cost_category": [("team", "docs")],
    "tags": [
        ("resourceTags/feature", "a"),
        ("userAttribute/dept", "b"),
        ("accountTag/env", "c"),
        ("costCategory/team", "d"),
        ("iamPrincipal/owner", "e"),
    ],
}


@pytest.mark.parametrize("form", ["map", "struct", "json"])
def test_maps_and_principal_and_commitments_reach_the_lake_in_every_form(exporter, land, lake, form):
    line = cur_line(
        1.0,
        line_item_iam_principal="arn:aws:sts::111122223333:assumed-role/docs/session",
        savings_plan_savings_plan_a_r_n="arn:aws:savingsplans::1:savingsplan/x",
        savings_plan_savings_plan_effective_cost=0.75,
        reservation_effective_cost=0.5,
        reservation_reservation_a_r_n="arn:aws:bedrock:us-east-1:1:provisioned-model/y",
        line_item_net_unblended_cost=0.875,
    )
    if form == "json":
        body = {"f00001_csv_gz": gzipped(csv_bytes([line | ALL_MAPS], names=CUR_SCHEMA.names))}
    else:
        columns = {
            name: pa.array([value], CUR_SCHEMA.field(name).type) for name, value in line.items() if name not in ALL_MAPS
        }
        columns |= {
            name: pa.array([value], pa.map_(pa.string(), pa.float64() if name == "discount" else pa.string()))
            if form == "map"
            else pa.array([dict(value)])
            for name, value in ALL_MAPS.items()
        }
        body = {"f00001_snappy_parquet": parquet_bytes(pa.table(columns))}
    exporter.overwrite(**body)
    land()
    (row,) = landed(lake).to_pylist()
    assert {name: row[name] for name in ALL_MAPS} == ALL_MAPS | {"discount": [("edp_discount", "0.25")]}
    assert row["line_item_iam_principal"] == "arn:aws:sts::111122223333:assumed-role/docs/session"
    assert row["savings_plan_savings_plan_effective_cost"] == Decimal("0.75")
    assert row["reservation_effective_cost"] == Decimal("0.5")
    assert row["reservation_reservation_a_r_n"].endswith("provisioned-model/y")
    assert row["line_item_net_unblended_cost"] == Decimal("0.875")


def test_lines_that_cannot_concern_ai_are_counted_and_summed_and_left_out(exporter, land, lake):
    exporter.overwrite(
        f00001_snappy_parquet=parquet(
            cur_line(1.25, bill_invoice_id="in-1"),
            cur_line(0.10, bill_invoice_id="in-1", **EC2),
            cur_line(0.20, bill_invoice_id="in-1", **EC2),
            cur_line(-0.5, bill_invoice_id="in-1", line_item_line_item_type="Credit"),
        ),
        f00002_snappy_parquet=parquet(
            cur_line(0.30, **EC2), cur_line(0.05, line_item_product_code="AWSSupportBusiness", product_servicecode=None)
        ),
    )
    outcome = land()
    assert (outcome.read_count, outcome.loaded_count, outcome.ignored_count) == (6, 3, 3)
    counts = ("read_count", "loaded_count", "ignored_count", "reason")
    assert [tuple(row[name] for name in counts) for row in landed(lake, "objects").to_pylist()] == [
        (4, 2, 2, export_landing.IGNORED),
        (2, 1, 1, export_landing.IGNORED),
    ]
    names = (
        "bill_invoice_id",
        "line_item_product_code",
        "line_item_line_item_type",
        "is_landed",
        "line_count",
        "line_item_unblended_cost",
    )
    assert sorted(totals(lake, *names), key=str) == sorted(
        [
            ("in-1", "AmazonBedrock", "Credit", True, 1, Decimal("-0.5")),
            ("in-1", "AmazonBedrock", "Usage", True, 1, Decimal("1.25")),
            ("in-1", "AmazonEC2", "Usage", False, 2, Decimal("0.3")),
            (None, "AWSSupportBusiness", "Usage", True, 1, Decimal("0.05")),
            (None, "AmazonEC2", "Usage", False, 1, Decimal("0.3")),
        ],
        key=str,
    )
    # The invoice: 1.25 + 0.10 + 0.20 - 0.50.
    assert sum(cost for invoice, *_, cost in totals(lake, *names) if invoice == "in-1") == Decimal("1.05")
    assert landed(lake, "invoice_totals").schema.names == INVOICE_TOTALS.names


def test_totals_do_not_depend_on_how_the_lines_are_cut_into_batches(exporter, land, lake, monkeypatch):
    lines = [
        cur_line(
            round(0.01 * number, 2),
            line_item_product_code=("AmazonBedrock", "AmazonEC2")[number % 2],
            product_servicecode=None,
        )
        for number in range(500)
    ]
    exporter.overwrite(f00001_csv_gz=gzipped(csv_bytes(lines, names=CUR_SCHEMA.names)))
    land()
    whole = landed(lake, "invoice_totals"), landed(lake)
    monkeypatch.setattr("ai_finops.extract.export_files.BLOCK_BYTES", 4096)
    monkeypatch.setattr("ai_finops.extract.export_totals._COMPACTED_AT", 3)
    monkeypatch.setattr(export_writer, "ROW_GROUP_ROWS", 50)
    exporter.overwrite(f00001_csv_gz=gzipped(csv_bytes(lines, names=CUR_SCHEMA.names)), execution_id="e-2")
    land()
    assert (landed(lake, "invoice_totals"), landed(lake)) == whole
    assert pq.read_metadata(lake.current_version("billing", "2025-06").file("line_items")).num_row_groups == 5
    # The even ones: 0.02 x (0 + 1 + … + 249) = 622.50.
    assert sum(costs(lake)) == Decimal("622.5")


def test_a_new_delivery_replaces_the_whole_period(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0, 2.0))
    land()
    exporter.overwrite(f00001_snappy_parquet=costing(7.0), execution_id="e-2")
    land(date(2025, 6, 21), as_of=date(2025, 6, 22))
    assert costs(lake) == [7]
    assert lake.current_version("billing", "2025-06").number == 2


def test_the_same_delivery_read_on_another_day_is_no_new_version(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0), f00002_csv_gz=gzipped(AS_CSV))
    land(date(2025, 6, 19))
    version = lake.current_version("billing", "2025-06")
    land(date(2025, 6, 20))
    assert lake.current_version("billing", "2025-06") == version


@pytest.mark.parametrize(
    ("day", "periods"),
    [
        (date(2025, 6, 1), ["2025-05", "2025-06"]),
        (date(2025, 6, 14), ["2025-05", "2025-06"]),
        (date(2025, 6, 15), ["2025-06"]),
        (date(2025, 1, 3), ["2024-12", "2025-01"]),
    ],
)
def test_for_two_weeks_the_period_before_is_read_again(day, periods):
    assert export_landing.periods_of(day) == periods


def test_both_periods_are_landed_and_a_missing_one_is_left_out(exporter, land, lake):
    may = datetime(2025, 5, 1, tzinfo=UTC)
    exporter.overwrite("2025-05", f00001_snappy_parquet=costing(5.0, bill_billing_period_start_date=may))
    early = land(date(2025, 6, 2))
    assert (early.status, early.partitions, early.loaded_count) == ("loaded", ("2025-05",), 1)
    exporter.overwrite("2025-06", f00001_snappy_parquet=costing(6.0, 6.5))
    both = land(date(2025, 6, 2))
    assert (both.partitions, both.loaded_count) == (("2025-05", "2025-06"), 3)
    assert (costs(lake, "2025-05"), costs(lake, "2025-06")) == ([5], [6, 6.5])


def test_a_broken_period_does_not_hold_the_other_one_back(exporter, land, lake):
    exporter.overwrite("2025-05", f00001_snappy_parquet=costing(5.0))  # its lines say June
    exporter.overwrite("2025-06", f00001_snappy_parquet=costing(6.0))
    with pytest.raises(SourceBroken, match="says 2025-06-01 in the delivery of 2025-05"):
        land(date(2025, 6, 2))
    assert list(lake.current("billing")) == ["2025-06"]
    assert costs(lake) == [6]


def test_nothing_is_called_that_is_not_permitted(exporter, land, clients):
    called = set()
    clients["s3"].meta.events.register("before-call.s3", lambda model, **_: called.add(model.name))
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    called.clear()
    for day in (JUNE_20, date(2025, 7, 20), date(2025, 6, 2)):
        land(day)
    actions = {"ListObjectsV2": "s3:ListBucket", "GetObject": "s3:GetObject"}
    assert {actions[name] for name in called} == {action for action, _ in billing.PERMISSIONS}
    assert [resource.format(bucket="b") for _, resource in billing.PERMISSIONS] == [
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/*",
    ]


def test_a_period_not_delivered_yet_is_missing_and_no_error(exporter, land, lake):
    exporter.overwrite("2025-05", f00001_snappy_parquet=costing(5.0))
    outcome = land()
    assert (outcome.status, outcome.partitions, outcome.error) == ("missing", (), None)
    assert lake.current("billing") == {}


def test_an_export_that_is_not_there_at_all_names_the_settings(land):
    with pytest.raises(SourceMissing, match="AI_FINOPS_BILLING_PREFIX and AI_FINOPS_BILLING_EXPORT"):
        land()


@pytest.mark.parametrize("day", [JUNE_20, date(2025, 6, 2)])
def test_a_missing_bucket_is_named_and_no_object_of_it(land, settings, day):
    said = "^the bucket no-such-bucket does not exist; correct AI_FINOPS_BILLING_BUCKET$"
    with pytest.raises(SourceMissing, match=said):
        land(day, settings=replace(settings, billing_bucket="no-such-bucket"))


@pytest.fixture
def broken(exporter, land, lake):
    """Deliver what is broken over a good delivery; return what is said, and see that the good one stays."""

    def broken(*, error=SourceBroken, **files: bytes) -> str:
        exporter.overwrite(f00001_snappy_parquet=costing(1.0))
        land()
        version = lake.current_version("billing", "2025-06")
        exporter.overwrite(execution_id="e-2", **files)
        with pytest.raises(error) as raised:
            land()
        assert lake.current_version("billing", "2025-06") == version
        assert costs(lake) == [1]
        return str(raised.value)

    return broken


def changed(**columns) -> bytes:
    """A good file but for the columns given: another array, or None for a column that is not there."""
    table = pa.Table.from_pylist([cur_line(2.0)], CUR_SCHEMA)
    for name, array in columns.items():
        place = table.schema.get_field_index(name)
        table = table.remove_column(place) if array is None else table.set_column(place, name, array)
    return parquet_bytes(table)


def test_a_missing_column_is_named(broken):
    said = broken(f00001_snappy_parquet=costing(2.0), f00002_snappy_parquet=changed(line_item_usage_amount=None))
    assert "ai-finops-00002.snappy.parquet has no column line_item_usage_amount" in said


def test_a_renamed_column_is_named(broken):
    names = [name.replace("unblended_cost", "unblended_costs") for name in CUR_SCHEMA.names]
    table = pa.Table.from_pylist([cur_line(2.0)], CUR_SCHEMA).rename_columns(names)
    assert "has no column line_item_unblended_cost" in broken(f00001_snappy_parquet=parquet_bytes(table))


def milliseconds(number: int) -> pa.Array:
    return pa.array([number], pa.timestamp("ms"))


COST, START, END = "line_item_unblended_cost", "line_item_usage_start_date", "line_item_usage_end_date"
ACCOUNT, PERIOD = "line_item_usage_account_id", "bill_billing_period_start_date"


@pytest.mark.parametrize(
    ("column", "array", "said"),
    [
        (COST, pa.array(["a lot"]), "holds 'a lot', which is not a number"),
        (COST, pa.array([True]), "is bool and not a number"),
        (COST, pa.array([float("nan")]), "holds 'nan'"),
        ("line_item_usage_amount", pa.array(["12.5 GB"]), "holds '12.5 GB'"),
        (ACCOUNT, pa.array([111122223333]), "is int64 and not text"),
        ("product", pa.array(["Bedrock"]), "holds 'Bedrock', which is not a JSON object"),
        ("resource_tags", pa.array([7]), "is int64 and not a map"),
        (START, pa.array([1748822400]), "is int64 and not a time"),
        # Seconds said to be milliseconds, and microseconds said to be so.
        (START, milliseconds(1748822400), "holds the time 1748822400000 microseconds after 1970"),
        (END, milliseconds(1748822400000000), "holds the time 1748822400000000000 microseconds after 1970"),
        (PERIOD, milliseconds(1748736000), "holds the time 1748736000000 microseconds after 1970"),
        (PERIOD, pa.array([date(2025, 5, 1)]), "says 2025-05-01 in the delivery of 2025-06"),
    ],
)
def test_a_column_of_another_type_or_unit_is_named(broken, column, array, said):
    message = broken(f00001_snappy_parquet=costing(2.0), f00002_snappy_parquet=changed(**{column: array}))
    assert f"ai-finops-00002.snappy.parquet: column {column} {said}" in message


def test_a_cost_that_cannot_be_read_breaks_the_bill_also_where_its_line_would_be_left_out(broken):
    rows = csv_bytes([cur_line("2.0"), cur_line("0.1 USD", **EC2)], names=CUR_SCHEMA.names)
    assert "column line_item_unblended_cost holds '0.1 USD'" in broken(f00001_csv_gz=gzipped(rows))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (UNCLOSED, "a quote is opened and never closed"),
        (AS_CSV.replace(b",", b";"), "is it separated by commas?"),
        (AS_CSV.decode().replace("Bedrock", "Bédrock").encode("latin-1"), "invalid UTF8"),
        (AS_CSV.decode().encode("utf-16"), "header is not UTF-8"),
        (AS_CSV + b"1,2,3\n", "Expected "),
        (
            AS_CSV.replace(b"2025-06-02T00:00:00.000Z", b"06/02/2025"),
            "column line_item_usage_start_date holds a value that is not a time",
        ),
    ],
)
def test_csv_that_cannot_be_read_names_the_file(broken, body, said):
    message = broken(f00001_snappy_parquet=costing(2.0), f00002_csv_gz=gzipped(body))
    assert "ai-finops-00002.csv.gz" in message
    assert said in message


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"f00002_csv_gz": gzipped(AS_CSV)[:-9]}, "00002.csv.gz cannot be read: Truncated"),
        ({"f00002_snappy_parquet": b"PAR1 and no more"}, "00002.snappy.parquet cannot be read"),
        ({"f00002_json_gz": b"{}"}, "00002.json.gz is none of .parquet, .csv.gz"),
    ],
)
def test_a_file_that_is_damaged_or_in_another_format_is_named(broken, files, said):
    assert said in broken(f00001_snappy_parquet=costing(2.0), **files)


def test_a_file_that_the_manifest_names_and_is_not_there(exporter, broken, monkeypatch):
    put = Exporter.put

    def lose_the_second(self, key, body):
        return key if key.endswith("00002.snappy.parquet") else put(self, key, body)

    monkeypatch.setattr(Exporter, "put", lose_the_second)
    said = broken(f00001_snappy_parquet=costing(2.0), f00002_snappy_parquet=costing(3.0))
    assert "00002.snappy.parquet is named by the manifest and is not there" in said


def test_a_newer_execution_that_is_not_whole_leaves_the_old_version(exporter, land, lake):
    exporter.create_new(1, f00001_snappy_parquet=costing(1.0))
    land()
    keys = exporter.create_new(2, f00001_snappy_parquet=costing(2.0), f00002_snappy_parquet=costing(3.0))
    exporter.delete(keys[1])
    with pytest.raises(SourceBroken, match=r"00000002-.*/ai-finops-00002\.snappy\.parquet is named by the manifest"):
        land()
    assert costs(lake) == [1]


def test_a_manifest_that_is_none_leaves_the_old_version(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    land()
    exporter.put(exporter.manifest_key(), b'{"dataFiles": ')
    with pytest.raises(SourceBroken, match=r"ai-finops-Manifest\.json is not a manifest"):
        land()
    assert costs(lake) == [1]


def test_an_export_replaced_while_it_is_read_is_tried_again_later(exporter, land, lake, monkeypatch):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    read = export_landing._read

    def read_slowly(*arguments, **names):
        lines = read(*arguments, **names)
        exporter.overwrite(f00001_snappy_parquet=costing(2.0), execution_id="e-2")
        return lines

    monkeypatch.setattr(export_landing, "_read", read_slowly)
    with pytest.raises(SourceUnavailable, match="delivered anew"):
        land()
    assert lake.current("billing") == {}


def test_optional_columns_may_be_missing(exporter, land, lake):
    names = ("line_item_iam_principal", "resource_tags", "tags", "bill_invoice_id", "product_servicecode")
    optional = dict.fromkeys(names)
    exporter.overwrite(f00001_snappy_parquet=changed(**optional))
    land()
    assert {name: landed(lake)[name].to_pylist() for name in optional} == {name: [None] for name in optional}


def test_times_without_a_zone_are_utc(exporter, land, lake):
    naive = pa.array([datetime(2025, 6, 2, 3)], pa.timestamp("ns"))
    exporter.overwrite(f00001_snappy_parquet=changed(line_item_usage_start_date=naive))
    land()
    assert landed(lake)["line_item_usage_start_date"].to_pylist() == [datetime(2025, 6, 2, 3, tzinfo=UTC)]


def test_a_part_that_was_emptied_and_is_still_named_has_no_lines(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0), f00002_snappy_parquet=b"", f00003_snappy_parquet=costing())
    assert land().loaded_count == 1
    assert landed(lake, "objects")["reason"].to_pylist() == [None, "an empty file", None]


@pytest.mark.parametrize("files", [{}, {"f00001_snappy_parquet": costing()}, {"f00001_csv_gz": gzipped(b"")}])
def test_a_period_without_lines_is_empty(exporter, land, lake, files):
    exporter.overwrite(**files)
    outcome = land()
    assert (outcome.status, outcome.partitions, outcome.read_count) == ("empty", ("2025-06",), 0)
    assert lake.current_version("billing", "2025-06").row_counts == {
        "line_items": 0,
        "invoice_totals": 0,
        "objects": len(files),
        "quarantine": 0,
    }


def test_a_period_of_which_nothing_concerns_ai_is_empty_and_still_counted(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=parquet(cur_line(0.5, **EC2)))
    outcome = land()
    assert (outcome.status, outcome.read_count, outcome.ignored_count) == ("empty", 1, 1)
    assert totals(lake, "line_item_product_code", "line_item_unblended_cost") == [("AmazonEC2", Decimal("0.5"))]


def test_from_lines_to_none_only_when_allowed(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    land()
    exporter.overwrite(f00001_snappy_parquet=costing(), execution_id="e-2")
    with pytest.raises(SourceBroken, match="billing 2025-06 had 1 rows"):
        land()
    assert costs(lake) == [1]
    assert land(allow_empty=True).status == "empty"
    assert costs(lake) == []


def test_a_lake_that_cannot_be_written_is_not_the_sources_fault(exporter, land, lake):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    (lake.root / "data").mkdir(parents=True)
    (lake.root / "data" / "billing").write_text("in the way")
    with pytest.raises(LakeError, match="could not write billing 2025-06"):
        land()
    (lake.root / "data" / "billing").unlink()
    assert land().loaded_count == 1


def test_a_full_disk_is_said_and_the_old_version_stays(exporter, land, lake, monkeypatch):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    land()
    exporter.overwrite(f00001_snappy_parquet=costing(2.0), execution_id="e-2")

    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", refuse)
    with pytest.raises(LakeError, match=r"could not write .*line_items\.parquet: .*No space left .* make room"):
        land()
    monkeypatch.undo()
    assert costs(lake) == [1]


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, SourceForbidden),
        ("ExpiredToken", 400, SourceForbidden),
        ("SlowDown", 503, SourceUnavailable),
    ],
)
def test_refusals_and_throttling_leave_the_old_version(
    exporter, land, lake, stand_in_aws, clients, code, status, error
):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    land(clients=clients)
    stand_in_aws.answer = lambda path, number: s3_error(code, status)
    with pytest.raises(error, match=code):
        land(clients=stand_in_aws.clients)
    assert costs(lake) == [1]


def test_nothing_is_left_behind_on_the_disk(exporter, land, broken, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("ai_finops.extract.s3_objects.IN_MEMORY_BYTES", 10)
    broken(f00001_snappy_parquet=costing(2.0), f00002_snappy_parquet=changed(line_item_usage_amount=None))
    assert list(folder.iterdir()) == []


def test_the_demos_own_export_is_read(exporter, land, lake):
    from ai_finops.demo.cur_columns import SCHEMA

    line = {name: value for name, value in cur_line(1.5).items() if name in SCHEMA.names}
    exporter.overwrite(f00001_snappy_parquet=parquet_bytes([line, line | EC2], schema=SCHEMA))
    outcome = land()
    assert (outcome.loaded_count, outcome.ignored_count) == (1, 1)
    assert costs(lake) == [Decimal("1.5")]


def test_json_of_the_outcome_is_readable(exporter, land):
    exporter.overwrite(f00001_snappy_parquet=costing(1.0))
    assert json.loads(land().to_json())["loaded_count"] == 1
