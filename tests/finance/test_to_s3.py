"""Files on a local S3 over HTTP: the manifest last, final versions never written over, a broken upload completed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace

import pytest

from ai_finops import aws
from ai_finops.demo.local_aws import local_aws
from ai_finops.errors import FinanceError, SettingsError, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.finance import export, finance_folder, to_s3
from tests.deployment_permission_guard import deployment_guard
from tests.extract.stand_in import s3_error, stand_in, use_endpoint
from tests.finance.worked_month import CLOSED, JULY, RESTATED, WORKED, A, B, Cell, Charge, FeatureCost

BUCKET = "finance-files"
FILES = ("ai_cost_2025-06.xlsx", "feature_costs.csv", "focus_costs.csv", "manifest.json")


@pytest.fixture(scope="module")
def aws_server():
    with local_aws() as running:
        yield running


@pytest.fixture
def settings(request, settings, monkeypatch, aws_server):
    """The deployment, with a bucket and a prefix of the test's own."""
    use_endpoint(monkeypatch, aws_server.endpoint)
    prefix = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    return replace(settings, finance_s3=f"s3://{BUCKET}/{prefix}/ai-cost")


@pytest.fixture(autouse=True)
def permission_guard(monkeypatch):
    """What is called is what `ai-finops permissions` allows."""
    with deployment_guard(monkeypatch) as guard:
        yield guard


@pytest.fixture
def s3(settings):
    client = aws.client("s3", settings=settings)
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def put_keys(monkeypatch):
    """The keys that are put, in order, below the prefix."""
    keys, client = [], aws.client

    def watched(*given, **named):
        made = client(*given, **named)
        made.meta.events.register(
            "provide-client-params.s3.PutObject", lambda params, **_: keys.append(params["Key"].split("/ai-cost/")[1])
        )
        return made

    monkeypatch.setattr(to_s3.aws, "client", watched)
    return keys


def keys_of(s3, settings) -> list[str]:
    prefix = settings.finance_s3.split("/", 3)[3]
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return [each["Key"].removeprefix(f"{prefix}/") for each in found]


def key(settings, name: str) -> dict:
    return {"Bucket": BUCKET, "Key": f"{settings.finance_s3.split('/', 3)[3]}/{name}"}


def current_of(s3, settings) -> dict:
    return json.loads(s3.get_object(**key(settings, "2025-06/current.json"))["Body"].read())


