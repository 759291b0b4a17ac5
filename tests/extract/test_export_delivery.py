"""Finding the newest complete delivery of a period, against the local AWS over HTTP."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ai_finops.errors import SourceBroken, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract.export_delivery import Place, find_delivery, open_file, require_unchanged
from tests.extract.exports import EXECUTIONS, Exporter
from tests.extract.stand_in import Answer, s3_error

ONE = {"f00001_snappy_parquet": b"one"}
TWO = {"f00001_snappy_parquet": b"two", "f00002_snappy_parquet": b"three"}


@pytest.fixture
def place(settings) -> Place:
    return Place(
        bucket=settings.billing_bucket, prefix="/cur/", name="bill", settings="AI_FINOPS_BILLING", has_legacy=True
    )


@pytest.fixture
def exporter(clients, place) -> Exporter:
    return Exporter(clients["s3"], place.bucket, root="cur/bill/", name="bill")


@pytest.fixture
def find(clients, place):
    return lambda period="2025-06", place=place: find_delivery(clients["s3"], period=period, place=place)


@pytest.fixture
def content(clients, tmp_path):
    def content(delivery) -> list[bytes]:
        files = [open_file(clients["s3"], key, delivery=delivery, folder=tmp_path) for key in delivery.keys]
        return [file.read() for file in files]

    return content


def test_overwritten_files_are_those_of_the_manifest(exporter, find, content):
    keys = exporter.overwrite(**TWO)
    exporter.put(exporter.data_key("00003.snappy.parquet"), b"emptied by a smaller refresh, or not delivered whole")
    delivery = find()
    assert (delivery.period, delivery.id, delivery.keys) == ("2025-06", "e-1", tuple(keys))
    assert content(delivery) == [b"two", b"three"]
    assert delivery.manifest_key == "cur/bill/metadata/BILLING_PERIOD=2025-06/bill-Manifest.json"


def test_of_several_executions_the_newest_counts(exporter, find, content):
    exporter.create_new(1, **ONE)
    exporter.create_new(2, **TWO)
    assert content(find()) == [b"two", b"three"]
    assert all(EXECUTIONS[2] in key for key in find().keys)


def test_an_execution_without_a_manifest_is_still_under_way(exporter, find, content):
    exporter.create_new(1, **ONE)
    exporter.put(exporter.data_key("00001.snappy.parquet", execution=2), b"more to come")
    assert content(find()) == [b"one"]


def test_without_the_periods_own_manifest_the_newest_executions_is_taken(exporter, find, content):
    for execution, files in ((2, TWO), (1, ONE)):  # delivered in this order: what counts is when, not the folder's name
        exporter.create_new(execution, **files)
    exporter.delete(exporter.manifest_key())
    assert find().manifest_key == find_newest(exporter)


def find_newest(exporter) -> str:
    """The execution's manifest that S3 says is newest; of the same second the one whose folder is later."""
    listed = exporter.s3.list_objects_v2(Bucket=exporter.bucket, Prefix="cur/bill/metadata/")["Contents"]
    return max(listed, key=lambda item: (item["LastModified"], item["Key"]))["Key"]


def test_focus_exports_write_the_folder_in_lower_case(exporter, find, content):
    exporter.folder = "billing_period={}"
    exporter.create_new(1, **ONE)
    assert content(find()) == [b"one"]


def test_the_guides_short_name_of_the_manifest_is_read_too(exporter, find, content):
    keys = [exporter.put(exporter.data_key("00001.snappy.parquet"), b"one")]
    exporter.manifest(keys, key="cur/bill/metadata/BILLING_PERIOD=2025-06/Manifest.json")
    assert content(find()) == [b"one"]
    exporter.overwrite(**TWO)  # and the full name goes before it
    assert content(find()) == [b"two", b"three"]


def test_a_period_or_an_export_that_is_not_there(exporter, find, place):
    assert find() is None
    exporter.overwrite("2025-05", **ONE)
    assert find() is None
    assert find("2025-05") is not None
    assert find("2025-05", place=replace(place, name="bil")) is None


def test_an_export_at_the_top_of_its_bucket(clients, place, find, content):
    Exporter(clients["s3"], place.bucket, root="bill/", name="bill").overwrite(**ONE)
    assert content(find(place=replace(place, prefix=""))) == [b"one"]


@pytest.mark.parametrize("deliver", ["overwrite", "create_new", "legacy"])
def test_without_a_prefix_keys_may_begin_with_a_slash(clients, place, find, content, deliver):
    exporter = Exporter(clients["s3"], place.bucket, root="/bill/", name="bill")
    arguments = (1,) if deliver == "create_new" else ()
    keys = getattr(exporter, deliver)(*arguments, **ONE)
    assert keys[0].startswith("/bill/")
    assert content(find(place=replace(place, prefix=""))) == [b"one"]
    assert find(place=replace(place, prefix="cur")) is None


def test_a_legacy_report_is_found_by_its_dates(exporter, find, content, place):
    exporter.legacy(assembly="20250614T060000Z", f1_csv_gz=b"old")
    keys = exporter.legacy(assembly="20250615T060000Z", f1_csv_gz=b"one", f2_csv_gz=b"two")
    delivery = find()
    assert (delivery.id, delivery.keys) == ("20250615T060000Z", tuple(keys))
    assert content(delivery) == [b"one", b"two"]
    assert find(place=replace(place, has_legacy=False)) is None


@pytest.mark.parametrize(
    "folder", ["cur/bill/20250601-20250630/", "cur/bill/bill/year=2025/month=6/", "cur/bill/bill/year=2025/month=06/"]
)
def test_a_legacy_report_in_the_other_places_that_are_known(exporter, find, content, folder):
    exporter.legacy(folder=folder, f00001_snappy_parquet=b"one")
    assert content(find()) == [b"one"]


def test_a_data_export_goes_before_a_legacy_report_of_the_same_name(exporter, find, content):
    exporter.legacy(f1_csv_gz=b"old")
    exporter.overwrite(**ONE)
    assert content(find()) == [b"one"]


def test_a_file_that_is_missing_is_named(exporter, find, content):
    keys = exporter.overwrite(**TWO)
    exporter.delete(keys[1])
    with pytest.raises(SourceBroken, match=r"bill-00002\.snappy\.parquet is named by the manifest and is not there"):
        content(find())