def test_a_provisional_month_is_put_with_its_checksums_and_the_manifest_last(settings, publish, s3, put_keys):
    publish(WORKED)
    *_, line = export(settings=settings)
    assert line == f"2025-06: put 5 files to {settings.finance_s3}/2025-06"
    assert put_keys == [*(f"2025-06/provisional/{name}" for name in FILES), "2025-06/current.json"]
    folder = (finance_folder(settings) / "2025-06" / "current").resolve()
    for name in FILES:
        found = s3.get_object(**key(settings, f"2025-06/provisional/{name}"), ChecksumMode="ENABLED")
        data = (folder / name).read_bytes()
        assert found["Body"].read() == data
        assert found["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    types = [s3.head_object(**key(settings, f"2025-06/provisional/{name}"))["ContentType"] for name in FILES]
    assert types == [to_s3._TYPES[".xlsx"], "text/csv; charset=utf-8", "text/csv; charset=utf-8", "application/json"]
    assert current_of(s3, settings)["set"] == "provisional"


def test_what_is_there_is_not_put_again(settings, publish, s3, put_keys):
    publish(WORKED)
    export(settings=settings)
    put_keys.clear()
    for _ in range(4):
        assert len(export(settings=settings)) == 1
    assert put_keys == []


def test_versions_are_put_beside_each_other_and_the_pointer_moves(settings, publish, s3, put_keys):
    publish(WORKED)
    export(settings=settings)
    publish(CLOSED)
    export(settings=settings)
    assert current_of(s3, settings) == {
        "set": "v1",
        "status": "final",
        "build_id": CLOSED.build_id,
        "manifest": "v1/manifest.json",
    }
    first = s3.get_object(**key(settings, "2025-06/v1/manifest.json"))["Body"].read()
    put_keys.clear()
    publish(RESTATED)
    export(settings=settings)
    assert put_keys == [*(f"2025-06/v2/{name}" for name in FILES), "2025-06/current.json"]
    assert current_of(s3, settings)["set"] == "v2"
    assert s3.get_object(**key(settings, "2025-06/v1/manifest.json"))["Body"].read() == first
    assert len(keys_of(s3, settings)) == 13


def test_a_broken_upload_is_completed_by_the_next_run(settings, publish, s3, put_keys):
    publish(CLOSED)
    export(settings=settings)
    for name in ("v1/focus_costs.csv", "v1/manifest.json", "current.json"):
        s3.delete_object(**key(settings, f"2025-06/{name}"))
    put_keys.clear()
    assert export(settings=settings)[-1].startswith("2025-06: put 3 files")
    assert put_keys == ["2025-06/v1/focus_costs.csv", "2025-06/v1/manifest.json", "2025-06/current.json"]


def test_a_final_file_that_was_deleted_there_is_put_again(settings, publish, s3, put_keys):
    publish(CLOSED)
    export(settings=settings)
    s3.delete_object(**key(settings, "2025-06/v1/feature_costs.csv"))
    put_keys.clear()
    assert export(settings=settings)[-1].startswith("2025-06: put 1 files")
    assert put_keys == ["2025-06/v1/feature_costs.csv"]


def test_a_final_file_that_was_changed_there_is_told_by_every_run(settings, publish, s3):
    """Of the older version as well, and beside a manifest that is the right one."""
    publish(CLOSED)
    export(settings=settings)
    publish(RESTATED)
    export(settings=settings)
    s3.put_object(**key(settings, "2025-06/v1/focus_costs.csv"), Body=b"other", ChecksumAlgorithm="SHA256")
    for _ in range(2):
        with pytest.raises(
            FinanceError, match=r"2025-06/v1/focus_costs\.csv holds other content than the final version"
        ):
            export(settings=settings)
    assert s3.get_object(**key(settings, "2025-06/v1/focus_costs.csv"))["Body"].read() == b"other"


def test_a_month_that_was_deleted_whole_is_not_made_another_one_there(settings, publish, s3):
    publish(CLOSED)
    export(settings=settings)
    shutil.rmtree(finance_folder(settings) / "2025-06")
    publish(RESTATED)
    with pytest.raises(FinanceError, match=r"2025-06/v1/\S+ holds other content than the final version here"):
        export(settings=settings)


@pytest.mark.parametrize("name", ["feature_costs.csv", "manifest.json"])
def test_a_final_version_that_is_another_one_there_is_not_written_over(settings, publish, s3, name):
    publish(CLOSED)
    if name != "manifest.json":
        s3.put_object(**key(settings, f"2025-06/v1/{name}"), Body=b"other")
    else:
        s3.put_object(**key(settings, f"2025-06/v1/{name}"), Body=b"{}")
    with pytest.raises(FinanceError, match=rf"2025-06/v1/{name} holds other content than the final version here"):
        export(settings=settings)
    assert s3.get_object(**key(settings, f"2025-06/v1/{name}"))["Body"].read() in (b"other", b"{}")
    assert (finance_folder(settings) / "2025-06" / "v1").is_dir()


JULY_TOO = CLOSED.having(
    feature_costs=(*CLOSED.feature_costs, FeatureCost(B, "chat", "usage", "1.00", month=JULY)),
    cells=(*CLOSED.cells, Cell(B, "usage", "1.00", allocated="1.00", day=JULY)),
    charges=(*CLOSED.charges, Charge(B, "chat", "usage", "1.00", day=JULY)),
)
"""June, final, and the beginning of July."""


def test_a_month_that_s3_has_otherwise_keeps_no_other_from_it(settings, publish, s3):
    publish(JULY_TOO)
    s3.put_object(**key(settings, "2025-06/v1/feature_costs.csv"), Body=b"other")
    seen: list[str] = []
    with pytest.raises(FinanceError, match=r"^2025-06: s3://\S+/2025-06/v1/feature_costs\.csv holds other content"):
        export(settings=settings, on_line=seen.append)
    assert [line[:12] for line in seen] == ["2025-06: fin", "2025-07: pro", "2025-07: put"]
    assert json.loads(s3.get_object(**key(settings, "2025-07/current.json"))["Body"].read())["set"] == "provisional"


def test_months_that_do_not_tie_and_months_that_s3_refuses_are_told_together(settings, publish, s3):
    publish(JULY_TOO.having(feature_costs=(*JULY_TOO.feature_costs, FeatureCost(A, "x", "usage", "1", month=JULY))))
    s3.put_object(**key(settings, "2025-06/v1/manifest.json"), Body=b"{}")
    with pytest.raises(FinanceError, match=r"2025-07 does not tie .*2025-06: s3://\S+/v1/manifest\.json holds other"):
        export(settings=settings)


def test_a_final_file_that_was_restored_without_a_checksum_is_taken_as_it_is(settings, publish, s3):
    publish(CLOSED)
    export(settings=replace(settings, finance_s3=""))
    data = (finance_folder(settings) / "2025-06" / "v1" / "feature_costs.csv").read_bytes()
    s3.put_object(**key(settings, "2025-06/v1/feature_costs.csv"), Body=data)
    assert export(settings=settings)[-1].startswith("2025-06: put 4 files")


def test_a_provisional_file_is_written_over(settings, publish, s3):
    publish(WORKED)
    s3.put_object(**key(settings, "2025-06/provisional/feature_costs.csv"), Body=b"old")
    export(settings=settings)
    assert s3.get_object(**key(settings, "2025-06/provisional/feature_costs.csv"))["Body"].read() != b"old"


def test_nothing_is_put_where_no_bucket_is_set(settings, publish, put_keys):
    publish(WORKED)
    assert len(export(settings=replace(settings, finance_s3=""))) == 1
    assert put_keys == []


def test_a_bucket_alone_will_do(settings, publish, s3):
    publish(WORKED)
    assert (
        export(settings=replace(settings, finance_s3=f"s3://{BUCKET}"))[-1]
        == "2025-06: put 5 files to s3://finance-files/2025-06"
    )


def test_a_bucket_that_is_not_there_is_told_and_the_files_are_written(settings, publish):
    publish(WORKED)
    with pytest.raises(
        SourceMissing, match=r"cannot write s3://no-such-files/x/2025-06/provisional/.*bucket does not exist"
    ):
        export(settings=replace(settings, finance_s3="s3://no-such-files/x"))
    assert (finance_folder(settings) / "2025-06" / "current" / "feature_costs.csv").exists()


@pytest.mark.parametrize(
    ("code", "status", "raised", "said"),
    [
        (
            "AccessDenied",
            403,
            SourceForbidden,
            r"access was refused .*allow s3:GetObject on it \(AI_FINOPS_FINANCE_S3\)",
        ),
        ("SlowDown", 503, SourceUnavailable, "try again later"),
    ],
)
def test_a_bucket_that_refuses_is_told_in_a_sentence(settings, publish, monkeypatch, code, status, raised, said):
    publish(JULY_TOO)
    client = aws.client
    monkeypatch.setattr(to_s3.aws, "client", lambda name, settings: client(name, settings=settings, max_attempts=1))
    with stand_in() as running:
        running.answer = lambda path, number: s3_error(code, status)
        use_endpoint(monkeypatch, running.endpoint)
        with pytest.raises(raised, match=said) as failed:
            export(settings=settings)
    for month, first in (("2025-06", r"v1/ai_cost_2025-06\.xlsx"), ("2025-07", r"provisional/manifest\.json")):
        assert re.search(rf"{month}: cannot read s3://\S+/{month}/{first}: ", str(failed.value))


def test_a_bucket_name_that_cannot_be_is_a_setting(settings, publish, s3):
    publish(WORKED)
    with pytest.raises((SettingsError, SourceMissing)):
        export(settings=replace(settings, finance_s3="s3://a..b/x"))