def test_a_file_newer_than_the_manifest_belongs_to_the_next_refresh(exporter, find, content):
    exporter.overwrite(**ONE)
    delivery = find()
    listed = exporter.s3.list_objects_v2(Bucket=exporter.bucket, Prefix=delivery.manifest_key)["Contents"][0]
    assert delivery.not_newer_than == listed["LastModified"]
    assert content(delivery) == [b"one"]
    # S3 counts in whole seconds, so the manifest is made older instead of waiting for one.
    older = replace(delivery, not_newer_than=datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(SourceUnavailable, match=r"bill-00001\.snappy\.parquet is newer than the manifest .* under way"):
        content(older)


def test_nothing_is_known_of_the_order_in_which_legacy_files_are_written(exporter, find):
    exporter.legacy(f1_csv_gz=b"one")
    assert find().not_newer_than is None


@pytest.mark.parametrize("how", ["another id", "another file", "gone"])
def test_a_manifest_that_changes_while_its_files_are_read(exporter, find, clients, place, how):
    exporter.overwrite(**ONE)
    delivery = find()
    require_unchanged(clients["s3"], delivery, place=place)
    if how == "another id":
        exporter.overwrite(execution_id="e-2", **ONE)
    elif how == "another file":
        exporter.overwrite(**TWO)
    else:
        exporter.delete(delivery.manifest_key)
    with pytest.raises(
        SourceUnavailable, match=r"2025-06 was delivered anew while s3://.*bill-Manifest\.json was read"
    ):
        require_unchanged(clients["s3"], delivery, place=place)


@pytest.mark.parametrize(
    "manifest",
    [
        b"{",
        b"[]",
        b'"reportKeys"',
        b'{"dataFiles": 7}',
        b'{"files": []}',
        b'{"dataFiles": [1]}',
        b"\xff",
        b"",
        b'{"reportKeys": null}',
    ],
)
def test_a_manifest_that_is_none_is_named(exporter, find, manifest):
    exporter.put(exporter.manifest_key(), manifest)
    with pytest.raises(SourceBroken, match=r"s3://.*/bill-Manifest\.json is not a manifest"):
        find()


def test_a_manifest_that_names_another_bucket(exporter, find, place):
    exporter.put(exporter.manifest_key(), b'{"dataFiles": ["s3://elsewhere/a.parquet"]}')
    with pytest.raises(
        SourceBroken,
        match=rf"names s3://elsewhere/a\.parquet, which is not in the bucket {place.bucket}.*AI_FINOPS_BILLING_BUCKET",
    ):
        find()


def test_a_legacy_manifest_of_another_bucket(exporter, find):
    exporter.legacy(bucket="elsewhere", f1_csv_gz=b"one")
    with pytest.raises(SourceBroken, match=r"names s3://elsewhere/cur/bill/20250601-20250701/.*-1\.csv\.gz"):
        find()


def test_a_manifest_may_name_keys_without_the_bucket(exporter, find, content):
    key = exporter.put(exporter.data_key("00001.snappy.parquet"), b"one")
    exporter.put(exporter.manifest_key(), json.dumps({"dataFiles": [key]}).encode())
    assert content(find()) == [b"one"]


def test_a_manifest_that_names_a_file_twice_would_count_it_twice(exporter, find):
    key = exporter.put(exporter.data_key("00001.snappy.parquet"), b"one")
    exporter.manifest([key, key])
    with pytest.raises(SourceBroken, match=r"names cur/bill/data/.*00001\.snappy\.parquet twice"):
        find()


def test_a_manifest_without_files(exporter, find):
    exporter.manifest([])
    assert find().keys == ()


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (s3_error("AccessDenied", 403), SourceForbidden, "s3:ListBucket on arn:aws:s3:::"),
        (s3_error("ExpiredToken", 400), SourceForbidden, "ExpiredToken"),
        (s3_error("NoSuchBucket", 404), SourceMissing, "does not exist"),
        (s3_error("SlowDown", 503), SourceUnavailable, "SlowDown to every attempt; try again later"),
        (s3_error("InternalError", 500), SourceUnavailable, "InternalError to every attempt"),
    ],
)
def test_what_s3_answers_is_said_in_one_sentence(stand_in_aws, place, answer, error, said):
    stand_in_aws.answer = lambda path, number: answer
    with pytest.raises(error, match=said):
        find_delivery(stand_in_aws.clients["s3"], period="2025-06", place=place)


def test_a_data_file_that_may_not_be_read_names_it_and_the_permission(stand_in_aws, find, exporter, tmp_path):
    exporter.overwrite(**ONE)
    delivery = find()
    stand_in_aws.answer = lambda path, number: s3_error("AccessDenied", 403)
    with pytest.raises(SourceForbidden, match=r"00001\.snappy\.parquet: access was refused.*allow s3:GetObject on"):
        open_file(stand_in_aws.clients["s3"], delivery.keys[0], delivery=delivery, folder=tmp_path)


def test_a_connection_that_breaks_off_in_the_middle_is_tried_again(stand_in_aws, find, exporter, tmp_path):
    exporter.overwrite(**ONE)
    delivery = find()
    whole = b"x" * 10_000
    stand_in_aws.answer = lambda path, number: Answer(body=whole, cut_after=None if number else 5000)
    with open_file(stand_in_aws.clients["s3"], delivery.keys[0], delivery=delivery, folder=tmp_path) as file:
        assert file.read() == whole
